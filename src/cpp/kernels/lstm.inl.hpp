// The LSTM cell's elementwise part; its products are in gemm.
//
// Forward (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000), a = x W + h(t-1) R + b in i f g o:
//   i = sigmoid(a_i)  f = sigmoid(a_f)  g = tanh(a_g)  o = sigmoid(a_o)
//   c = f c(t-1) + i g        h = o tanh(c)
// Backward, from dh = dh_out + dh_next (so that cutting time changes no bit) and dc = dL/dc(t) so far:
//   dc += dh o (1 - tanh(c)^2)
//   da_i = dc g i (1 - i)     da_f = dc c(t-1) f (1 - f)     da_g = dc i (1 - g^2)     da_o = dh tanh(c) o (1 - o)
//   dc(t-1) = dc f
// tanh(c) is computed again rather than kept: a sixth more activations would have to go through the cache.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

template <class V>
void lstm_forward(Index N, Index H, const typename V::Scalar* c_prev, typename V::Scalar* gates, typename V::Scalar* c,
                  typename V::Scalar* h) noexcept {
    for (Index n = 0; n < N; ++n, c_prev += H, c += H, h += H, gates += 4 * H) {
        sweep<V>(H, [&](Index j, auto part) {
            const V i = sigmoid(load<V>(gates + j, part));
            const V f = sigmoid(load<V>(gates + H + j, part));
            const V g = tanh(load<V>(gates + 2 * H + j, part));
            const V o = sigmoid(load<V>(gates + 3 * H + j, part));
            const V cell = fma(f, load<V>(c_prev + j, part), i * g);
            store(i, gates + j, part);
            store(f, gates + H + j, part);
            store(g, gates + 2 * H + j, part);
            store(o, gates + 3 * H + j, part);
            store(cell, c + j, part);
            store(o * tanh(cell), h + j, part);
        });
    }
}

template <class V>
void lstm_backward(Index N, Index H, const typename V::Scalar* c_prev, const typename V::Scalar* c,
                   const typename V::Scalar* dh_out, const typename V::Scalar* dh_next, typename V::Scalar* gates,
                   typename V::Scalar* dc) noexcept {
    const V one = V::broadcast(1);
    for (Index n = 0; n < N; ++n, c_prev += H, c += H, dh_out += H, dh_next += H, dc += H, gates += 4 * H) {
        sweep<V>(H, [&](Index j, auto part) {
            const V i = load<V>(gates + j, part);
            const V f = load<V>(gates + H + j, part);
            const V g = load<V>(gates + 2 * H + j, part);
            const V o = load<V>(gates + 3 * H + j, part);
            const V tanh_c = tanh(load<V>(c + j, part));
            const V dh = load<V>(dh_out + j, part) + load<V>(dh_next + j, part);
            const V dc_t = fma(dh * o, one - tanh_c * tanh_c, load<V>(dc + j, part));
            store(dc_t * g * (i * (one - i)), gates + j, part);
            store(dc_t * load<V>(c_prev + j, part) * (f * (one - f)), gates + H + j, part);
            store(dc_t * i * (one - g * g), gates + 2 * H + j, part);
            store(dh * tanh_c * (o * (one - o)), gates + 3 * H + j, part);
            store(dc_t * f, dc + j, part);
        });
    }
}

}  // namespace
}  // namespace rnnfast::kernels
