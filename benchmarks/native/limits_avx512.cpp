// The limits with AVX-512.
#include "kernels/vec/vec_avx512.hpp"
#include "limits.inl.hpp"

namespace rnnfast::limits {
const Limits avx512 = make_limits<kernels::Avx512Vec<float>>("avx512");
}  // namespace rnnfast::limits
