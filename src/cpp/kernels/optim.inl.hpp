// Optimiser updates and clipping over flat arrays of n numbers.
//   Adam (Kingma & Ba 2015): m = b1 m + (1 - b1) g    v = b2 v + (1 - b2) g^2
//                            p -= rate * m / (sqrt(v) / root_correction + epsilon)
//   PyTorch's form: rate = lr / (1 - b1^t), root_correction = sqrt(1 - b2^t).
//   Keras' form:    rate = lr sqrt(1 - b2^t) / (1 - b1^t), root_correction = 1.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

template <class V>
void adam(Index n, const AdamConstants<typename V::Scalar>& k, const typename V::Scalar* g, typename V::Scalar* m,
          typename V::Scalar* v, typename V::Scalar* p) noexcept {
    const V beta1 = V::broadcast(k.beta1), one_minus_beta1 = V::broadcast(k.one_minus_beta1);
    const V beta2 = V::broadcast(k.beta2), one_minus_beta2 = V::broadcast(k.one_minus_beta2);
    const V rate = V::broadcast(k.rate), correction = V::broadcast(k.root_correction);
    const V epsilon = V::broadcast(k.epsilon);
    sweep<V>(n, [&](Index j, auto part) {
        const V gradient = load<V>(g + j, part);
        const V first = fma(beta1, load<V>(m + j, part), one_minus_beta1 * gradient);
        const V second = fma(beta2, load<V>(v + j, part), one_minus_beta2 * gradient * gradient);
        store(first, m + j, part);
        store(second, v + j, part);
        const V update = rate * first / (sqrt(second) / correction + epsilon);
        store(load<V>(p + j, part) - update, p + j, part);
    });
}

template <class V>
void sgd(Index n, typename V::Scalar rate, const typename V::Scalar* g, typename V::Scalar* p) noexcept {
    const V minus = V::broadcast(-rate);
    sweep<V>(n,
             [&](Index j, auto part) { store(fma(minus, load<V>(g + j, part), load<V>(p + j, part)), p + j, part); });
}

template <class V>
void clip(Index n, typename V::Scalar limit, typename V::Scalar* x) noexcept {
    const V high = V::broadcast(limit), low = V::broadcast(-limit);
    sweep<V>(n, [&](Index j, auto part) {
        V value = load<V>(x + j, part);
        value = select(less(high, value), high, value);
        store(select(less(value, low), low, value), x + j, part);
    });
}

// In double whatever T is: element j into partial sum j mod 16, folded 8, 4, 2, 1.
template <class V>
double sum_of_squares(Index n, const typename V::Scalar* x) noexcept {
    using D = DoubleVec;
    Sixteen<D> sums = Sixteen<D>::zero();
    double block[16];
    for (Index j = 0; j < n; j += 16) {
        const Index count = n - j < 16 ? n - j : 16;
        for (Index k = 0; k < count; ++k) block[k] = static_cast<double>(x[j + k]);
        for (Index k = count; k < 16; ++k) block[k] = 0;
#pragma GCC unroll 16
        for (int q = 0; q < Sixteen<D>::count; ++q) {
            const D value = D::load(block + q * D::lanes);
            sums.part[q] = fma(value, value, sums.part[q]);
        }
    }
    return sums.sum();
}

}  // namespace
}  // namespace rnnfast::kernels
