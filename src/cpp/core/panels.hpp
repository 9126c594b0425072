// Packing the right operand of a product: panels of 16 columns, each [depth, 16] in a row, narrower ones padded with
// zeros, so that a kernel reads it from front to back. Copies only; no arithmetic.
#pragma once

#include <algorithm>
#include <cstring>

#include "core/transpose.hpp"
#include "kernels/table.hpp"
#include "rnnfast/buffer.hpp"
#include "rnnfast/poll.hpp"

namespace rnnfast {

/// Numbers in the panels of a matrix [depth, columns].
inline Index panels_size(Index depth, Index columns) noexcept {
    const Index panels = (columns + kernels::panel_columns - 1) / kernels::panel_columns;
    return panels * depth * kernels::panel_columns;
}

/// One panel: the first `width` columns at b, rows `stride` apart; returns its end.
template <class T>
T* pack_panel(Index depth, Index width, Index stride, const T* b, T* panel) noexcept {
    constexpr Index P = kernels::panel_columns;
    if (width == P) {
        for (Index k = 0; k < depth; ++k)
            std::memcpy(panel + k * P, b + k * stride, P * sizeof(T));  // a constant size: no call
        return panel + depth * P;
    }
    for (Index k = 0; k < depth; ++k, panel += P) {
        std::copy_n(b + k * stride, width, panel);
        std::fill(panel + width, panel + P, T(0));
    }
    return panel;
}

/// One panel of the transpose: `width` rows at b, `stride` apart, become its columns; returns its end.
template <class T>
T* pack_panel_transposed(Index depth, Index width, Index stride, const T* b, T* panel) noexcept {
    constexpr Index P = kernels::panel_columns;
    if (width < P) std::fill_n(panel, depth * P, T(0));
    transpose(width, depth, b, stride, panel, P);
    return panel + depth * P;
}

/// Asks for what is soon to be copied: the copies' own stores keep few loads in flight.
template <class T>
void prefetch_row(const T* row, Index columns) noexcept {
    constexpr Index line = 64 / sizeof(T);
    for (Index j = 0; j < columns; j += line) __builtin_prefetch(row + j);
}

/// B [depth, columns], rows `stride` apart -> panels [panels_size]: a few rows at a time, read from front to back.
template <class T>
void pack_panels(Index depth, Index columns, Index stride, const T* b, T* panels, Poll& poll) {
    constexpr Index P = kernels::panel_columns, step = 8, ahead = 32;
    for (Index k = 0; k < depth; k += step) {
        const Index rows = std::min(step, depth - k);
        for (Index next = k + ahead; next < std::min(depth, k + ahead + step); ++next)
            prefetch_row(b + next * stride, columns);
        for (Index j = 0; j < columns; j += P)
            pack_panel(rows, std::min(P, columns - j), stride, b + k * stride + j, panels + j * depth + k * P);
        poll(rows * columns);
    }
}

/// B^T -> panels, for B [columns, depth], rows `stride` apart.
template <class T>
void pack_panels_transposed(Index depth, Index columns, Index stride, const T* b, T* panels, Poll& poll) {
    for (Index j = 0; j < columns; j += kernels::panel_columns) {
        panels =
            pack_panel_transposed(depth, std::min(kernels::panel_columns, columns - j), stride, b + j * stride, panels);
        poll(depth * kernels::panel_columns);
    }
}

}  // namespace rnnfast
