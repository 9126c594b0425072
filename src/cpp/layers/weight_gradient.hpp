// A layer's weight gradients: sums over the rows (t, n), ascending, of products with the gradient dy [rows, columns].
// Each thread takes some columns of all of them, so that no sum is split. A block of dy is packed right before its
// products read it, so that it comes from L2.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "core/dispatch.hpp"
#include "core/panels.hpp"
#include "core/products.hpp"
#include "core/transpose.hpp"
#include "rnnfast/layer_input.hpp"
#include "rnnfast/packing.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

/// dW [inputs, columns], rows `stride` apart, += x^T dy, x [rows, inputs].
template <class T>
struct WeightProduct {
    Index inputs;
    const T* x;
    T* dW;
    Index stride;
};

template <class T>
class WeightGradient {
public:
    /// Numbers of scratch for products whose inputs are `inputs` together.
    static Index scratch_size(Index rows, Index columns, Index inputs) noexcept {
        const Index depth = block_depth(rows);
        return panels_size(depth, columns) + inputs * transposed_row(depth);
    }

    /// Inside threads.run, by every rank, which work in the same `scratch`; dy's rows are `stride` apart.
    WeightGradient(Index rows, Index columns, Index stride, const T* dy, T* scratch, Threads& threads, Index rank,
                   Poll& poll)
        : rows_(rows),
          depth_(block_depth(rows)),
          stride_(stride),
          threads_(threads),
          rank_(rank),
          own_(threads.share(columns, kernels::panel_columns, rank)),
          dy_(dy + own_.begin),
          panels_(scratch + own_.begin * depth_),
          transposed_(scratch + panels_size(depth_, columns)),
          poll_(poll) {}

    /// All products that dy has a part in.
    void add(std::initializer_list<WeightProduct<T>> products) {
        constexpr Index P = kernels::panel_columns;
        const Index step = evenly((own_.size() + P - 1) / P, block_columns / P) * P;
        for (Index from = 0; from < rows_; from += depth_) {
            const Index depth = std::min(depth_, rows_ - from);
            transpose_wide(products, from, depth);
            for (Index j = 0; j < own_.size(); j += step) {
                const Index columns = std::min(step, own_.size() - j);
                pack_panels(depth, columns, stride_, dy_ + from * stride_ + j, panels_, poll_);
                const T* transposed = transposed_;
                for (const auto& p : products) {
                    const bool copied = p.inputs >= wide;
                    T* const dW = p.dW + own_.begin + j;
                    multiply(k_,
                             product<T>(p.inputs, columns, depth, copied ? transposed : p.x + from * p.inputs,
                                        copied ? transposed_row(depth_) : 1, copied ? 1 : p.inputs, panels_, dW,
                                        p.stride, dW, p.stride),
                             poll_);
                    if (copied) transposed += p.inputs * transposed_row(depth_);
                }
            }
        }
    }

    /// dW[token] += dy's row; dW's rows are as far apart as dy's.
    void add(const std::int32_t* tokens, T* dW) {
        in_blocks(rows_, own_.size(), poll_, [&](Index row, Index count) {
            k_.scatter_add(count, own_.size(), stride_, tokens + row, dy_ + row * stride_, dW + own_.begin);
        });
    }

    /// db [columns] += dy's rows.
    void add_rows(T* db) {
        in_blocks(rows_, own_.size(), poll_, [&](Index row, Index count) {
            k_.add_rows(count, own_.size(), stride_, dy_ + row * stride_, db + own_.begin);
        });
    }

private:
    // From so many inputs on, the columns of x lie too far apart for the cache: a copy of x^T pays (2 to 8 % at 256 and
    // 512 inputs, a third at 1024).
    static constexpr Index wide = 256;

    static Index block_depth(Index rows) noexcept { return evenly(rows, most_block_depth); }
    // From one row of a block's x^T to the next: an odd number of 16s, so that the rows don't meet in a few sets of a
    // cache (11 to 21 % slower where they were 4 KiB apart).
    static Index transposed_row(Index depth) noexcept {
        constexpr Index P = kernels::panel_columns;
        return ((depth + P - 1) / P | 1) * P;
    }

    // The block's columns of each wide x become rows, one product's behind the other's.
    void transpose_wide(std::initializer_list<WeightProduct<T>> products, Index from, Index depth) {
        if (std::none_of(products.begin(), products.end(), [](const auto& p) { return p.inputs >= wide; })) return;
        constexpr Index block = 16;
        threads_.meet(poll_);  // all have done with what was there
        T* transposed = transposed_;
        for (const auto& p : products) {
            if (p.inputs < wide) continue;
            const auto part = threads_.share(p.inputs, block, rank_);
            for (Index row = 0; row < depth; row += block) {
                const Index rows = std::min(block, depth - row);
                for (Index next = row + block; next < std::min(depth, row + 2 * block); ++next)
                    prefetch_row(p.x + (from + next) * p.inputs + part.begin, part.size());
                transpose(rows, part.size(), p.x + (from + row) * p.inputs + part.begin, p.inputs,
                          transposed + part.begin * transposed_row(depth_) + row, transposed_row(depth_));
                poll_(rows * part.size());
            }
            transposed += p.inputs * transposed_row(depth_);
        }
        threads_.meet(poll_);
    }

    Index rows_, depth_, stride_;
    Threads& threads_;
    Index rank_;
    Threads::Range own_;
    const T* dy_;    // from the own columns on
    T* panels_;      // of a block of dy: [depth_, block_columns] at most
    T* transposed_;  // of the same rows of x; all threads'
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
