// The basic RNN's elementwise part; its products are in gemm.
//
// Forward (Elman 1990), a = x W + h(t-1) R + b:
//   h = tanh(a)               or   h = relu(a)
// Backward, from dh = dh_out + dh_next (so that cutting time changes no bit), with the slope taken from h:
//   da = dh (1 - h^2)         or   da = dh where h > 0, else 0
// relu(a) = 0 > a ? 0 : a, so NaN stays NaN and -0 stays -0; its gradient is NaN where h is NaN, and 0 (of h's sign) at
// h = 0, whatever dh is.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

template <class V>
struct Tanh {
    static V value(V a) noexcept { return tanh(a); }
    static V gradient(V h, V dh) noexcept { return dh * (V::broadcast(1) - h * h); }
};

template <class V>
struct Relu {
    static V value(V a) noexcept { return max(V::broadcast(0), a); }
    // where h is not positive it is 0 or NaN, and so is the gradient
    static V gradient(V h, V dh) noexcept { return select(less(V::broadcast(0), h), dh, h); }
};

template <class V, class Activation>
void rnn_forward(Index n, typename V::Scalar* h) noexcept {
    sweep<V>(n, [&](Index j, auto part) { store(Activation::value(load<V>(h + j, part)), h + j, part); });
}

template <class V, class Activation>
void rnn_backward(Index n, const typename V::Scalar* h, const typename V::Scalar* dh_next,
                  typename V::Scalar* da) noexcept {
    sweep<V>(n, [&](Index j, auto part) {
        const V dh = load<V>(da + j, part) + load<V>(dh_next + j, part);
        store(Activation::gradient(load<V>(h + j, part), dh), da + j, part);
    });
}

template <class V, class Activation>
constexpr RnnKernels<typename V::Scalar> rnn_kernels{rnn_forward<V, Activation>, rnn_backward<V, Activation>};

}  // namespace
}  // namespace rnnfast::kernels
