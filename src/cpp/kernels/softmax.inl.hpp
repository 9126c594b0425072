// softmax, cross-entropy and its gradient over rows of logits x:
//   m = max x    s = sum_j exp(x_j - m)    p_j = exp(x_j - m) / s    loss = log s - (x_target - m)
//   dL/dx_j = scale (p_j - [j = target])
// The sum runs in 16 partial sums on every instruction set (lanes.inl.hpp). A NaN in a row makes its loss NaN.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

// The largest of x, n > 0. Where there is a NaN, some number or NaN: the exponentials will show it.
template <class V>
inline typename V::Scalar row_max(Index n, const typename V::Scalar* x) noexcept {
    if (n < V::lanes) {
        typename V::Scalar most = x[0];
        for (Index j = 1; j < n; ++j) most = x[j] > most ? x[j] : most;
        return most;
    }
    V vector = V::load(x);
    for (Index j = V::lanes; j < n; j += V::lanes)
        vector = max(V::load(x + (j + V::lanes <= n ? j : n - V::lanes)), vector);
    return largest(vector);
}

// weights_j = exp((x_j - shift) * factor), in 16s; after each, block(the 16 numbers, zero past the end)
template <class V, class Block>
inline void exponentials(Index n, const typename V::Scalar* x, typename V::Scalar shift, typename V::Scalar factor,
                         typename V::Scalar* weights, Block block) noexcept {
    const V minus = V::broadcast(shift), times = V::broadcast(factor);
    for (Index j = 0; j < n; j += 16) {
        Sixteen<V> sixteen;
#pragma GCC unroll 16
        for (int q = 0; q < Sixteen<V>::count; ++q) {
            const Index k = j + q * V::lanes, left = n - k;
            if (left >= V::lanes) {
                sixteen.part[q] = exp((V::load(x + k) - minus) * times);
                sixteen.part[q].store(weights + k);
            } else if (left > 0) {
                const V weight = exp((V::load_partial(x + k, left) - minus) * times);
                weight.store_first(weights + k, left);
                sixteen.part[q] = select(V::mask(lane_bits<V>(Part{left})), weight, V::broadcast(0));
            } else {
                sixteen.part[q] = V::broadcast(0);
            }
        }
        block(sixteen);
    }
}

// x becomes exp(x - shift); returns the sum.
template <class V>
inline typename V::Scalar row_exponentials(Index n, typename V::Scalar* x, typename V::Scalar shift) noexcept {
    Sixteen<V> total = Sixteen<V>::zero();
    exponentials<V>(n, x, shift, 1, x, [&total](const Sixteen<V>& block) { total += block; });
    return total.sum();
}

template <class V>
void softmax(Index rows, Index n, typename V::Scalar* logits) noexcept {
    using T = typename V::Scalar;
    for (Index row = 0; row < rows; ++row, logits += n) {
        const T total = row_exponentials<V>(n, logits, row_max<V>(n, logits));
        scale<V>(n, T(1) / total, logits);
    }
}

// x_j becomes log p_j = (x_j - m) - log s
template <class V>
void log_softmax(Index rows, Index n, typename V::Scalar* logits, typename V::Scalar* weights) noexcept {
    for (Index row = 0; row < rows; ++row, logits += n) {
        const auto most = row_max<V>(n, logits);
        Sixteen<V> total = Sixteen<V>::zero();
        exponentials<V>(n, logits, most, 1, weights, [&total](const Sixteen<V>& block) { total += block; });
        const V shift = V::broadcast(most), log_total = log(V::broadcast(total.sum()));
        sweep<V>(n,
                 [&](Index j, auto part) { store(load<V>(logits + j, part) - shift - log_total, logits + j, part); });
    }
}

template <class V, bool Gradient>
inline void cross_entropy_rows(Index rows, Index n, const std::int32_t* targets, typename V::Scalar factor,
                               typename V::Scalar* logits, LossSums& sums) noexcept {
    using T = typename V::Scalar;
    for (Index row = 0; row < rows; ++row, logits += n) {
        const Index target = targets[row];
        if (target < 0) {
            if constexpr (Gradient) sweep<V>(n, [&](Index j, auto part) { store(V::broadcast(0), logits + j, part); });
            continue;
        }
        const T at_target = logits[target];
        const T shift = row_max<V>(n, logits);
        const bool correct = at_target == shift && (target == 0 || row_max<V>(target, logits) != shift);
        const T total = row_exponentials<V>(n, logits, shift);
        T log_total;
        log(V::broadcast(total)).store_first(&log_total, 1);
        sums.loss += static_cast<double>(log_total - (at_target - shift));
        sums.count += 1;
        sums.correct += correct && total == total;  // the target is the first of the largest, and there is no NaN
        if constexpr (Gradient) {
            const T share = T(1) / total, of_target = logits[target] * share - T(1);
            const V times = V::broadcast(share), scaled = V::broadcast(factor);
            sweep<V>(n,
                     [&](Index j, auto part) { store(load<V>(logits + j, part) * times * scaled, logits + j, part); });
            logits[target] = of_target * factor;
        }
    }
}

template <class V>
void cross_entropy_gradient(Index rows, Index n, const std::int32_t* targets, typename V::Scalar factor,
                            typename V::Scalar* logits, LossSums& sums) noexcept {
    cross_entropy_rows<V, true>(rows, n, targets, factor, logits, sums);
}

template <class V>
void cross_entropy(Index rows, Index n, const std::int32_t* targets, typename V::Scalar* logits,
                   LossSums& sums) noexcept {
    cross_entropy_rows<V, false>(rows, n, targets, 1, logits, sums);
}

}  // namespace
}  // namespace rnnfast::kernels
