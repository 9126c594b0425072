// The oracle: one lane, one rounding a product. Slow, and equal in every bit to the SIMD tables.
#include "kernels/vec/vec_scalar.hpp"

namespace rnnfast::kernels {
namespace {
using FloatVec = ScalarVec<float, true>;
using DoubleVec = ScalarVec<double, true>;
}  // namespace
}  // namespace rnnfast::kernels

#include "kernels/bodies.inl.hpp"

namespace rnnfast::kernels {
const KernelTable<float> scalar_fma_f32 = make_table<FloatVec>("scalar_fma");
const KernelTable<double> scalar_fma_f64 = make_table<DoubleVec>("scalar_fma");
}  // namespace rnnfast::kernels
