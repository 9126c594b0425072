#include "rnnfast/gru.hpp"

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "core/products.hpp"
#include "layers/packed_weights.hpp"
#include "layers/share_of_batch.hpp"
#include "layers/weight_gradient.hpp"

namespace rnnfast {

template <class T>
Gru<T>::Gru(Index input_size, Index hidden_size, bool reset_after)
    : D_(at_least("Gru: input_size", input_size, 1)),
      H_(at_least("Gru: hidden_size", hidden_size, 1)),
      reset_after_(reset_after) {}

template <class T>
void Gru<T>::prepare(const T* W, const T* R, const T* b, const T* b_Rn, bool tokens_only, bool for_backward,
                     Threads& threads) {
    W_ = W;
    b_ = b;
    b_Rn_ = b_Rn;
    const Index G = 3 * H_, n = 2 * H_;
    pack_weights(H_, n, G, R, R_rz_panels_, threads);
    pack_weights(H_, H_, G, R + n, R_n_panels_, threads);
    if (!tokens_only) pack_weights(D_, G, G, W, W_panels_, threads);
    for_backward |= R_n_transposed_.size() > 0;  // what backward has read once must not grow stale
    if (!for_backward) return;
    pack_weights_transposed(n, H_, G, R, R_rz_transposed_, threads);
    pack_weights_transposed(H_, H_, G, R + n, R_n_transposed_, threads);
    if (!tokens_only) pack_weights_transposed(G, D_, G, W, W_transposed_, threads);
}

template <class T>
void Gru<T>::forward(Index steps, Index batch, LayerInput<T> x, T* h, T* gates, T* u, Threads& threads,
                     Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const Index H = H_, G = 3 * H, n = 2 * H, slot = batch * H;
    threads.run(poll, [&](Index rank, Poll& own) {
        if (!x.tokens) {
            const auto all = threads.share(steps * batch, 1, rank);
            multiply(k,
                     product<T>(all.size(), G, D_, x.dense + all.begin * D_, D_, 1, W_panels_.data(), b_, 0,
                                gates + all.begin * G, G),
                     own);
            threads.meet(own);
        }
        in_row_blocks(share_of_batch(batch, threads, rank), H, [&](Threads::Range part) {
            const Index rows = part.size();
            for (Index t = 0; t < steps; ++t) {
                own(elementary_work * rows * H);
                const T* const h_prev = h + t * slot + part.begin * H;
                T* const h_next = h + (t + 1) * slot + part.begin * H;
                T* const u_t = u + t * slot + part.begin * H;
                T* const a = gates + (t * batch + part.begin) * G;
                if (x.tokens) k.gather(rows, G, x.tokens + t * batch + part.begin, W_, b_, a);
                multiply(k, product<T>(rows, n, H, h_prev, H, 1, R_rz_panels_.data(), a, G, a, G), own);
                if (reset_after_) {
                    multiply(k, product<T>(rows, H, H, h_prev, H, 1, R_n_panels_.data(), b_Rn_, 0, u_t, H), own);
                    k.gru_forward(rows, H, h_prev, u_t, a, h_next);
                } else {
                    k.gru_reset(rows, H, h_prev, a, u_t);
                    multiply(k, product<T>(rows, H, H, u_t, H, 1, R_n_panels_.data(), a + n, G, a + n, G), own);
                    k.gru_update(rows, H, h_prev, a, h_next);
                }
            }
        });
    });
}

template <class T>
Index Gru<T>::backward_scratch(Index steps, Index batch) const noexcept {
    return std::max(batch * H_, WeightGradient<T>::scratch_size(steps * batch, 3 * H_, std::max(H_, D_)));
}

template <class T>
void Gru<T>::backward(Index steps, Index batch, LayerInput<T> x, const T* h, const T* dh_out, T* gates, T* u,
                      const GruGradients<T>& gradients, T* scratch, Threads& threads, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const Index H = H_, G = 3 * H, n = 2 * H, slot = batch * H, all = steps * batch;
    threads.run(poll, [&](Index rank, Poll& own) {
        in_row_blocks(share_of_batch(batch, threads, rank), H, [&](Threads::Range part) {
            const Index rows = part.size(), first = part.begin * H;
            T* const dh = gradients.dh + first;
            for (Index t = steps; t-- > 0;) {
                own(elementary_work * rows * H);
                T* const da = gates + (t * batch + part.begin) * G;
                const T* const h_prev = h + t * slot + first;
                const T* const from_above = dh_out + t * slot + first;
                if (reset_after_) {
                    T* const du = u + t * slot + first;
                    k.gru_backward(rows, H, h_prev, from_above, da, du, dh);
                    multiply(k, product<T>(rows, H, H, du, H, 1, R_n_transposed_.data(), dh, H, dh, H), own);
                } else {
                    T* const du = scratch + first;
                    k.gru_update_backward(rows, H, h_prev, from_above, da, dh);
                    multiply(k, product<T>(rows, H, H, da + n, G, 1, R_n_transposed_.data(), nullptr, 0, du, H), own);
                    k.gru_reset_backward(rows, H, h_prev, du, da, dh);
                }
                multiply(k, product<T>(rows, H, n, da, G, 1, R_rz_transposed_.data(), dh, H, dh, H), own);
            }
        });
        threads.meet(own);
        WeightGradient<T>(all, G, G, gates, scratch, threads, rank, own).add(D_, x, gradients.dW, gradients.db);
        if (gradients.dx) {
            const auto own_rows = threads.share(all, 1, rank);
            multiply(k,
                     product<T>(own_rows.size(), D_, G, gates + own_rows.begin * G, G, 1, W_transposed_.data(), nullptr,
                                0, gradients.dx + own_rows.begin * D_, D_),
                     own);
        }
        threads.meet(own);  // the next gradients' columns are shared out otherwise in the same scratch
        WeightGradient<T>(all, n, G, gates, scratch, threads, rank, own).add(H, h, gradients.dR, G);
        threads.meet(own);
        if (reset_after_) {  // h^T du
            WeightGradient<T> gradient(all, H, H, u, scratch, threads, rank, own);
            gradient.add(H, h, gradients.dR + n, G);
            gradient.add_rows(gradients.db_Rn);
        } else {  // u^T da_n
            WeightGradient<T>(all, H, G, gates + n, scratch, threads, rank, own).add(H, u, gradients.dR + n, G);
        }
    });
}

template class Gru<float>;
template class Gru<double>;

}  // namespace rnnfast
