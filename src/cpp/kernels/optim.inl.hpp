// Optimiser updates and clipping over flat arrays of n numbers.
//
//   SGD (also Sutskever et al. 2013):  g += weight_decay p    b = momentum b + g
//                                      p -= rate g, or rate b, or (Nesterov) rate (g + momentum b)
//   RMSprop (Tieleman & Hinton 2012):  g += weight_decay p    v = alpha v + (1 - alpha) g^2
//     centered (Graves 2013):          m = alpha m + (1 - alpha) g, and v - m^2 in the place of v in u
//                                      u = g / (sqrt(v + epsilon_inside) + epsilon_outside)    b = momentum b + u
//                                      p -= rate u, or rate b
//   Adam (Kingma & Ba 2015):           g += weight_decay p
//                                      m = beta1 m + (1 - beta1) g    v = beta2 v + (1 - beta2) g^2
//                                      p = keep p - rate m / (sqrt(v) / root_correction + epsilon)
//     PyTorch's form: rate = lr / (1 - beta1^t), root_correction = sqrt(1 - beta2^t).
//     Keras' form:    rate = lr sqrt(1 - beta2^t) / (1 - beta1^t), root_correction = 1.
//     AdamW (Loshchilov & Hutter 2019): weight_decay = 0, keep = 1 - lr * the decay. keep = 1 changes no bit.
//
// Registers of the largest, Adam: 9 constants and 5 numbers at work, of 16. All of them wait for memory or for the
// division; the questions inside their loops have one answer for a whole call.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

// b may be null: no momentum.
template <class V>
void sgd(Index n, const SgdConstants<typename V::Scalar>& k, const typename V::Scalar* g, typename V::Scalar* b,
         typename V::Scalar* p) noexcept {
    const V minus_rate = V::broadcast(-k.rate), weight_decay = V::broadcast(k.weight_decay);
    const V momentum = V::broadcast(k.momentum);
    sweep<V>(n, [&](Index j, auto part) {
        const V parameter = load<V>(p + j, part);
        const V gradient = fma(weight_decay, parameter, load<V>(g + j, part));
        V update = gradient;
        if (b) {
            const V velocity = fma(momentum, load<V>(b + j, part), gradient);
            store(velocity, b + j, part);
            update = k.nesterov ? fma(momentum, velocity, gradient) : velocity;
        }
        store(fma(minus_rate, update, parameter), p + j, part);
    });
}

// m may be null: not centered; so may b: no momentum.
template <class V>
void rmsprop(Index n, const RmspropConstants<typename V::Scalar>& k, const typename V::Scalar* g, typename V::Scalar* v,
             typename V::Scalar* m, typename V::Scalar* b, typename V::Scalar* p) noexcept {
    const V minus_rate = V::broadcast(-k.rate), weight_decay = V::broadcast(k.weight_decay);
    const V momentum = V::broadcast(k.momentum), zero = V::broadcast(0);
    const V alpha = V::broadcast(k.alpha), one_minus_alpha = V::broadcast(k.one_minus_alpha);
    const V inside = V::broadcast(k.epsilon_inside), outside = V::broadcast(k.epsilon_outside);
    sweep<V>(n, [&](Index j, auto part) {
        const V parameter = load<V>(p + j, part);
        const V gradient = fma(weight_decay, parameter, load<V>(g + j, part));
        V spread = fma(alpha, load<V>(v + j, part), one_minus_alpha * gradient * gradient);
        store(spread, v + j, part);
        if (m) {
            const V mean = fma(alpha, load<V>(m + j, part), one_minus_alpha * gradient);
            store(mean, m + j, part);
            spread = fma(zero - mean, mean, spread);
            spread = select(less(spread, zero), zero, spread);  // a variance that rounding left below zero
        }
        V update = gradient / (sqrt(spread + inside) + outside);
        if (b) {
            update = fma(momentum, load<V>(b + j, part), update);
            store(update, b + j, part);
        }
        store(fma(minus_rate, update, parameter), p + j, part);
    });
}

template <class V>
void adam(Index n, const AdamConstants<typename V::Scalar>& k, const typename V::Scalar* g, typename V::Scalar* m,
          typename V::Scalar* v, typename V::Scalar* p) noexcept {
    const V beta1 = V::broadcast(k.beta1), one_minus_beta1 = V::broadcast(k.one_minus_beta1);
    const V beta2 = V::broadcast(k.beta2), one_minus_beta2 = V::broadcast(k.one_minus_beta2);
    const V rate = V::broadcast(k.rate), correction = V::broadcast(k.root_correction);
    const V epsilon = V::broadcast(k.epsilon);
    const V weight_decay = V::broadcast(k.weight_decay), keep = V::broadcast(k.keep);
    sweep<V>(n, [&](Index j, auto part) {
        const V parameter = load<V>(p + j, part);
        const V gradient = fma(weight_decay, parameter, load<V>(g + j, part));
        const V first = fma(beta1, load<V>(m + j, part), one_minus_beta1 * gradient);
        const V second = fma(beta2, load<V>(v + j, part), one_minus_beta2 * gradient * gradient);
        store(first, m + j, part);
        store(second, v + j, part);
        const V update = rate * first / (sqrt(second) / correction + epsilon);
        store(keep * parameter - update, p + j, part);
    });
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
