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
void Gru<T>::step_rows(Index rows, const std::int32_t* tokens, const T* h_prev, T* h, T* gates, T* u,
                       Poll& poll) const {
    const auto& k = active_kernels<T>();
    const Index H = H_, G = 3 * H, n = 2 * H;
    poll(elementary_work * rows * H);
    if (tokens) k.gather(rows, G, tokens, W_, b_, gates);
    multiply(k, product<T>(rows, n, H, h_prev, H, 1, R_rz_panels_.data(), gates, G, gates, G), poll);
    if (reset_after_) {
        multiply(k, product<T>(rows, H, H, h_prev, H, 1, R_n_panels_.data(), b_Rn_, 0, u, H), poll);
        k.gru_forward(rows, H, h_prev, u, gates, h);
    } else {
        k.gru_reset(rows, H, h_prev, gates, u);
        multiply(k, product<T>(rows, H, H, u, H, 1, R_n_panels_.data(), gates + n, G, gates + n, G), poll);
        k.gru_update(rows, H, h_prev, gates, h);
    }
}

template <class T>
void Gru<T>::step(Index batch, LayerInput<T> x, const T* h_prev, T* h, T* gates, T* u, Poll& poll) const {
    const FloatScope scope;
    const Index H = H_, G = 3 * H;
    if (!x.tokens)
        multiply(active_kernels<T>(), product<T>(batch, G, D_, x.dense, D_, 1, W_panels_.data(), b_, 0, gates, G),
                 poll);
    in_row_blocks({0, batch}, H, [&](Threads::Range rows) {
        const Index first = rows.begin * H;
        step_rows(rows.size(), x.tokens ? x.tokens + rows.begin : nullptr, h_prev + first, h + first,
                  gates + rows.begin * G, u + first, poll);
    });
}

template <class T>
void Gru<T>::forward(const Packing& packing, LayerInput<T> x, T* h, T* gates, T* u, Threads& threads,
                     Poll& poll) const {
    const FloatScope scope;
    const Index H = H_, G = 3 * H;
    threads.run(poll, [&](Index rank, Poll& own) {
        if (!x.tokens) {
            const auto all = threads.share(packing.rows(), 1, rank);
            multiply(active_kernels<T>(),
                     product<T>(all.size(), G, D_, x.dense + all.begin * D_, D_, 1, W_panels_.data(), b_, 0,
                                gates + all.begin * G, G),
                     own);
            threads.meet(own);
        }
        in_row_blocks(share_of_batch(packing, threads, rank), H, [&](Threads::Range block) {
            for (Index t = 0; t < packing.steps; ++t) {
                const auto rows = running(packing, block, t);
                if (rows.size() == 0) break;
                const Index row = packing.begin(t) + rows.begin;
                step_rows(rows.size(), x.tokens ? x.tokens + row : nullptr, h + (packing.before(t) + rows.begin) * H,
                          h + (packing.batch + row) * H, gates + row * G, u + row * H, own);
            }
        });
    });
}

template <class T>
Index Gru<T>::backward_scratch(const Packing& packing) const noexcept {
    const Index of_weights = WeightGradient<T>::scratch_size(packing.rows(), 3 * H_, std::max(H_, D_));
    return std::max(packing.batch * H_, states_before_size(packing, H_) + of_weights);
}

template <class T>
void Gru<T>::backward(const Packing& packing, LayerInput<T> x, const T* h, const T* dh_out, T* gates, T* u,
                      const GruGradients<T>& gradients, T* scratch, Threads& threads, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const Index H = H_, G = 3 * H, n = 2 * H, all = packing.rows();
    threads.run(poll, [&](Index rank, Poll& own) {
        in_row_blocks(share_of_batch(packing, threads, rank), H, [&](Threads::Range block) {
            const Index first = block.begin * H;
            T* const dh = gradients.dh + first;
            for (Index t = packing.steps; t-- > 0;) {
                const Index rows = running(packing, block, t).size(), row = packing.begin(t) + block.begin;
                if (rows == 0) continue;
                own(elementary_work * rows * H);
                T* const da = gates + row * G;
                const T* const h_prev = h + packing.before(t) * H + first;
                const T* const from_above = dh_out + row * H;
                if (reset_after_) {
                    T* const du = u + row * H;
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
        const T* const h_prev = states_before(packing, H, h, scratch, threads, rank, own);
        T* const rest = scratch + states_before_size(packing, H);
        WeightGradient<T> of_input(all, G, G, gates, rest, threads, rank, own);
        if (x.tokens)
            of_input.add(x.tokens, gradients.dW);
        else
            of_input.add({{D_, x.dense, gradients.dW, G}});
        of_input.add_rows(gradients.db);
        if (gradients.dx) {
            const auto own_rows = threads.share(all, 1, rank);
            multiply(k,
                     product<T>(own_rows.size(), D_, G, gates + own_rows.begin * G, G, 1, W_transposed_.data(), nullptr,
                                0, gradients.dx + own_rows.begin * D_, D_),
                     own);
        }
        threads.meet(own);  // the next gradients' columns are shared out otherwise in the same scratch
        WeightGradient<T>(all, n, G, gates, rest, threads, rank, own).add({{H, h_prev, gradients.dR, G}});
        threads.meet(own);
        if (reset_after_) {  // h^T du
            WeightGradient<T> gradient(all, H, H, u, rest, threads, rank, own);
            gradient.add({{H, h_prev, gradients.dR + n, G}});
            gradient.add_rows(gradients.db_Rn);
        } else {  // u^T da_n
            WeightGradient<T>(all, H, G, gates + n, rest, threads, rank, own).add({{H, u, gradients.dR + n, G}});
        }
    });
}

template class Gru<float>;
template class Gru<double>;

}  // namespace rnnfast
