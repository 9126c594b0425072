// Drawing a token from logits x by one uniform number u in [0, 1):
//   weights e_j = exp((x_j - max x) / temperature); total = their sum in 16 partial sums;
//   the running total goes over blocks of 16 (each folded 8, 4, 2, 1); the first block at which it exceeds u * total is
//   walked in index order from the running total before it, and the token at which that exceeds u * total is drawn.
// Where rounding leaves none in the block, it is the block's last token with e > 0; where it leaves no block, the last
// token of all with e > 0. The same operations on every instruction set, so the same token.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

template <class T>
inline std::int32_t last_positive(const T* weights, Index from, Index to) noexcept {
    for (Index j = to; j-- > from;)
        if (weights[j] > T(0)) return static_cast<std::int32_t>(j);
    return -1;
}

template <class V>
std::int32_t draw(Index n, const typename V::Scalar* logits, typename V::Scalar inverse_temperature,
                  typename V::Scalar u, typename V::Scalar* weights) noexcept {
    using T = typename V::Scalar;
    Sixteen<V> sums = Sixteen<V>::zero();
    exponentials<V>(n, logits, row_max<V>(n, logits), inverse_temperature, weights,
                    [&sums](const Sixteen<V>& block) { sums += block; });
    const T total = sums.sum();
    if (!(total >= T(1))) return -1;  // the largest weight is 1: less, or NaN, means that there is no finite maximum
    const T threshold = u * total;
    T running = 0;
    for (Index j = 0; j < n; j += 16) {
        const Index end = j + 16 < n ? j + 16 : n;
        Sixteen<V> block;
#pragma GCC unroll 16
        for (int q = 0; q < Sixteen<V>::count; ++q) {
            const Index k = j + q * V::lanes;
            block.part[q] = k + V::lanes <= n ? V::load(weights + k) : V::load_partial(weights + k, n - k);
        }
        const T after = running + block.sum();
        if (after > threshold) {
            for (Index k = j; k < end; ++k) {
                running += weights[k];
                if (running > threshold) return static_cast<std::int32_t>(k);
            }
            return last_positive(weights, j, end);
        }
        running = after;
    }
    return last_positive(weights, 0, n);
}

template <class V>
std::int32_t argmax(Index n, const typename V::Scalar* x) noexcept {
    const V most = V::broadcast(row_max<V>(n, x));
    Index best = -1;
    unsigned nans = 0;
    sweep<V>(n, [&](Index j, auto part) {
        const V v = load<V>(x + j, part);
        nans |= V::to_bits(unordered(v));
        const unsigned hits = ~V::to_bits(less(v, most)) & lane_bits<V>(part);
        if (best < 0 && hits != 0) best = j + __builtin_ctz(hits);
    });
    return nans == 0 ? static_cast<std::int32_t>(best) : -1;
}

// Each is compared with each; four vectors at a time hide the latency of the additions.
template <class V>
void count_larger(Index n, const typename V::Scalar* x, typename V::Scalar* counts) noexcept {
    constexpr Index Q = 4;
    const V zero = V::broadcast(0), one = V::broadcast(1);
    for (Index j = 0; j < n; j += Q * V::lanes) {
        V own[Q], count[Q];
#pragma GCC unroll 4
        for (Index q = 0; q < Q; ++q) {
            own[q] = V::load_partial(x + j + q * V::lanes, n - j - q * V::lanes);
            count[q] = zero;
        }
        for (Index k = 0; k < n; ++k) {
            const V other = V::broadcast(x[k]);
#pragma GCC unroll 4
            for (Index q = 0; q < Q; ++q) count[q] = count[q] + select(less(own[q], other), one, zero);
        }
#pragma GCC unroll 4
        for (Index q = 0; q < Q; ++q) count[q].store_partial(counts + j + q * V::lanes, n - j - q * V::lanes);
    }
}

}  // namespace
}  // namespace rnnfast::kernels
