// Sums over rows. One-hot inputs are never multiplied: a token's gradient is added to its row of W (forward it gathers
// that row, kernels/lstm.inl.hpp). Token -1 is the zero input.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

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

}  // namespace
}  // namespace rnnfast::kernels
