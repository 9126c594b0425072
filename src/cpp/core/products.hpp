// Work over many rows that stays interruptible: cut into blocks, with a poll between them. A product is cut into blocks
// of rows, panels and depth; a block goes on from the sums so far, so the cuts change no bit.
#pragma once

#include <algorithm>

#include "kernels/table.hpp"
#include "rnnfast/poll.hpp"

namespace rnnfast {

/// The product over all of b's depth.
template <class T>
kernels::Gemm<T> product(Index rows, Index columns, Index depth, const T* a, Index a_row, Index a_depth, const T* b,
                         const T* start, Index start_row, T* c, Index c_row) noexcept {
    return {rows, columns, depth, a, a_row, a_depth, b, depth * kernels::panel_columns, start, start_row, c, c_row};
}

// The blocks of a product: as deep as L2 lets a group of panels (64 columns) be, since each start of a tile costs as
// much as 14 depths of it; under a millisecond with SIMD each, for the polls.
constexpr Index most_block_rows = 240, most_block_depth = 1024, block_columns = 64;

/// The size of a block where `size` is cut into as few as can be, of nearly the same size; at least 1.
inline Index evenly(Index size, Index most) noexcept {
    const Index blocks = std::max<Index>(1, (size + most - 1) / most);
    return std::max<Index>(1, (size + blocks - 1) / blocks);
}

template <class T>
void multiply(const kernels::KernelTable<T>& k, const kernels::Gemm<T>& whole, Poll& poll) {
    const Index rows = evenly(whole.rows, most_block_rows), depth = evenly(whole.depth, most_block_depth);
    const Index columns = most_block_rows * most_block_depth / (rows * depth) * block_columns;
    for (Index i = 0; i < whole.rows; i += rows) {
        for (Index j = 0; j < whole.columns; j += columns) {
            Index from = 0;
            do {  // once even for depth 0: C = S
                kernels::Gemm<T> block = whole;
                block.rows = std::min(rows, whole.rows - i);
                block.columns = std::min(columns, whole.columns - j);
                block.depth = std::min(depth, whole.depth - from);
                block.a += i * whole.a_row + from * whole.a_depth;
                block.b += j / kernels::panel_columns * whole.panel_size + from * kernels::panel_columns;
                block.c += i * whole.c_row + j;
                if (from > 0) {
                    block.start = block.c;
                    block.start_row = block.c_row;
                } else if (block.start) {
                    block.start += i * whole.start_row + j;
                }
                poll(block.rows * block.columns * block.depth);
                k.gemm(block);
                from += block.depth;
            } while (from < whole.depth);
        }
    }
}

/// About how many multiply-adds an exp or a tanh costs, on every instruction set.
constexpr Index elementary_work = 10;

/// body(first row, number of rows) over all rows, about a million numbers at a time.
template <class Body>
void in_blocks(Index rows, Index columns, Poll& poll, Body body) {
    constexpr Index most_numbers = Index{1} << 20;
    const Index step = std::max<Index>(1, most_numbers / std::max<Index>(1, columns));
    for (Index row = 0; row < rows; row += step) {
        poll();
        body(row, std::min(step, rows - row));
    }
}

}  // namespace rnnfast
