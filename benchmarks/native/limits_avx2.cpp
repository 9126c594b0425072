// The limits with AVX2 and FMA.
#include "kernels/vec/vec_avx2.hpp"
#include "limits.inl.hpp"

namespace rnnfast::limits {
const Limits avx2 = make_limits<kernels::Avx2Vec<float>>("avx2");
}  // namespace rnnfast::limits
