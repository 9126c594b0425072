// AVX-512 (F, VL, BW, DQ): servers since 2017, Zen 4 and later.
#include "kernels/vec/vec_avx512.hpp"

namespace rnnfast::kernels {
namespace {
using FloatVec = Avx512Vec<float>;
using DoubleVec = Avx512Vec<double>;
}  // namespace
}  // namespace rnnfast::kernels

#include "kernels/bodies.inl.hpp"

namespace rnnfast::kernels {
const KernelTable<float> avx512_f32 = make_table<FloatVec>("avx512");
const KernelTable<double> avx512_f64 = make_table<DoubleVec>("avx512");
}  // namespace rnnfast::kernels
