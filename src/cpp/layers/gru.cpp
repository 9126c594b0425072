#include "rnnfast/gru.hpp"

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "core/layer_products.hpp"

namespace rnnfast {

template <class T>
Gru<T>::Gru(Index input_size, Index hidden_size, bool reset_after)
    : D_(at_least("Gru: input_size", input_size, 1)),
      H_(at_least("Gru: hidden_size", hidden_size, 1)),
      reset_after_(reset_after) {}

template <class T>
void Gru<T>::prepare(const T* W, const T* R, const T* b, const T* b_Rn, bool tokens_only, bool for_backward) {
    W_ = W;
    b_ = b;
    b_Rn_ = b_Rn;
    const Index G = 3 * H_, n = 2 * H_;
    pack_weights(H_, n, G, R, R_rz_panels_);
    pack_weights(H_, H_, G, R + n, R_n_panels_);
    if (!tokens_only) pack_weights(D_, G, G, W, W_panels_);
    for_backward |= R_n_transposed_.size() > 0;  // what backward has read once must not grow stale
    if (!for_backward) return;
    pack_weights_transposed(n, H_, G, R, R_rz_transposed_);
    pack_weights_transposed(H_, H_, G, R + n, R_n_transposed_);
    if (!tokens_only) pack_weights_transposed(G, D_, G, W, W_transposed_);
}

template <class T>
void Gru<T>::forward(Index steps, Index batch, LayerInput<T> x, T* h, T* gates, T* u, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const Index H = H_, G = 3 * H, n = 2 * H, slot = batch * H;
    if (!x.tokens)
        multiply(k, product<T>(steps * batch, G, D_, x.dense, D_, 1, W_panels_.data(), b_, 0, gates, G), poll);
    for (Index t = 0; t < steps; ++t, h += slot, u += slot, gates += batch * G) {
        if (x.tokens) k.gather(batch, G, x.tokens + t * batch, W_, b_, gates);
        multiply(k, product<T>(batch, n, H, h, H, 1, R_rz_panels_.data(), gates, G, gates, G), poll);
        if (reset_after_) {
            multiply(k, product<T>(batch, H, H, h, H, 1, R_n_panels_.data(), b_Rn_, 0, u, H), poll);
            k.gru_forward(batch, H, h, u, gates, h + slot);
        } else {
            k.gru_reset(batch, H, h, gates, u);
            multiply(k, product<T>(batch, H, H, u, H, 1, R_n_panels_.data(), gates + n, G, gates + n, G), poll);
            k.gru_update(batch, H, h, gates, h + slot);
        }
    }
}

template <class T>
Index Gru<T>::backward_scratch(Index steps, Index batch) const noexcept {
    return panels_size(steps * batch, 3 * H_);
}

template <class T>
void Gru<T>::backward(Index steps, Index batch, LayerInput<T> x, const T* h, const T* dh_out, T* gates, T* u,
                      const GruGradients<T>& gradients, T* scratch, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const Index H = H_, G = 3 * H, n = 2 * H, slot = batch * H, rows = steps * batch;
    T* dh = gradients.dh;
    for (Index t = steps; t-- > 0;) {
        T* da = gates + t * batch * G;
        const T* h_prev = h + t * slot;
        const T* from_above = dh_out + t * slot;
        if (reset_after_) {
            T* du = u + t * slot;
            k.gru_backward(batch, H, h_prev, from_above, da, du, dh);
            multiply(k, product<T>(batch, H, H, du, H, 1, R_n_transposed_.data(), dh, H, dh, H), poll);
        } else {
            T* du = scratch;
            k.gru_update_backward(batch, H, h_prev, from_above, da, dh);
            multiply(k, product<T>(batch, H, H, da + n, G, 1, R_n_transposed_.data(), nullptr, 0, du, H), poll);
            k.gru_reset_backward(batch, H, h_prev, du, da, dh);
        }
        multiply(k, product<T>(batch, H, n, da, G, 1, R_rz_transposed_.data(), dh, H, dh, H), poll);
    }
    pack_panels(rows, G, G, gates, scratch, poll);
    multiply(k, product<T>(H, n, rows, h, 1, H, scratch, gradients.dR, G, gradients.dR, G), poll);
    add_input_gradients(k, rows, D_, G, x, gates, scratch, gradients.dW, gradients.db, poll);
    if (gradients.dx)
        multiply(k, product<T>(rows, D_, G, gates, G, 1, W_transposed_.data(), nullptr, 0, gradients.dx, D_), poll);

    T* dR_n = gradients.dR + n;
    if (reset_after_) {  // h^T du
        in_blocks(rows, H, poll, [&](Index row, Index count) { k.add_rows(count, H, u + row * H, gradients.db_Rn); });
        pack_panels(rows, H, H, u, scratch, poll);
        multiply(k, product<T>(H, H, rows, h, 1, H, scratch, dR_n, G, dR_n, G), poll);
    } else {  // u^T da_n
        pack_panels(rows, H, G, gates + n, scratch, poll);
        multiply(k, product<T>(H, H, rows, u, 1, H, scratch, dR_n, G, dR_n, G), poll);
    }
}

template class Gru<float>;
template class Gru<double>;

}  // namespace rnnfast
