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

/// B [depth, columns], rows `stride` apart -> panels [panels_size]. Polls after each panel.
template <class T>
void pack_panels(Index depth, Index columns, Index stride, const T* b, T* panels, Poll& poll) {
    constexpr Index P = kernels::panel_columns;
    for (Index j = 0; j < columns; j += P) {
        const Index width = std::min(P, columns - j);
        for (Index k = 0; k < depth; ++k, panels += P) {
            std::copy_n(b + k * stride + j, width, panels);
            std::fill(panels + width, panels + P, T(0));
        }
        poll();
    }
}

/// B^T -> panels, for B [columns, depth], rows `stride` apart. Polls after each panel.
template <class T>
void pack_panels_transposed(Index depth, Index columns, Index stride, const T* b, T* panels, Poll& poll) {
    constexpr Index P = kernels::panel_columns;
    for (Index j = 0; j < columns; j += P, panels += depth * P) {
        const Index width = std::min(P, columns - j);
        if (width < P) std::fill_n(panels, depth * P, T(0));
        for (Index p = 0; p < width; ++p)
            for (Index k = 0; k < depth; ++k) panels[k * P + p] = b[(j + p) * stride + k];
        poll();
    }
}

}  // namespace rnnfast
