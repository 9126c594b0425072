// The baseline: any machine. Products round twice, so its results differ from the others' in the last bits.
#include "kernels/vec/vec_scalar.hpp"

namespace rnnfast::kernels {
namespace {
using FloatVec = ScalarVec<float, false>;
using DoubleVec = ScalarVec<double, false>;
}  // namespace
}  // namespace rnnfast::kernels

#include "kernels/bodies.inl.hpp"

namespace rnnfast::kernels {
const KernelTable<float> scalar_f32 = make_table<FloatVec>("scalar");
const KernelTable<double> scalar_f64 = make_table<DoubleVec>("scalar");
}  // namespace rnnfast::kernels
