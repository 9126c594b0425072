// Copies of transposed matrices, in blocks of 4 x 4 that stay in registers: one number after another took three cycles
// each.
#pragma once

#include <cstring>

#include "kernels/table.hpp"

namespace rnnfast {

template <class T>
inline void transpose_4x4(const T* a, Index a_row, T* b, Index b_row) noexcept {
    typedef T Four __attribute__((vector_size(4 * sizeof(T))));
    Four row[4];
    for (Index i = 0; i < 4; ++i) std::memcpy(&row[i], a + i * a_row, sizeof(Four));
    const Four low_02 = __builtin_shufflevector(row[0], row[2], 0, 4, 1, 5);
    const Four low_13 = __builtin_shufflevector(row[1], row[3], 0, 4, 1, 5);
    const Four high_02 = __builtin_shufflevector(row[0], row[2], 2, 6, 3, 7);
    const Four high_13 = __builtin_shufflevector(row[1], row[3], 2, 6, 3, 7);
    const Four columns[4] = {
        __builtin_shufflevector(low_02, low_13, 0, 4, 1, 5), __builtin_shufflevector(low_02, low_13, 2, 6, 3, 7),
        __builtin_shufflevector(high_02, high_13, 0, 4, 1, 5), __builtin_shufflevector(high_02, high_13, 2, 6, 3, 7)};
    for (Index j = 0; j < 4; ++j) std::memcpy(b + j * b_row, &columns[j], sizeof(Four));
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
