// What the recurrent layers share around their loops over time: packed copies of weights, and the weight gradients,
// which are products over all steps at once.
#pragma once

#include "core/panels.hpp"
#include "core/products.hpp"
#include "rnnfast/layer_input.hpp"

namespace rnnfast {

/// B [depth, columns], rows `stride` apart, into panels, which are allocated once.
template <class T>
void pack_weights(Index depth, Index columns, Index stride, const T* b, Buffer<T>& panels) {
    if (panels.size() == 0) panels = Buffer<T>(panels_size(depth, columns));
    Poll none;
    pack_panels(depth, columns, stride, b, panels.data(), none);
}

/// B^T, for B [columns, depth], rows `stride` apart.
template <class T>
void pack_weights_transposed(Index depth, Index columns, Index stride, const T* b, Buffer<T>& panels) {
    if (panels.size() == 0) panels = Buffer<T>(panels_size(depth, columns));
    Poll none;
    pack_panels_transposed(depth, columns, stride, b, panels.data(), none);
}

/// dW [D, G] += x^T da and db [G] += da, summed over the rows (t, n), ascending. da [rows, G], and once more in panels.
template <class T>
void add_input_gradients(const kernels::KernelTable<T>& k, Index rows, Index D, Index G, LayerInput<T> x, const T* da,
                         const T* da_panels, T* dW, T* db, Poll& poll) {
    if (x.tokens)
        in_blocks(rows, G, poll,
                  [&](Index row, Index count) { k.scatter_add(count, G, x.tokens + row, da + row * G, dW); });
    else
        multiply(k, product<T>(D, G, rows, x.dense, 1, D, da_panels, dW, G, dW, G), poll);
    in_blocks(rows, G, poll, [&](Index row, Index count) { k.add_rows(count, G, da + row * G, db); });
}

}  // namespace rnnfast
