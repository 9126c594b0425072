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
void Rnn<T>::step_rows(Index rows, const std::int32_t* tokens, const T* h_prev, T* h, Poll& poll) const {
    const auto& k = active_kernels<T>();
    poll(elementary_work * rows * H_);
    if (tokens) k.gather(rows, H_, tokens, W_, b_, h);
    multiply(k, product<T>(rows, H_, H_, h_prev, H_, 1, R_panels_.data(), h, H_, h, H_), poll);
    cell_of(k, nonlinearity_).forward(rows * H_, h);
}

template <class T>
void Rnn<T>::step(Index batch, LayerInput<T> x, const T* h_prev, T* h, Poll& poll) const {
    const FloatScope scope;
    const Index H = H_;
    if (!x.tokens)
        multiply(active_kernels<T>(), product<T>(batch, H, D_, x.dense, D_, 1, W_panels_.data(), b_, 0, h, H), poll);
    in_row_blocks({0, batch}, H, [&](Threads::Range rows) {
        step_rows(rows.size(), x.tokens ? x.tokens + rows.begin : nullptr, h_prev + rows.begin * H, h + rows.begin * H,
                  poll);
    });
}

template <class T>
void Rnn<T>::forward(const Packing& packing, LayerInput<T> x, T* h, Threads& threads, Poll& poll) const {
    const FloatScope scope;
    const Index H = H_;
    T* const a = h + packing.batch * H;  // becomes h(t) where it lies
    threads.run(poll, [&](Index rank, Poll& own) {
        if (!x.tokens) {
            const auto all = threads.share(packing.rows(), 1, rank);
            multiply(active_kernels<T>(),
                     product<T>(all.size(), H, D_, x.dense + all.begin * D_, D_, 1, W_panels_.data(), b_, 0,
                                a + all.begin * H, H),
                     own);
            threads.meet(own);
        }
        in_row_blocks(share_of_batch(packing, threads, rank), H, [&](Threads::Range block) {
            for (Index t = 0; t < packing.steps; ++t) {
                const auto rows = running(packing, block, t);
                if (rows.size() == 0) break;
                const Index row = packing.begin(t) + rows.begin;
                step_rows(rows.size(), x.tokens ? x.tokens + row : nullptr, h + (packing.before(t) + rows.begin) * H,
                          a + row * H, own);
            }
        });
    });
}

template <class T>
Index Rnn<T>::backward_scratch(const Packing& packing) const noexcept {
    return states_before_size(packing, H_) + WeightGradient<T>::scratch_size(packing.rows(), H_, H_ + D_);
}

template <class T>
void Rnn<T>::backward(const Packing& packing, LayerInput<T> x, const T* h, T* da, const RnnGradients<T>& gradients,
                      T* scratch, Threads& threads, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const auto& cell = cell_of(k, nonlinearity_);
    const Index H = H_, all = packing.rows();
    threads.run(poll, [&](Index rank, Poll& own) {
        in_row_blocks(share_of_batch(packing, threads, rank), H, [&](Threads::Range block) {
            T* const dh = gradients.dh + block.begin * H;
            for (Index t = packing.steps; t-- > 0;) {
                const auto rows = running(packing, block, t);
                if (rows.size() == 0) continue;
                own(elementary_work * rows.size() * H);
                const Index now = (packing.begin(t) + rows.begin) * H;
                cell.backward(rows.size() * H, h + packing.batch * H + now, dh, da + now);
                multiply(k, product<T>(rows.size(), H, H, da + now, H, 1, R_transposed_.data(), nullptr, 0, dh, H),
                         own);
            }
        });
        threads.meet(own);
        const T* const h_prev = states_before(packing, H, h, scratch, threads, rank, own);
        WeightGradient<T> gradient(all, H, H, da, scratch + states_before_size(packing, H), threads, rank, own);
        if (x.tokens) {
            gradient.add({{H, h_prev, gradients.dR, H}});
            gradient.add(x.tokens, gradients.dW);
        } else {
            gradient.add({{H, h_prev, gradients.dR, H}, {D_, x.dense, gradients.dW, H}});
        }
        gradient.add_rows(gradients.db);
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
