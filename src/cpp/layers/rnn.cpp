#include "rnnfast/rnn.hpp"

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "core/products.hpp"
#include "layers/packed_weights.hpp"
#include "layers/share_of_batch.hpp"
#include "layers/weight_gradient.hpp"

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
void Rnn<T>::prepare(const T* W, const T* R, const T* b, bool tokens_only, bool for_backward, Threads& threads) {
    W_ = W;
    b_ = b;
    pack_weights(H_, H_, H_, R, R_panels_, threads);
    if (!tokens_only) pack_weights(D_, H_, H_, W, W_panels_, threads);
    for_backward |= R_transposed_.size() > 0;  // what backward has read once must not grow stale
    if (for_backward) pack_weights_transposed(H_, H_, H_, R, R_transposed_, threads);
    if (for_backward && !tokens_only) pack_weights_transposed(H_, D_, H_, W, W_transposed_, threads);
}

template <class T>
void Rnn<T>::forward(Index steps, Index batch, LayerInput<T> x, T* h, Threads& threads, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const auto& cell = cell_of(k, nonlinearity_);
    const Index H = H_, slot = batch * H;
    T* const a = h + slot;  // becomes h(t) where it lies
    threads.run(poll, [&](Index rank, Poll& own) {
        if (!x.tokens) {
            const auto all = threads.share(steps * batch, 1, rank);
            multiply(k,
                     product<T>(all.size(), H, D_, x.dense + all.begin * D_, D_, 1, W_panels_.data(), b_, 0,
                                a + all.begin * H, H),
                     own);
            threads.meet(own);
        }
        in_row_blocks(share_of_batch(batch, threads, rank), H, [&](Threads::Range rows) {
            for (Index t = 0; t < steps; ++t) {
                own(elementary_work * rows.size() * H);
                const Index now = t * slot + rows.begin * H;
                if (x.tokens) k.gather(rows.size(), H, x.tokens + t * batch + rows.begin, W_, b_, a + now);
                multiply(k, product<T>(rows.size(), H, H, h + now, H, 1, R_panels_.data(), a + now, H, a + now, H),
                         own);
                cell.forward(rows.size() * H, a + now);
            }
        });
    });
}

template <class T>
Index Rnn<T>::backward_scratch(Index steps, Index batch) const noexcept {
    return WeightGradient<T>::scratch_size(steps * batch, H_, std::max(H_, D_));
}

template <class T>
void Rnn<T>::backward(Index steps, Index batch, LayerInput<T> x, const T* h, T* da, const RnnGradients<T>& gradients,
                      T* scratch, Threads& threads, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const auto& cell = cell_of(k, nonlinearity_);
    const Index H = H_, slot = batch * H, all = steps * batch;
    threads.run(poll, [&](Index rank, Poll& own) {
        in_row_blocks(share_of_batch(batch, threads, rank), H, [&](Threads::Range rows) {
            T* const dh = gradients.dh + rows.begin * H;
            for (Index t = steps; t-- > 0;) {
                own(elementary_work * rows.size() * H);
                const Index now = t * slot + rows.begin * H;
                cell.backward(rows.size() * H, h + slot + now, dh, da + now);
                multiply(k, product<T>(rows.size(), H, H, da + now, H, 1, R_transposed_.data(), nullptr, 0, dh, H),
                         own);
            }
        });
        threads.meet(own);
        WeightGradient<T> gradient(all, H, H, da, scratch, threads, rank, own);
        gradient.add(H, h, gradients.dR, H);
        gradient.add(D_, x, gradients.dW, gradients.db);
        if (!gradients.dx) return;
        const auto part = threads.share(all, 1, rank);
        multiply(k,
                 product<T>(part.size(), D_, H, da + part.begin * H, H, 1, W_transposed_.data(), nullptr, 0,
                            gradients.dx + part.begin * D_, D_),
                 own);
    });
}

template class Rnn<float>;
template class Rnn<double>;

}  // namespace rnnfast
