// The LSTM cell: a whole step forward (its product by gemm's tiles), and the elementwise part of the step backward.
//
// Forward (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000), a = x W + h(t-1) R + b in i f g o:
//   i = sigmoid(a_i)  f = sigmoid(a_f)  g = tanh(a_g)  o = sigmoid(a_o)
//   c = f c(t-1) + i g        h = o tanh(c)
// Backward, from dh = dh_out + dh_next (so that cutting time changes no bit) and dc = dL/dc(t) so far:
//   dc += dh o (1 - tanh(c)^2)
//   da_i = dc g i (1 - i)     da_f = dc c(t-1) f (1 - f)     da_g = dc i (1 - g^2)     da_o = dh tanh(c) o (1 - o)
//   dc(t-1) = dc f
// tanh(c) is computed again rather than kept: a sixth more activations would have to go through the cache.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

// The sums of `rows` rows from `row` for the units of one group of blocks, before activation, into gates.
template <class V>
inline void lstm_start(const LstmStep<typename V::Scalar>& s, Index row, Index rows, Index unit, Index units) noexcept {
    for (Index n = row; n < row + rows; ++n) {
        const Index token = s.tokens[n];
        for (Index gate = 0; gate < 4; ++gate) {
            const Index column = gate * s.H + unit;
            const auto* bias = s.bias + column;
            auto* out = s.gates + n * 4 * s.H + column;
            if (token < 0) {
                sweep<V>(units, [&](Index j, auto part) { store(load<V>(bias + j, part), out + j, part); });
            } else {
                const auto* entry = s.table + token * 4 * s.H + column;
                sweep<V>(units, [&](Index j, auto part) {
                    store(load<V>(bias + j, part) + load<V>(entry + j, part), out + j, part);
                });
            }
        }
    }
}

template <class V>
RNNFAST_INLINE void lstm_activate(const LstmStep<typename V::Scalar>& s, Index row, Index rows, Index unit,
                                  Index units) noexcept {
    const Index H = s.H;
    for (Index n = row; n < row + rows; ++n) {
        auto* gates = s.gates + n * 4 * H + unit;
        const auto* c_prev = s.c_prev + n * H + unit;
        auto* c = s.c + n * H + unit;
        auto* h = s.h + n * H + unit;
        sweep<V>(units, [&](Index j, auto part) {
            const V i = sigmoid(load<V>(gates + j, part));
            const V f = sigmoid(load<V>(gates + H + j, part));
            const V g = tanh(load<V>(gates + 2 * H + j, part));
            const V o = sigmoid(load<V>(gates + 3 * H + j, part));
            const V cell = fma(f, load<V>(c_prev + j, part), i * g);
            store(i, gates + j, part);
            store(f, gates + H + j, part);
            store(g, gates + 2 * H + j, part);
            store(o, gates + 3 * H + j, part);
            store(cell, c + j, part);
            store(o * tanh(cell), h + j, part);
        });
    }
}

// One row: it uses no panel twice. Two blocks at once, whose eight panels hide the latency of fma; the activation of
// one pair runs beside the product of the next.
template <class V>
inline void lstm_step_row(const LstmStep<typename V::Scalar>& s, const Gemm<typename V::Scalar>& sums) noexcept {
    const Index pairs = (s.blocks + 1) / 2;
    for (Index pair = 0; pair < pairs; ++pair) {
        const Index done = 2 * (s.backwards ? pairs - 1 - pair : pair), block = s.first_block + done;
        const Index blocks = s.blocks - done < 2 ? 1 : 2, unit = block * 16;
        const Index units = blocks * 16 < s.H - unit ? blocks * 16 : s.H - unit;
        if (s.tokens) lstm_start<V>(s, 0, 1, unit, units);
        gemm_rows<V, 1>(sums, 0, 4 * block, 4 * blocks);
        lstm_activate<V>(s, 0, 1, unit, units);
    }
}

// More rows: a group of blocks for a tile of rows, then for the next tile: the sums are activated while they are in L1,
// and the group's panels stay in L2.
template <class V>
inline void lstm_step_rows(const LstmStep<typename V::Scalar>& s, const Gemm<typename V::Scalar>& sums) noexcept {
    constexpr Index group_bytes = Index{1} << 19, block_bytes = 64 * static_cast<Index>(sizeof(typename V::Scalar));
    const Index fitting = group_bytes / (block_bytes * s.H), group = fitting < 2 ? 2 : fitting / 2 * 2;
    const Index groups = (s.blocks + group - 1) / group, tiles = (s.rows + most_rows<V> - 1) / most_rows<V>;
    for (Index g = 0; g < groups; ++g) {
        const Index skipped = (s.backwards ? groups - 1 - g : g) * group, first = s.first_block + skipped;
        const Index blocks = group < s.blocks - skipped ? group : s.blocks - skipped;
        const Index unit = first * 16, units = blocks * 16 < s.H - unit ? blocks * 16 : s.H - unit;
        for (Index tile = 0; tile < tiles; ++tile) {
            const Index row = s.rows * tile / tiles, rows = s.rows * (tile + 1) / tiles - row;
            if (s.tokens) lstm_start<V>(s, row, rows, unit, units);
            gemm_some_rows<V, most_rows<V>>(rows, sums, row, 4 * first, 4 * blocks);
            lstm_activate<V>(s, row, rows, unit, units);
        }
    }
}

template <class V>
void lstm_step(const LstmStep<typename V::Scalar>& s) noexcept {
    const Gemm<typename V::Scalar> sums{s.rows,   s.H,     s.H,     s.h_prev, s.H,     1,       s.panels,
                                        16 * s.H, s.gates, 4 * s.H, s.gates,  4 * s.H, {0, 16}, {s.H, 16}};
    if (s.rows == 1)
        lstm_step_row<V>(s, sums);
    else
        lstm_step_rows<V>(s, sums);
}

template <class V>
void lstm_backward(Index N, Index H, const typename V::Scalar* c_prev, const typename V::Scalar* c,
                   const typename V::Scalar* dh_out, const typename V::Scalar* dh_next, typename V::Scalar* gates,
                   typename V::Scalar* dc) noexcept {
    const V one = V::broadcast(1);
    for (Index n = 0; n < N; ++n, c_prev += H, c += H, dh_out += H, dh_next += H, dc += H, gates += 4 * H) {
        sweep<V>(H, [&](Index j, auto part) {
            const V i = load<V>(gates + j, part);
            const V f = load<V>(gates + H + j, part);
            const V g = load<V>(gates + 2 * H + j, part);
            const V o = load<V>(gates + 3 * H + j, part);
            const V tanh_c = tanh(load<V>(c + j, part));
            const V dh = load<V>(dh_out + j, part) + load<V>(dh_next + j, part);
            const V dc_t = fma(dh * o, one - tanh_c * tanh_c, load<V>(dc + j, part));
            store(dc_t * g * (i * (one - i)), gates + j, part);
            store(dc_t * load<V>(c_prev + j, part) * (f * (one - f)), gates + H + j, part);
            store(dc_t * i * (one - g * g), gates + 2 * H + j, part);
            store(dh * tanh_c * (o * (one - o)), gates + 3 * H + j, part);
            store(dc_t * f, dc + j, part);
        });
    }
}

}  // namespace
}  // namespace rnnfast::kernels
