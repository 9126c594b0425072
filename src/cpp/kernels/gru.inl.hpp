// The GRU cell's elementwise part; its products are in gemm.
//
// Forward, a = x W + b in r z n, and a_r, a_z also + h(t-1) R:
//   r = sigmoid(a_r)   z = sigmoid(a_z)   h = (1 - z) n + z h(t-1)
//   reset after the recurrent product (cuDNN, PyTorch):  u = h(t-1) R_n + b_Rn   n = tanh(a_n + r u)
//   reset before it (Cho et al. 2014):                   u = r h(t-1)            n = tanh(a_n + u R_n)
// Backward, from dh = dh_out + dh_next (so that cutting time changes no bit):
//   da_n = dh (1 - z) (1 - n^2)   da_z = dh (h(t-1) - n) z (1 - z)   dh(t-1) = dh z
//   after:  du = da_n r        da_r = da_n u r (1 - r)
//   before: du = da_n R_n^T    da_r = du h(t-1) r (1 - r)            dh(t-1) += du r
// Both then add the products with R's transpose to dh(t-1).
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

// (1 - z) n + z h_prev
template <class V>
inline V gru_mix(V z, V n, V h_prev) noexcept {
    return fma(z, h_prev, (V::broadcast(1) - z) * n);
}

// The gradient on a_n; stores that on a_z and dh z.
template <class V, class Part>
inline V gru_mix_backward(V dh, V n, V h_prev, typename V::Scalar* z_at, typename V::Scalar* dh_at,
                          Part part) noexcept {
    const V one = V::broadcast(1);
    const V z = load<V>(z_at, part);
    store(dh * (h_prev - n) * (z * (one - z)), z_at, part);
    store(dh * z, dh_at, part);
    return dh * (one - z) * (one - n * n);
}

template <class V>
void gru_forward(Index N, Index H, const typename V::Scalar* h_prev, const typename V::Scalar* u,
                 typename V::Scalar* gates, typename V::Scalar* h) noexcept {
    for (Index row = 0; row < N; ++row, h_prev += H, u += H, h += H, gates += 3 * H) {
        sweep<V>(H, [&](Index j, auto part) {
            const V r = sigmoid(load<V>(gates + j, part));
            const V z = sigmoid(load<V>(gates + H + j, part));
            const V n = tanh(fma(r, load<V>(u + j, part), load<V>(gates + 2 * H + j, part)));
            store(r, gates + j, part);
            store(z, gates + H + j, part);
            store(n, gates + 2 * H + j, part);
            store(gru_mix(z, n, load<V>(h_prev + j, part)), h + j, part);
        });
    }
}

template <class V>
void gru_backward(Index N, Index H, const typename V::Scalar* h_prev, const typename V::Scalar* dh_out,
                  typename V::Scalar* gates, typename V::Scalar* u, typename V::Scalar* dh) noexcept {
    const V one = V::broadcast(1);
    for (Index row = 0; row < N; ++row, h_prev += H, dh_out += H, u += H, dh += H, gates += 3 * H) {
        sweep<V>(H, [&](Index j, auto part) {
            const V r = load<V>(gates + j, part);
            const V n = load<V>(gates + 2 * H + j, part);
            const V dh_t = load<V>(dh_out + j, part) + load<V>(dh + j, part);
            const V da_n = gru_mix_backward(dh_t, n, load<V>(h_prev + j, part), gates + H + j, dh + j, part);
            store(da_n * load<V>(u + j, part) * (r * (one - r)), gates + j, part);
            store(da_n, gates + 2 * H + j, part);
            store(da_n * r, u + j, part);
        });
    }
}

template <class V>
void gru_reset(Index N, Index H, const typename V::Scalar* h_prev, typename V::Scalar* gates,
               typename V::Scalar* u) noexcept {
    for (Index row = 0; row < N; ++row, h_prev += H, u += H, gates += 3 * H) {
        sweep<V>(H, [&](Index j, auto part) {
            const V r = sigmoid(load<V>(gates + j, part));
            store(r, gates + j, part);
            store(sigmoid(load<V>(gates + H + j, part)), gates + H + j, part);
            store(r * load<V>(h_prev + j, part), u + j, part);
        });
    }
}

template <class V>
void gru_update(Index N, Index H, const typename V::Scalar* h_prev, typename V::Scalar* gates,
                typename V::Scalar* h) noexcept {
    for (Index row = 0; row < N; ++row, h_prev += H, h += H, gates += 3 * H) {
        sweep<V>(H, [&](Index j, auto part) {
            const V n = tanh(load<V>(gates + 2 * H + j, part));
            store(n, gates + 2 * H + j, part);
            store(gru_mix(load<V>(gates + H + j, part), n, load<V>(h_prev + j, part)), h + j, part);
        });
    }
}

template <class V>
void gru_update_backward(Index N, Index H, const typename V::Scalar* h_prev, const typename V::Scalar* dh_out,
                         typename V::Scalar* gates, typename V::Scalar* dh) noexcept {
    for (Index row = 0; row < N; ++row, h_prev += H, dh_out += H, dh += H, gates += 3 * H) {
        sweep<V>(H, [&](Index j, auto part) {
            const V n = load<V>(gates + 2 * H + j, part);
            const V dh_t = load<V>(dh_out + j, part) + load<V>(dh + j, part);
            store(gru_mix_backward(dh_t, n, load<V>(h_prev + j, part), gates + H + j, dh + j, part), gates + 2 * H + j,
                  part);
        });
    }
}

template <class V>
void gru_reset_backward(Index N, Index H, const typename V::Scalar* h_prev, const typename V::Scalar* du,
                        typename V::Scalar* gates, typename V::Scalar* dh) noexcept {
    const V one = V::broadcast(1);
    for (Index row = 0; row < N; ++row, h_prev += H, du += H, dh += H, gates += 3 * H) {
        sweep<V>(H, [&](Index j, auto part) {
            const V r = load<V>(gates + j, part);
            const V du_t = load<V>(du + j, part);
            store(du_t * load<V>(h_prev + j, part) * (r * (one - r)), gates + j, part);
            store(fma(du_t, r, load<V>(dh + j, part)), dh + j, part);
        });
    }
}

}  // namespace
}  // namespace rnnfast::kernels
