// Packed copies of a layer's weights, made by all threads; their memory is allocated once.
#pragma once

#include "core/panels.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

template <class T>
void resize(Buffer<T>& buffer, Index size) {
    if (buffer.size() != size) buffer = Buffer<T>(size);
}

/// B [depth, columns], rows `stride` apart, into panels.
template <class T>
void pack_weights(Index depth, Index columns, Index stride, const T* b, Buffer<T>& panels, Threads& threads) {
    resize(panels, panels_size(depth, columns));
    Poll none;
    threads.run(none, [&](Index rank, Poll& poll) {
        const auto own = threads.share(columns, kernels::panel_columns, rank);
        pack_panels(depth, own.size(), stride, b + own.begin, panels.data() + own.begin * depth, poll);
    });
}

/// B^T, for B [columns, depth], rows `stride` apart.
template <class T>
void pack_weights_transposed(Index depth, Index columns, Index stride, const T* b, Buffer<T>& panels,
                             Threads& threads) {
    resize(panels, panels_size(depth, columns));
    Poll none;
    threads.run(none, [&](Index rank, Poll& poll) {
        const auto own = threads.share(columns, kernels::panel_columns, rank);
        pack_panels_transposed(depth, own.size(), stride, b + own.begin * stride, panels.data() + own.begin * depth,
                               poll);
    });
}

}  // namespace rnnfast
