// Packing the right operand of a product: panels of 16 columns, each [depth, 16] in a row, narrower ones padded with
// zeros, so that a kernel reads it from front to back. Copies only; no arithmetic.
#pragma once

#include <algorithm>
#include <cstring>

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
    constexpr Index P = kernels::panel_columns, step = 64;
    if (width < P) std::fill_n(panel, depth * P, T(0));
    for (Index from = 0; from < depth; from += step) {
        const Index to = std::min(depth, from + step);
        for (Index p = 0; p < width; ++p)
            for (Index k = from; k < to; ++k) panel[k * P + p] = b[p * stride + k];
    }
    return panel + depth * P;
}

/// B [depth, columns], rows `stride` apart -> panels [panels_size].
template <class T>
void pack_panels(Index depth, Index columns, Index stride, const T* b, T* panels, Poll& poll) {
    constexpr Index step = Index{1} << 16;
    for (Index j = 0; j < columns; j += kernels::panel_columns) {
        for (Index k = 0; k < depth; k += step) {
            const Index rows = std::min(step, depth - k);
            panels =
                pack_panel(rows, std::min(kernels::panel_columns, columns - j), stride, b + k * stride + j, panels);
            poll(rows * kernels::panel_columns);
        }
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
