// The limits with NEON.
#include "kernels/vec/vec_neon.hpp"
#include "limits.inl.hpp"

namespace rnnfast::limits {
const Limits neon = make_limits<kernels::NeonVec<float>>("neon");
}  // namespace rnnfast::limits
