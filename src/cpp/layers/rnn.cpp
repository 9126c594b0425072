#include "rnnfast/rnn.hpp"

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "core/layer_products.hpp"

namespace rnnfast {
namespace {

template <class T>
const kernels::RnnKernels<T>& cell_of(const kernels::KernelTable<T>& k, Nonlinearity nonlinearity) {
    return nonlinearity == Nonlinearity::relu ? k.rnn_relu : k.rnn_tanh;
}

}  // namespace

template <class T>
Rnn<T>::Rnn(Index input_size, Index hidden_size, Nonlinearity nonlinearity)
    : D_(at_least("Rnn: input_size", input_size, 1)),
      H_(at_least("Rnn: hidden_size", hidden_size, 1)),
      nonlinearity_(nonlinearity) {}

template <class T>
void Rnn<T>::prepare(const T* W, const T* R, const T* b, bool tokens_only, bool for_backward) {
    W_ = W;
    b_ = b;
    pack_weights(H_, H_, H_, R, R_panels_);
    if (!tokens_only) pack_weights(D_, H_, H_, W, W_panels_);
    for_backward |= R_transposed_.size() > 0;  // what backward has read once must not grow stale
    if (for_backward) pack_weights_transposed(H_, H_, H_, R, R_transposed_);
    if (for_backward && !tokens_only) pack_weights_transposed(H_, D_, H_, W, W_transposed_);
}

template <class T>
void Rnn<T>::forward(Index steps, Index batch, LayerInput<T> x, T* h, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const auto& cell = cell_of(k, nonlinearity_);
    const Index H = H_, slot = batch * H;
    T* a = h + slot;  // becomes h(t) where it lies
    if (!x.tokens) multiply(k, product<T>(steps * batch, H, D_, x.dense, D_, 1, W_panels_.data(), b_, 0, a, H), poll);
    for (Index t = 0; t < steps; ++t, h += slot, a += slot) {
        if (x.tokens) k.gather(batch, H, x.tokens + t * batch, W_, b_, a);
        multiply(k, product<T>(batch, H, H, h, H, 1, R_panels_.data(), a, H, a, H), poll);
        cell.forward(slot, a);
    }
}

template <class T>
Index Rnn<T>::backward_scratch(Index steps, Index batch) const noexcept {
    return panels_size(steps * batch, H_);
}

template <class T>
void Rnn<T>::backward(Index steps, Index batch, LayerInput<T> x, const T* h, T* da, const RnnGradients<T>& gradients,
                      T* scratch, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const auto& cell = cell_of(k, nonlinearity_);
    const Index H = H_, slot = batch * H, rows = steps * batch;
    for (Index t = steps; t-- > 0;) {
        T* a = da + t * slot;
        cell.backward(slot, h + (t + 1) * slot, gradients.dh, a);
        multiply(k, product<T>(batch, H, H, a, H, 1, R_transposed_.data(), nullptr, 0, gradients.dh, H), poll);
    }
    pack_panels(rows, H, H, da, scratch, poll);
    multiply(k, product<T>(H, H, rows, h, 1, H, scratch, gradients.dR, H, gradients.dR, H), poll);
    add_input_gradients(k, rows, D_, H, x, da, scratch, gradients.dW, gradients.db, poll);
    if (gradients.dx)
        multiply(k, product<T>(rows, D_, H, da, H, 1, W_transposed_.data(), nullptr, 0, gradients.dx, D_), poll);
}

template class Rnn<float>;
template class Rnn<double>;

}  // namespace rnnfast
