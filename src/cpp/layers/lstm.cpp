#include "rnnfast/lstm.hpp"

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "core/products.hpp"
#include "layers/packed_weights.hpp"
#include "layers/share_of_batch.hpp"
#include "layers/weight_gradient.hpp"

namespace rnnfast {
namespace {

constexpr Index block_units = kernels::panel_columns;

// R in panels of 16 columns: i f g o of the first 16 units, i f g o of the next (kernels/lstm.inl.hpp).
template <class T>
void pack_gates(Index H, Index first_block, Index blocks, const T* R, T* panels, Poll& poll) {
    T* panel = panels + first_block * 4 * block_units * H;
    for (Index block = first_block; block < first_block + blocks; ++block) {
        const Index unit = block * block_units, width = std::min(block_units, H - unit);
        for (Index gate = 0; gate < 4; ++gate) panel = pack_panel(H, width, 4 * H, R + gate * H + unit, panel);
        poll(4 * block_units * H);
    }
}

}  // namespace

template <class T>
struct Lstm<T>::Part {
    Index first_row, rows, first_block, blocks;
    bool backwards;
};

template <class T>
Lstm<T>::Lstm(Index input_size, Index hidden_size)
    : D_(at_least("Lstm: input_size", input_size, 1)), H_(at_least("Lstm: hidden_size", hidden_size, 1)) {}

template <class T>
void Lstm<T>::prepare(const T* W, const T* R, const T* b, bool tokens_only, bool for_backward, Threads& threads) {
    W_ = W;
    b_ = b;
    const Index G = 4 * H_, blocks = (H_ + block_units - 1) / block_units;
    resize(R_panels_, blocks * 4 * block_units * H_);
    Poll none;
    threads.run(none, [&](Index rank, Poll& poll) {
        const auto own = threads.share(blocks, 1, rank);
        pack_gates(H_, own.begin, own.size(), R, R_panels_.data(), poll);
    });
    if (!tokens_only) pack_weights(D_, G, G, W, W_panels_, threads);
    for_backward |= R_transposed_.size() > 0;  // what backward has read once must not grow stale
    if (for_backward) pack_weights_transposed(G, H_, G, R, R_transposed_, threads);
    if (for_backward && !tokens_only) pack_weights_transposed(G, D_, G, W, W_transposed_, threads);
}

template <class T>
void Lstm<T>::step_part(const Part& part, LayerInput<T> x, const T* h_prev, const T* c_prev, T* h, T* c, T* gates,
                        Poll& poll) const {
    constexpr Index most_rows = 240, most_work = Index{1} << 24;
    const Index G = 4 * H_, step_rows = std::min(part.rows, most_rows);
    const Index step_blocks = std::max<Index>(1, most_work / std::max<Index>(1, step_rows * H_ * 4 * block_units));
    const auto& k = active_kernels<T>();
    for (Index row = part.first_row; row < part.first_row + part.rows; row += step_rows) {
        for (Index block = part.first_block; block < part.first_block + part.blocks; block += step_blocks) {
            const Index rows = std::min(step_rows, part.first_row + part.rows - row);
            const Index blocks = std::min(step_blocks, part.first_block + part.blocks - block), at = row * H_;
            poll(rows * blocks * 4 * block_units * H_);
            k.lstm_step({rows, H_, block, blocks, h_prev + at, R_panels_.data(), x.tokens ? x.tokens + row : nullptr,
                         W_, b_, gates + row * G, c_prev + at, c + at, h + at, part.backwards});
        }
    }
}

template <class T>
void Lstm<T>::step(Index t, Index batch, LayerInput<T> x, const T* h_prev, const T* c_prev, T* h, T* c, T* gates,
                   Poll& poll) const {
    const FloatScope scope;
    const Index G = 4 * H_, blocks = (H_ + block_units - 1) / block_units;
    if (!x.tokens)
        multiply(active_kernels<T>(), product<T>(batch, G, D_, x.dense, D_, 1, W_panels_.data(), b_, 0, gates, G),
                 poll);
    step_part({0, batch, 0, blocks, t % 2 == 1}, x, h_prev, c_prev, h, c, gates, poll);
}

template <class T>
void Lstm<T>::forward(const Packing& packing, LayerInput<T> x, T* h, T* c, T* gates, Threads& threads,
                      Poll& poll) const {
    const FloatScope scope;
    const Index batch = packing.batch, G = 4 * H_, blocks = (H_ + block_units - 1) / block_units;
    // Threads take rows, which never wait for each other, or where these are few, units, which meet after each step.
    constexpr Index worth_meeting = Index{1} << 18;  // multiply-adds of a step
    const bool by_units = sharers_of_batch(batch, threads) == 1 && batch * H_ * G >= worth_meeting;
    threads.run(poll, [&](Index rank, Poll& own) {
        if (!x.tokens) {
            const auto rows = threads.share(packing.rows(), 1, rank);
            multiply(active_kernels<T>(),
                     product<T>(rows.size(), G, D_, x.dense + rows.begin * D_, D_, 1, W_panels_.data(), b_, 0,
                                gates + rows.begin * G, G),
                     own);
            threads.meet(own);
        }
        const auto own_rows = by_units ? Threads::Range{0, batch} : share_of_batch(packing, threads, rank);
        const auto units = by_units ? threads.share(blocks, 1, rank) : Threads::Range{0, blocks};
        for (Index t = 0; t < packing.steps; ++t) {
            const auto rows = running(packing, own_rows, t);
            if (rows.size() == 0) break;
            const LayerInput<T> x_t{x.tokens ? x.tokens + packing.begin(t) : nullptr, nullptr};
            const Index before = packing.before(t) * H_, after = (batch + packing.begin(t)) * H_;
            step_part({rows.begin, rows.size(), units.begin, units.size(), t % 2 == 1}, x_t, h + before, c + before,
                      h + after, c + after, gates + packing.begin(t) * G, own);
            if (by_units) threads.meet(own);
        }
    });
}

template <class T>
Index Lstm<T>::backward_scratch(const Packing& packing) const noexcept {
    return states_before_size(packing, H_) + WeightGradient<T>::scratch_size(packing.rows(), 4 * H_, std::max(H_, D_));
}

template <class T>
void Lstm<T>::backward(const Packing& packing, LayerInput<T> x, const T* h, const T* c, const T* dh_out, T* gates,
                       const LstmGradients<T>& gradients, T* scratch, Threads& threads, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const Index G = 4 * H_, all = packing.rows();
    threads.run(poll, [&](Index rank, Poll& own) {
        in_row_blocks(share_of_batch(packing, threads, rank), H_, [&](Threads::Range block) {
            T* const dh = gradients.dh + block.begin * H_;
            for (Index t = packing.steps; t-- > 0;) {
                const Index rows = running(packing, block, t).size(), row = packing.begin(t) + block.begin;
                if (rows == 0) continue;
                T* const da = gates + row * G;
                own(elementary_work * rows * H_);
                k.lstm_backward(rows, H_, c + (packing.before(t) + block.begin) * H_, c + (packing.batch + row) * H_,
                                dh_out + row * H_, dh, da, gradients.dc + block.begin * H_);
                multiply(k, product<T>(rows, H_, G, da, G, 1, R_transposed_.data(), nullptr, 0, dh, H_), own);
            }
        });
        threads.meet(own);
        const T* const h_prev = states_before(packing, H_, h, scratch, threads, rank, own);
        WeightGradient<T> gradient(all, G, G, gates, scratch + states_before_size(packing, H_), threads, rank, own);
        gradient.add(H_, h_prev, gradients.dR, G);
        gradient.add(D_, x, gradients.dW, gradients.db);
        if (!gradients.dx) return;
        const auto part = threads.share(all, 1, rank);
        multiply(k,
                 product<T>(part.size(), D_, G, gates + part.begin * G, G, 1, W_transposed_.data(), nullptr, 0,
                            gradients.dx + part.begin * D_, D_),
                 own);
    });
}

template class Lstm<float>;
template class Lstm<double>;

}  // namespace rnnfast
