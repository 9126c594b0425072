// Sums over rows. One-hot inputs are never multiplied: a token gathers its row of W, and its gradient is
// added back to that row. Token -1 is the zero input.
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
void scatter_add(Index rows, Index columns, Index stride, const std::int32_t* tokens, const typename V::Scalar* in,
                 typename V::Scalar* table) noexcept {
    for (Index row = 0; row < rows; ++row, in += stride) {
        if (tokens[row] < 0) continue;
        auto* entry = table + tokens[row] * stride;
        sweep<V>(columns,
                 [&](Index j, auto part) { store(load<V>(entry + j, part) + load<V>(in + j, part), entry + j, part); });
    }
}

// Eight sums at a time: a row is read in pieces long enough to stream, and the additions' latency is hidden.
template <class V>
void add_rows(Index rows, Index columns, Index stride, const typename V::Scalar* in, typename V::Scalar* sum) noexcept {
    constexpr Index wide = 8 * V::lanes;
    Index j = 0;
    for (; j + wide <= columns; j += wide) {
        V total[8];
#pragma GCC unroll 8
        for (int q = 0; q < 8; ++q) total[q] = V::load(sum + j + q * V::lanes);
        for (Index row = 0; row < rows; ++row) {
#pragma GCC unroll 8
            for (int q = 0; q < 8; ++q) total[q] = total[q] + V::load(in + row * stride + j + q * V::lanes);
        }
#pragma GCC unroll 8
        for (int q = 0; q < 8; ++q) total[q].store(sum + j + q * V::lanes);
    }
    sweep<V>(columns - j, [&](Index k, auto part) {
        V total = load<V>(sum + j + k, part);
        for (Index row = 0; row < rows; ++row) total = total + load<V>(in + row * stride + j + k, part);
        store(total, sum + j + k, part);
    });
}

template <class V>
void add_products(Index rows, Index columns, const typename V::Scalar* a, Index a_stride, const typename V::Scalar* b,
                  Index b_stride, typename V::Scalar* sum) noexcept {
    sweep<V>(columns, [&](Index j, auto part) {
        V total = load<V>(sum + j, part);
        for (Index row = 0; row < rows; ++row)
            total = fma(load<V>(a + row * a_stride + j, part), load<V>(b + row * b_stride + j, part), total);
        store(total, sum + j, part);
    });
}

}  // namespace
}  // namespace rnnfast::kernels
