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
struct Lstm<T>::Step {
    const std::int32_t* tokens;
    const T* h_prev;
    const T* c_prev;
    T* h;
    T* c;
    T* gates;
    T* m;  // o tanh(c): h itself but with a projection
};

template <class T>
struct Lstm<T>::Part {
    Index first_row, rows, first_block, blocks;
    bool backwards;
};

template <class T>
Lstm<T>::Lstm(Index input_size, Index hidden_size, const LstmOptions& options)
    : D_(at_least("Lstm: input_size", input_size, 1)),
      H_(at_least("Lstm: hidden_size", hidden_size, 1)),
      P_(at_least("Lstm: projection_size", options.projection_size, 0) > 0 ? options.projection_size : H_),
      G_((options.coupled ? 3 : 4) * H_),
      options_(options) {}

template <class T>
void Lstm<T>::prepare(const LstmWeights<T>& weights, bool tokens_only, bool for_backward, Threads& threads) {
    W_ = weights.W;
    b_ = weights.b;
    peephole_ = options_.peephole ? weights.peephole : nullptr;
    if (has_options()) {
        pack_weights(P_, G_, G_, weights.R, R_panels_, threads);
    } else {
        const Index blocks = (H_ + block_units - 1) / block_units;
        resize(R_panels_, blocks * 4 * block_units * H_);
        Poll none;
        threads.run(none, [&](Index rank, Poll& poll) {
            const auto own = threads.share(blocks, 1, rank);
            pack_gates(H_, own.begin, own.size(), weights.R, R_panels_.data(), poll);
        });
    }
    if (!tokens_only) pack_weights(D_, G_, G_, weights.W, W_panels_, threads);
    if (projects()) pack_weights(H_, P_, P_, weights.projection, Q_panels_, threads);
    for_backward |= R_transposed_.size() > 0;  // what backward has read once must not grow stale
    if (!for_backward) return;
    pack_weights_transposed(G_, P_, G_, weights.R, R_transposed_, threads);
    if (!tokens_only) pack_weights_transposed(G_, D_, G_, weights.W, W_transposed_, threads);
    if (projects()) pack_weights_transposed(P_, H_, P_, weights.projection, Q_transposed_, threads);
}

template <class T>
void Lstm<T>::step_fused(const Part& part, const Step& s, Poll& poll) const {
    constexpr Index most_rows = 240, most_work = Index{1} << 24;
    const Index step_rows = std::min(part.rows, most_rows);
    const Index step_blocks = std::max<Index>(1, most_work / std::max<Index>(1, step_rows * H_ * 4 * block_units));
    const auto& k = active_kernels<T>();
    for (Index row = part.first_row; row < part.first_row + part.rows; row += step_rows) {
        for (Index block = part.first_block; block < part.first_block + part.blocks; block += step_blocks) {
            const Index rows = std::min(step_rows, part.first_row + part.rows - row);
            const Index blocks = std::min(step_blocks, part.first_block + part.blocks - block), at = row * H_;
            poll(rows * blocks * 4 * block_units * H_);
            k.lstm_step({rows, H_, block, blocks, s.h_prev + at, R_panels_.data(), s.tokens ? s.tokens + row : nullptr,
                         W_, b_, s.gates + row * G_, s.c_prev + at, s.c + at, s.h + at, part.backwards});
        }
    }
}

template <class T>
void Lstm<T>::step_with_options(Threads::Range all, const Step& s, Poll& poll) const {
    const auto& k = active_kernels<T>();
    in_row_blocks(all, H_, [&](Threads::Range rows) {
        const Index n = rows.size(), row = rows.begin, first = row * H_;
        T* const a = s.gates + row * G_;
        poll(elementary_work * n * G_);
        if (s.tokens) k.gather(n, G_, s.tokens + row, W_, b_, a);
        multiply(k, product<T>(n, G_, P_, s.h_prev + row * P_, P_, 1, R_panels_.data(), a, G_, a, G_), poll);
        k.lstm_options_forward({n, H_, options_.coupled, peephole_}, s.c_prev + first, a, s.c + first, s.m + first);
        if (!projects()) return;
        multiply(k, product<T>(n, P_, H_, s.m + first, H_, 1, Q_panels_.data(), nullptr, 0, s.h + row * P_, P_), poll);
    });
}

template <class T>
void Lstm<T>::step(Index t, Index batch, LayerInput<T> x, const T* h_prev, const T* c_prev, T* h, T* c, T* gates,
                   Poll& poll) const {
    const FloatScope scope;
    if (!x.tokens)
        multiply(active_kernels<T>(), product<T>(batch, G_, D_, x.dense, D_, 1, W_panels_.data(), b_, 0, gates, G_),
                 poll);
    const Step step{x.tokens, h_prev, c_prev, h, c, gates, projects() ? gates + batch * G_ : h};
    const Index blocks = (H_ + block_units - 1) / block_units;
    if (has_options())
        step_with_options({0, batch}, step, poll);
    else
        step_fused({0, batch, 0, blocks, t % 2 == 1}, step, poll);
}

template <class T>
void Lstm<T>::forward(const Packing& packing, LayerInput<T> x, T* h, T* c, T* gates, Threads& threads,
                      Poll& poll) const {
    const FloatScope scope;
    const Index batch = packing.batch, blocks = (H_ + block_units - 1) / block_units;
    T* const m = projects() ? gates + packing.rows() * G_ : h + batch * H_;
    // Threads take rows, which never wait for each other, or where these are few, units, which meet after each step.
    constexpr Index worth_meeting = Index{1} << 18;  // multiply-adds of a step
    const bool by_units = !has_options() && sharers_of_batch(batch, threads) == 1 && batch * H_ * G_ >= worth_meeting;
    threads.run(poll, [&](Index rank, Poll& own) {
        if (!x.tokens) {
            const auto rows = threads.share(packing.rows(), 1, rank);
            multiply(active_kernels<T>(),
                     product<T>(rows.size(), G_, D_, x.dense + rows.begin * D_, D_, 1, W_panels_.data(), b_, 0,
                                gates + rows.begin * G_, G_),
                     own);
            threads.meet(own);
        }
        const auto own_rows = by_units ? Threads::Range{0, batch} : share_of_batch(packing, threads, rank);
        const auto units = by_units ? threads.share(blocks, 1, rank) : Threads::Range{0, blocks};
        for (Index t = 0; t < packing.steps; ++t) {
            const auto rows = running(packing, own_rows, t);
            if (rows.size() == 0) break;
            const Index begin = packing.begin(t), before = packing.before(t), after = batch + begin;
            const Step step{x.tokens ? x.tokens + begin : nullptr,
                            h + before * P_,
                            c + before * H_,
                            h + after * P_,
                            c + after * H_,
                            gates + begin * G_,
                            m + begin * H_};
            if (has_options())
                step_with_options(rows, step, own);
            else
                step_fused({rows.begin, rows.size(), units.begin, units.size(), t % 2 == 1}, step, own);
            if (by_units) threads.meet(own);
        }
    });
}

// Where in backward's scratch what begins.
template <class T>
struct Lstm<T>::Scratch {
    Index dh;       // [rows, P], with a projection: the whole gradient on h, which that on Q needs
    Index dm;       // [N, H], with options: the gradient on m
    Index weights;  // WeightGradient's part; before all that: what states_before gathers

    Scratch(const Lstm& lstm, const Packing& packing)
        : dh(states_before_size(packing, lstm.P_)),
          dm(dh + (lstm.projects() ? packing.rows() * lstm.P_ : 0)),
          weights(dm + (lstm.has_options() ? packing.batch * lstm.H_ : 0)) {}
};

template <class T>
Index Lstm<T>::backward_scratch(const Packing& packing) const noexcept {
    const Index of_gates = WeightGradient<T>::scratch_size(packing.rows(), G_, P_ + D_);
    const Index of_projection = projects() ? WeightGradient<T>::scratch_size(packing.rows(), P_, H_) : 0;
    return Scratch(*this, packing).weights + std::max(of_gates, of_projection);
}

template <class T>
struct Lstm<T>::StepBackward {
    const T* c_prev;
    const T* c;
    const T* dh_out;
    T* gates;
    T* dh;
    T* dc;
    T* dh_sum;  // dh_out + dh: dm itself but with a projection
    T* dm;
};

// As lstm_backward: the gradients on a and on c(t-1).
template <class T>
void Lstm<T>::step_backward_with_options(Index rows, const StepBackward& s, Poll& poll) const {
    const auto& k = active_kernels<T>();
    std::copy_n(s.dh, rows * P_, s.dh_sum);
    k.add_rows(1, rows * P_, 0, s.dh_out, s.dh_sum);
    if (projects())
        multiply(k, product<T>(rows, H_, P_, s.dh_sum, P_, 1, Q_transposed_.data(), nullptr, 0, s.dm, H_), poll);
    k.lstm_options_backward({rows, H_, options_.coupled, peephole_}, s.c_prev, s.c, s.dm, s.gates, s.dc);
}

// dp += the sum over t and n, ascending, of da times the cell that the gate saw, for some units.
template <class T>
void Lstm<T>::add_peephole_gradient(const Packing& packing, const T* c, const T* da, T* dpeephole, Threads::Range units,
                                    Poll& poll) const {
    const auto& k = active_kernels<T>();
    const Index last = G_ / H_ - 2;
    for (Index t = 0; t < packing.steps; ++t) {
        const Index rows = packing.count(t);
        poll(rows * units.size());
        for (Index peephole = 0; peephole <= last; ++peephole) {
            const bool of_o = peephole == last;  // which sees c(t)
            const Index column = (of_o ? last + 1 : peephole) * H_ + units.begin;
            const Index seen = of_o ? packing.batch + packing.begin(t) : packing.before(t);
            k.add_products(rows, units.size(), da + packing.begin(t) * G_ + column, G_, c + seen * H_ + units.begin, H_,
                           dpeephole + peephole * H_ + units.begin);
        }
    }
}

template <class T>
void Lstm<T>::backward(const Packing& packing, LayerInput<T> x, const T* h, const T* c, const T* dh_out, T* gates,
                       const LstmGradients<T>& gradients, T* scratch, Threads& threads, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const Index all = packing.rows();
    const Scratch at(*this, packing);
    threads.run(poll, [&](Index rank, Poll& own) {
        in_row_blocks(share_of_batch(packing, threads, rank), H_, [&](Threads::Range block) {
            T* const dh = gradients.dh + block.begin * P_;
            T* const dc = gradients.dc + block.begin * H_;
            for (Index t = packing.steps; t-- > 0;) {
                const Index rows = running(packing, block, t).size(), row = packing.begin(t) + block.begin;
                if (rows == 0) continue;
                const T* const c_prev = c + (packing.before(t) + block.begin) * H_;
                const T* const c_t = c + (packing.batch + row) * H_;
                T* const da = gates + row * G_;
                own(elementary_work * rows * H_);
                if (has_options()) {
                    T* const dm = scratch + at.dm + block.begin * H_;
                    T* const dh_sum = projects() ? scratch + at.dh + row * P_ : dm;
                    step_backward_with_options(rows, {c_prev, c_t, dh_out + row * P_, da, dh, dc, dh_sum, dm}, own);
                } else {
                    k.lstm_backward(rows, H_, c_prev, c_t, dh_out + row * H_, dh, da, dc);
                }
                multiply(k, product<T>(rows, P_, G_, da, G_, 1, R_transposed_.data(), nullptr, 0, dh, P_), own);
            }
        });
        threads.meet(own);
        const T* const h_prev = states_before(packing, P_, h, scratch, threads, rank, own);
        WeightGradient<T> gradient(all, G_, G_, gates, scratch + at.weights, threads, rank, own);
        if (x.tokens) {
            gradient.add({{P_, h_prev, gradients.dR, G_}});
            gradient.add(x.tokens, gradients.dW);
        } else {
            gradient.add({{P_, h_prev, gradients.dR, G_}, {D_, x.dense, gradients.dW, G_}});
        }
        gradient.add_rows(gradients.db);
        if (gradients.dx) {
            const auto part = threads.share(all, 1, rank);
            multiply(k,
                     product<T>(part.size(), D_, G_, gates + part.begin * G_, G_, 1, W_transposed_.data(), nullptr, 0,
                                gradients.dx + part.begin * D_, D_),
                     own);
        }
        if (options_.peephole)
            add_peephole_gradient(packing, c, gates, gradients.dpeephole,
                                  threads.share(H_, kernels::panel_columns, rank), own);
        if (projects()) {
            threads.meet(own);  // the next gradient's columns are shared out otherwise in the same scratch
            WeightGradient<T>(all, P_, P_, scratch + at.dh, scratch + at.weights, threads, rank, own)
                .add({{H_, gates + all * G_, gradients.dprojection, P_}});
        }
    });
}

template class Lstm<float>;
template class Lstm<double>;

}  // namespace rnnfast
