// NEON: any aarch64 processor.
#include "kernels/vec/vec_neon.hpp"

namespace rnnfast::kernels {
namespace {
using FloatVec = NeonVec<float>;
using DoubleVec = NeonVec<double>;
}  // namespace
}  // namespace rnnfast::kernels

#include "kernels/bodies.inl.hpp"

namespace rnnfast::kernels {
const KernelTable<float> neon_f32 = make_table<FloatVec>("neon");
const KernelTable<double> neon_f64 = make_table<DoubleVec>("neon");
}  // namespace rnnfast::kernels
