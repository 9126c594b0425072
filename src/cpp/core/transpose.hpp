// Copies of transposed matrices, in blocks of 4 x 4 that stay in registers: one number after another took three cycles
// each.
#pragma once

#include <cstring>

#include "kernels/table.hpp"

namespace rnnfast {

// result = four of the eight numbers of a and b. By reference: a vector that the processor may lack is no argument.
template <int I, int J, int K, int L, class Four>
inline void pick(const Four& a, const Four& b, Four& result) noexcept {
#ifdef __clang__
    result = __builtin_shufflevector(a, b, I, J, K, L);
#else
    using Lanes = decltype(a < b);  // integers as wide as the numbers; g++ has the other builtin since 12 only
    result = __builtin_shuffle(a, b, Lanes{I, J, K, L});
#endif
}

template <class T>
inline void transpose_4x4(const T* a, Index a_row, T* b, Index b_row) noexcept {
    typedef T Four __attribute__((vector_size(4 * sizeof(T))));
    Four row[4], low_02, low_13, high_02, high_13, column[4];
    for (Index i = 0; i < 4; ++i) std::memcpy(&row[i], a + i * a_row, sizeof(Four));
    pick<0, 4, 1, 5>(row[0], row[2], low_02);
    pick<0, 4, 1, 5>(row[1], row[3], low_13);
    pick<2, 6, 3, 7>(row[0], row[2], high_02);
    pick<2, 6, 3, 7>(row[1], row[3], high_13);
    pick<0, 4, 1, 5>(low_02, low_13, column[0]);
    pick<2, 6, 3, 7>(low_02, low_13, column[1]);
    pick<0, 4, 1, 5>(high_02, high_13, column[2]);
    pick<2, 6, 3, 7>(high_02, high_13, column[3]);
    for (Index j = 0; j < 4; ++j) std::memcpy(b + j * b_row, &column[j], sizeof(Four));
}

/// b [columns, rows] = a^T, a [rows, columns]; a_row, b_row: numbers from one row to the next.
template <class T>
void transpose(Index rows, Index columns, const T* a, Index a_row, T* b, Index b_row) noexcept {
    const Index whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
    for (Index j = 0; j < whole_columns; j += 4)
        for (Index i = 0; i < whole_rows; i += 4) transpose_4x4(a + i * a_row + j, a_row, b + j * b_row + i, b_row);
    for (Index i = 0; i < rows; ++i)
        for (Index j = i < whole_rows ? whole_columns : 0; j < columns; ++j) b[j * b_row + i] = a[i * a_row + j];
}

}  // namespace rnnfast
