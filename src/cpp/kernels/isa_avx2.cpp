// AVX2 and FMA: x86-64 processors since 2013.
#include "kernels/vec/vec_avx2.hpp"

namespace rnnfast::kernels {
namespace {
using FloatVec = Avx2Vec<float>;
using DoubleVec = Avx2Vec<double>;
}  // namespace
}  // namespace rnnfast::kernels

#include "kernels/bodies.inl.hpp"

namespace rnnfast::kernels {
const KernelTable<float> avx2_f32 = make_table<FloatVec>("avx2");
const KernelTable<double> avx2_f64 = make_table<DoubleVec>("avx2");
}  // namespace rnnfast::kernels
