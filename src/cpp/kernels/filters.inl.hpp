// What bias, bans, masks, penalties and filters do to logits x, and what they measure of them:
//   penalties (Keskar et al. 2019)   x_j = (x_j > 0 ? x_j / r : x_j r) - taken_j   of the tokens that occur
//   variance, for top_n_sigma        d_j = x_j - max x    mean = sum d_j / n    variance = sum (d_j - mean)^2 / n
// over the n logits above -inf: distances from the largest, so that no sum overflows where logits are huge and near
// each other. Both sums are of doubles, whatever T is, in 16 partial sums on every instruction set (lanes.inl.hpp). A
// mask has token j in bit j % 64 of word j / 64: a vector's lanes never straddle two words.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

template <class V>
constexpr auto minus_infinity = static_cast<typename V::Scalar>(-__builtin_inf());

// The mask's bits of a vector that begins with token j.
template <class V>
inline typename V::Mask mask_at(const std::uint64_t* mask, Index j) noexcept {
    return V::mask(static_cast<unsigned>(mask[j / 64] >> j % 64));
}

template <class V>
bool copy_allowed(Index n, const typename V::Scalar* x, const std::uint64_t* allowed,
                  typename V::Scalar* out) noexcept {
    const V dropped = V::broadcast(minus_infinity<V>);
    unsigned nans = 0;
    sweep<V>(n, [&](Index j, auto part) {
        const V v = load<V>(x + j, part);
        nans |= V::to_bits(unordered(v));
        store(select(mask_at<V>(allowed, j), v, dropped), out + j, part);
    });
    return nans == 0;
}

template <class V>
void penalise(Index n, const std::uint64_t* occurring, const typename V::Scalar* taken, typename V::Scalar repetition,
              typename V::Scalar* x) noexcept {
    const V zero = V::broadcast(0), r = V::broadcast(repetition);
    sweep<V>(n, [&](Index j, auto part) {
        const V v = load<V>(x + j, part);
        const V lowered = select(less(zero, v), v / r, v * r) - load<V>(taken + j, part);
        store(select(mask_at<V>(occurring, j), lowered, v), x + j, part);
    });
}

// Of up to 16 logits: their distances, and a bit for each that counts.
template <class V>
inline unsigned distances(Index n, const typename V::Scalar* x, V most, Sixteen<DoubleVec>& out) noexcept {
    using D = DoubleVec;
    const V lowest = V::broadcast(minus_infinity<V>);
    typename V::Scalar own[16];
    double wide[16];
    unsigned counts = 0;
#pragma GCC unroll 16
    for (int q = 0; q < Sixteen<V>::count; ++q) {
        const Index k = q * V::lanes;
        const V v = k + V::lanes <= n ? V::load(x + k) : V::load_partial(x + k, n - k);
        counts |= V::to_bits(less(lowest, v)) << k;
        (v - most).store(own + k);
    }
    for (int k = 0; k < 16; ++k) wide[k] = static_cast<double>(own[k]);
#pragma GCC unroll 16
    for (int q = 0; q < Sixteen<D>::count; ++q) out.part[q] = D::load(wide + q * D::lanes);
    return n < 16 ? counts & ((1u << n) - 1) : counts;
}

// The sum of term(distance) over the logits that count, and how many they are.
template <class V, class Term>
inline double sum_of_distances(Index n, const typename V::Scalar* x, typename V::Scalar most, Index& counted,
                               Term term) noexcept {
    using D = DoubleVec;
    const V top = V::broadcast(most);
    const D zero = D::broadcast(0);
    Sixteen<D> sums = Sixteen<D>::zero(), block;
    counted = 0;
    for (Index j = 0; j < n; j += 16) {
        const unsigned counts = distances<V>(n - j, x + j, top, block);
        counted += __builtin_popcount(counts);
#pragma GCC unroll 16
        for (int q = 0; q < Sixteen<D>::count; ++q)
            sums.part[q] = sums.part[q] + select(D::mask(counts >> q * D::lanes), term(block.part[q]), zero);
    }
    return sums.sum();
}

template <class V>
double variance(Index n, const typename V::Scalar* x, typename V::Scalar most) noexcept {
    using D = DoubleVec;
    Index counted = 0;
    const double sum = sum_of_distances<V>(n, x, most, counted, [](D d) { return d; });
    const auto count = static_cast<double>(counted);
    const D mean = D::broadcast(sum / count);
    const auto square = [mean](D d) { return (d - mean) * (d - mean); };
    return sum_of_distances<V>(n, x, most, counted, square) / count;
}

template <class V>
void keep_at_least(Index n, typename V::Scalar most, typename V::Scalar least, typename V::Scalar* x) noexcept {
    const V dropped = V::broadcast(minus_infinity<V>);
    const V top = V::broadcast(most), limit = V::broadcast(least);
    sweep<V>(n, [&](Index j, auto part) {
        const V v = load<V>(x + j, part);
        store(select(less(v - top, limit), dropped, v), x + j, part);
    });
}

}  // namespace
}  // namespace rnnfast::kernels
