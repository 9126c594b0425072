// Products that stay interruptible: a large one is cut into blocks of rows and panels, with a poll between them. Each
// element's sum is whole within a block, so the cuts change no bit.
#pragma once

#include <algorithm>

#include "kernels/table.hpp"
#include "rnnfast/poll.hpp"

namespace rnnfast {

template <class T>
void multiply(const kernels::KernelTable<T>& k, const kernels::Gemm<T>& whole, Poll& poll) {
    constexpr Index most_work = Index{1} << 24;  // multiply-adds: under a millisecond with SIMD
    constexpr Index row_step = 240, column_step = 96;
    if (whole.rows * whole.columns * whole.depth <= most_work) {
        poll();
        k.gemm(whole);
        return;
    }
    const Index rows = std::min(whole.rows, row_step);
    const Index steps = std::max<Index>(1, most_work / (rows * whole.depth * column_step));
    const Index columns = steps * column_step;
    for (Index j = 0; j < whole.columns; j += columns) {
        for (Index i = 0; i < whole.rows; i += rows) {
            kernels::Gemm<T> block = whole;
            block.rows = std::min(rows, whole.rows - i);
            block.columns = std::min(columns, whole.columns - j);
            block.a += i * whole.a_row;
            block.b += j * whole.depth;
            if (block.start) block.start += i * whole.start_row + j;
            block.c += i * whole.c_row + j;
            poll();
            k.gemm(block);
        }
    }
}

}  // namespace rnnfast
