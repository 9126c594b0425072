// Packing the right operand of a product: panels of 16 columns, each [depth, 16] in a row, the last padded with zeros,
// so that a kernel reads it from front to back. Copies only; no arithmetic.
#pragma once

#include <algorithm>

#include "kernels/table.hpp"
#include "rnnfast/buffer.hpp"
#include "rnnfast/poll.hpp"

namespace rnnfast {

inline Index panels_size(Index depth, Index columns) noexcept {
    const Index panels = (columns + kernels::panel_columns - 1) / kernels::panel_columns;
    return panels * depth * kernels::panel_columns;
}

/// B [depth, columns], its rows `row` numbers apart -> panels [panels_size]. Polls after each panel.
template <class T>
void pack_panels_of(Index depth, Index columns, const T* b, Index row, T* panels, Poll& poll) {
    constexpr Index P = kernels::panel_columns;
    for (Index j = 0; j < columns; j += P) {
        const Index width = std::min(P, columns - j);
        for (Index k = 0; k < depth; ++k, panels += P) {
            std::copy_n(b + k * row + j, width, panels);
            std::fill(panels + width, panels + P, T(0));
        }
        poll();
    }
}

/// B [depth, columns], row-major.
template <class T>
void pack_panels(Index depth, Index columns, const T* b, T* panels, Poll& poll) {
    pack_panels_of(depth, columns, b, columns, panels, poll);
}

/// B^T -> panels, for B [columns, depth], its rows `row` numbers apart. Polls after each panel.
template <class T>
void pack_panels_transposed_of(Index depth, Index columns, const T* b, Index row, T* panels, Poll& poll) {
    constexpr Index P = kernels::panel_columns;
    for (Index j = 0; j < columns; j += P, panels += depth * P) {
        const Index width = std::min(P, columns - j);
        if (width < P) std::fill_n(panels, depth * P, T(0));
        for (Index p = 0; p < width; ++p)
            for (Index k = 0; k < depth; ++k) panels[k * P + p] = b[(j + p) * row + k];
        poll();
    }
}

/// B^T, for B [columns, depth], row-major.
template <class T>
void pack_panels_transposed(Index depth, Index columns, const T* b, T* panels, Poll& poll) {
    pack_panels_transposed_of(depth, columns, b, depth, panels, poll);
}

}  // namespace rnnfast
