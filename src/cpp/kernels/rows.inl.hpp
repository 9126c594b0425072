// Rows of a table by token, and sums over rows. One-hot inputs are never multiplied: a token gathers its row of W, and
// its gradient is added back to that row. Token -1 is the zero input.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

template <class V>
void gather(Index rows, Index columns, const std::int32_t* tokens, const typename V::Scalar* table,
            const typename V::Scalar* bias, typename V::Scalar* out) noexcept {
    for (Index row = 0; row < rows; ++row, out += columns) {
        if (tokens[row] < 0) {
            sweep<V>(columns, [&](Index j, auto part) { store(load<V>(bias + j, part), out + j, part); });
            continue;
        }
        const auto* entry = table + tokens[row] * columns;
        sweep<V>(columns,
                 [&](Index j, auto part) { store(load<V>(bias + j, part) + load<V>(entry + j, part), out + j, part); });
    }
}

template <class V>
void scatter_add(Index rows, Index columns, const std::int32_t* tokens, const typename V::Scalar* in,
                 typename V::Scalar* table) noexcept {
    for (Index row = 0; row < rows; ++row, in += columns) {
        if (tokens[row] < 0) continue;
        auto* entry = table + tokens[row] * columns;
        sweep<V>(columns,
                 [&](Index j, auto part) { store(load<V>(entry + j, part) + load<V>(in + j, part), entry + j, part); });
    }
}

template <class V>
void add_rows(Index rows, Index columns, const typename V::Scalar* in, typename V::Scalar* sum) noexcept {
    sweep<V>(columns, [&](Index j, auto part) {
        V total = load<V>(sum + j, part);
        for (Index row = 0; row < rows; ++row) total = total + load<V>(in + row * columns + j, part);
        store(total, sum + j, part);
    });
}

}  // namespace
}  // namespace rnnfast::kernels
