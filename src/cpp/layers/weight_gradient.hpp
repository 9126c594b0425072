// A layer's weight gradients: sums over the rows (t, n), ascending, of products with the gradient dy [rows, columns].
// Each thread takes some columns of all of them, so that no sum is split.
#pragma once

#include "core/dispatch.hpp"
#include "core/panels.hpp"
#include "core/products.hpp"
#include "rnnfast/layer_input.hpp"
#include "rnnfast/packing.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

template <class T>
class WeightGradient {
public:
    /// Numbers of scratch for inputs of at most `inputs` columns.
    static Index scratch_size(Index rows, Index columns, Index inputs) noexcept {
        return panels_size(rows, columns) + (inputs >= wide ? rows * inputs : 0);
    }

    /// Inside threads.run, by every rank: packs the rank's columns of dy, whose rows are `stride` apart, into its part
    /// of `scratch`.
    WeightGradient(Index rows, Index columns, Index stride, const T* dy, T* scratch, Threads& threads, Index rank,
                   Poll& poll)
        : rows_(rows),
          stride_(stride),
          dy_(dy),
          panels_(scratch),
          transposed_(scratch + panels_size(rows, columns)),
          threads_(threads),
          rank_(rank),
          own_(threads.share(columns, kernels::panel_columns, rank)),
          poll_(poll) {
        pack_panels(rows, own_.size(), stride, dy + own_.begin, panels_ + own_.begin * rows, poll);
    }

    /// dW [inputs, columns], rows `dW_stride` apart, += x^T dy, x [rows, inputs].
    void add(Index inputs, const T* x, T* dW, Index dW_stride) {
        const bool transposes = inputs >= wide;
        if (transposes) transpose(inputs, x);
        multiply(k_,
                 product<T>(inputs, own_.size(), rows_, transposes ? transposed_ : x, transposes ? rows_ : 1,
                            transposes ? 1 : inputs, panels_ + own_.begin * rows_, dW + own_.begin, dW_stride,
                            dW + own_.begin, dW_stride),
                 poll_);
    }

    /// dW[token] += dy's row; dW's rows are as far apart as dy's.
    void add(const std::int32_t* tokens, T* dW) {
        in_blocks(rows_, own_.size(), poll_, [&](Index row, Index count) {
            k_.scatter_add(count, own_.size(), stride_, tokens + row, dy_ + row * stride_ + own_.begin,
                           dW + own_.begin);
        });
    }

    /// The gradients of W and b of a layer that reads x.
    void add(Index inputs, LayerInput<T> x, T* dW, T* db) {
        if (x.tokens)
            add(x.tokens, dW);
        else
            add(inputs, x.dense, dW, stride_);
        add_rows(db);
    }

    /// db [columns] += dy's rows.
    void add_rows(T* db) {
        in_blocks(rows_, own_.size(), poll_, [&](Index row, Index count) {
            k_.add_rows(count, own_.size(), stride_, dy_ + row * stride_ + own_.begin, db + own_.begin);
        });
    }

private:
    // From so many inputs on, the columns of x lie too far apart for the cache: a copy of x^T pays (13 to 25 % at 512
    // and 1024 inputs).
    static constexpr Index wide = 256;

    void transpose(Index inputs, const T* x) {
        constexpr Index block = 16;
        threads_.meet(poll_);  // all have done with what was there
        const auto part = threads_.share(inputs, block, rank_);
        for (Index row = 0; row < rows_; row += block) {
            const Index end = std::min(rows_, row + block);
            for (Index j = part.begin; j < part.end; ++j)
                for (Index i = row; i < end; ++i) transposed_[j * rows_ + i] = x[i * inputs + j];
            poll_(block * part.size());
        }
        threads_.meet(poll_);
    }

    Index rows_, stride_;
    const T* dy_;
    T* panels_;
    T* transposed_;
    Threads& threads_;
    Index rank_;
    Threads::Range own_;
    Poll& poll_;
    const kernels::KernelTable<T>& k_ = active_kernels<T>();
};

/// Numbers of scratch that states_before needs.
inline Index states_before_size(const Packing& packing, Index columns) noexcept {
    return packing.begins ? packing.rows() * columns : 0;
}

/// The states [rows, columns] that the packed rows came from, what R's gradient is taken with: `states` itself where
/// all sequences run through all steps, else gathered into `scratch`. Inside threads.run, by every rank.
template <class T>
const T* states_before(const Packing& packing, Index columns, const T* states, T* scratch, Threads& threads, Index rank,
                       Poll& poll) {
    if (!packing.begins) return states;
    for (Index t = rank; t < packing.steps; t += threads.count()) {
        const Index numbers = packing.count(t) * columns;
        poll(numbers);
        std::copy_n(states + packing.before(t) * columns, numbers, scratch + packing.begin(t) * columns);
    }
    threads.meet(poll);
    return scratch;
}

}  // namespace rnnfast
