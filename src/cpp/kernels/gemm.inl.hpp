// C = S + A B: each element starts from S and adds its products in index order of the depth, one fma each.
//
// Register budget: R rows x P panels of 16 columns are accumulated in R * P * (16 / lanes) <= V::accumulators
// registers; a step of the depth loads P panels' rows of B and broadcasts R elements of A:
//   AVX2, float:    6 x 16, 12 accumulators + 2 of B + 1 of A, of 16    double: 3 x 16, 12 + 4 (reloaded) + 1
//   AVX-512, float: 6 x 64, 24 accumulators + 4 of B + 1 of A, of 32    double: 6 x 32, 24 + 4 + 1
//   NEON, float:    5 x 16, 20 accumulators + 4 of B + 5 of A, of 32    double: 2 x 16, 16 + 8 + 2
//   (g++ loads the row of A ahead there: with 24 accumulators some would live in memory)
// The latency of FMA hides behind rows and panels, never behind a split of the sum. Few rows (generation: 1) take more
// panels at a time instead.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

template <class V>
constexpr Index panel_vectors = panel_columns / V::lanes;
template <class V>
constexpr Index most_rows = V::tile_rows;
// As many panels as the accumulators hold; more than 8 gain nothing.
template <class V, Index R>
constexpr Index most_panels = [] {
    const Index panels = V::accumulators / (R * panel_vectors<V>);
    return panels < 1 ? 1 : panels > 8 ? 8 : panels;
}();

// One register tile: R rows from `row`, P panels from `panel`, all of the depth.
template <class V, Index R, Index P>
RNNFAST_INLINE void gemm_tile(const Gemm<typename V::Scalar>& g, Index row, Index panel) noexcept {
    using T = typename V::Scalar;
    constexpr Index Q = P * panel_vectors<V>;
    const bool whole = g.columns - g.column(panel + P - 1) >= panel_columns;  // no panel is wider than the last
    const auto place = [&](Index q) { return g.place(panel + q / panel_vectors<V>) + q % panel_vectors<V> * V::lanes; };
    const auto left = [&](Index q) {
        return g.columns - g.column(panel + q / panel_vectors<V>) - q % panel_vectors<V> * V::lanes;
    };

    V sum[R][Q];
#pragma GCC unroll 16
    for (Index r = 0; r < R; ++r) {
#pragma GCC unroll 16
        for (Index q = 0; q < Q; ++q) {
            if (g.start == nullptr) {
                sum[r][q] = V::broadcast(0);
            } else {
                const T* s = g.start + (row + r) * g.start_row + place(q);
                sum[r][q] = whole ? V::load(s) : V::load_partial(s, left(q));
            }
        }
    }

    const T* a = g.a + row * g.a_row;
    const T* b = g.b + panel * g.panel_size;
    for (Index k = 0; k < g.depth; ++k) {
        V b_row[Q];
#pragma GCC unroll 16
        for (Index q = 0; q < Q; ++q) {
            const Index p = q / panel_vectors<V>, within = q % panel_vectors<V> * V::lanes;
            b_row[q] = V::load(b + p * g.panel_size + within);
        }
#pragma GCC unroll 16
        for (Index r = 0; r < R; ++r) {
            const V a_element = V::broadcast(a[r * g.a_row]);
#pragma GCC unroll 16
            for (Index q = 0; q < Q; ++q) sum[r][q] = fma(a_element, b_row[q], sum[r][q]);
        }
        a += g.a_depth;
        b += panel_columns;
    }

#pragma GCC unroll 16
    for (Index r = 0; r < R; ++r) {
#pragma GCC unroll 16
        for (Index q = 0; q < Q; ++q) {
            T* c = g.c + (row + r) * g.c_row + place(q);
            if (whole)
                sum[r][q].store(c);
            else
                sum[r][q].store_partial(c, left(q));
        }
    }
}

// gemm_tile for a number of panels known only at run time, 1 <= width <= P.
template <class V, Index R, Index P>
inline void gemm_some_panels(Index width, const Gemm<typename V::Scalar>& g, Index row, Index panel) noexcept {
    if (width == P) return gemm_tile<V, R, P>(g, row, panel);
    if constexpr (P > 1) gemm_some_panels<V, R, P - 1>(width, g, row, panel);
}

// `panels` panels for R rows, in tiles of nearly equal width: a narrow one would wait for the latency of its fmas.
template <class V, Index R>
inline void gemm_rows(const Gemm<typename V::Scalar>& g, Index row, Index panel, Index panels) noexcept {
    constexpr Index P = most_panels<V, R>;
    const Index tiles = (panels + P - 1) / P;
    for (Index tile = 0; tile < tiles; ++tile) {
        const Index first = panels * tile / tiles, width = panels * (tile + 1) / tiles - first;
        gemm_some_panels<V, R, P>(width, g, row, panel + first);
    }
}

// gemm_rows for a number of rows known only at run time, 1 <= rows <= R.
template <class V, Index R>
inline void gemm_some_rows(Index rows, const Gemm<typename V::Scalar>& g, Index row, Index panel,
                           Index panels) noexcept {
    if (rows == R) return gemm_rows<V, R>(g, row, panel, panels);
    if constexpr (R > 1) gemm_some_rows<V, R - 1>(rows, g, row, panel, panels);
}

template <class V>
void gemm(const Gemm<typename V::Scalar>& g) noexcept {
    const Index panels = (g.columns + panel_columns - 1) / panel_columns;
    const Index tiles = (g.rows + most_rows<V> - 1) / most_rows<V>;  // of nearly equal height
    // A group of panels stays in L1 or L2 for all rows. With one tile of rows nothing is used twice: take all at once.
    constexpr Index widest = most_panels<V, most_rows<V>>;
    const Index groups = tiles > 1 ? (panels + widest - 1) / widest : 1;
    for (Index group = 0; group < groups; ++group) {
        const Index panel = panels * group / groups, width = panels * (group + 1) / groups - panel;
        for (Index tile = 0; tile < tiles; ++tile) {
            const Index row = g.rows * tile / tiles, end = g.rows * (tile + 1) / tiles;
            gemm_some_rows<V, most_rows<V>>(end - row, g, row, panel, width);
        }
    }
}

}  // namespace
}  // namespace rnnfast::kernels
