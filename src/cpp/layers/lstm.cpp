#include "rnnfast/lstm.hpp"

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "core/layer_products.hpp"

namespace rnnfast {

template <class T>
Lstm<T>::Lstm(Index input_size, Index hidden_size)
    : D_(at_least("Lstm: input_size", input_size, 1)), H_(at_least("Lstm: hidden_size", hidden_size, 1)) {}

template <class T>
void Lstm<T>::prepare(const T* W, const T* R, const T* b, bool tokens_only, bool for_backward) {
    W_ = W;
    b_ = b;
    const Index G = 4 * H_;
    pack_weights(H_, G, G, R, R_panels_);
    if (!tokens_only) pack_weights(D_, G, G, W, W_panels_);
    for_backward |= R_transposed_.size() > 0;  // what backward has read once must not grow stale
    if (for_backward) pack_weights_transposed(G, H_, G, R, R_transposed_);
    if (for_backward && !tokens_only) pack_weights_transposed(G, D_, G, W, W_transposed_);
}

template <class T>
void Lstm<T>::forward(Index steps, Index batch, LayerInput<T> x, T* h, T* c, T* gates, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const Index G = 4 * H_, rows = steps * batch;
    if (!x.tokens) multiply(k, product<T>(rows, G, D_, x.dense, D_, 1, W_panels_.data(), b_, 0, gates, G), poll);
    for (Index t = 0; t < steps; ++t) {
        T* a = gates + t * batch * G;
        const Index now = t * batch * H_, next = now + batch * H_;
        if (x.tokens) k.gather(batch, G, x.tokens + t * batch, W_, b_, a);
        multiply(k, product<T>(batch, G, H_, h + now, H_, 1, R_panels_.data(), a, G, a, G), poll);
        k.lstm_forward(batch, H_, c + now, a, c + next, h + next);
    }
}

template <class T>
Index Lstm<T>::backward_scratch(Index steps, Index batch) const noexcept {
    return panels_size(steps * batch, 4 * H_);
}

template <class T>
void Lstm<T>::backward(Index steps, Index batch, LayerInput<T> x, const T* h, const T* c, const T* dh_out, T* gates,
                       const LstmGradients<T>& gradients, T* scratch, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const Index G = 4 * H_, rows = steps * batch;
    for (Index t = steps; t-- > 0;) {
        T* da = gates + t * batch * G;
        const Index now = t * batch * H_, next = now + batch * H_;
        k.lstm_backward(batch, H_, c + now, c + next, dh_out + now, gradients.dh, da, gradients.dc);
        multiply(k, product<T>(batch, H_, G, da, G, 1, R_transposed_.data(), nullptr, 0, gradients.dh, H_), poll);
    }
    // Weight gradients: sums over the rows (t, n), ascending; da is the right operand of both.
    pack_panels(rows, G, G, gates, scratch, poll);
    multiply(k, product<T>(H_, G, rows, h, 1, H_, scratch, gradients.dR, G, gradients.dR, G), poll);
    add_input_gradients(k, rows, D_, G, x, gates, scratch, gradients.dW, gradients.db, poll);
    if (gradients.dx)
        multiply(k, product<T>(rows, D_, G, gates, G, 1, W_transposed_.data(), nullptr, 0, gradients.dx, D_), poll);
}

template class Lstm<float>;
template class Lstm<double>;

}  // namespace rnnfast
