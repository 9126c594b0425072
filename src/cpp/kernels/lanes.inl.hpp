// Walking over n numbers, a vector at a time: a body is written once and sees whole vectors, then one part of one.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

struct Whole {};
struct Part {
    Index n;
};

template <class V>
inline V load(const typename V::Scalar* p, Whole) noexcept {
    return V::load(p);
}
template <class V>
inline V load(const typename V::Scalar* p, Part part) noexcept {
    return V::load_partial(p, part.n);
}
template <class V>
inline void store(V v, typename V::Scalar* p, Whole) noexcept {
    v.store(p);
}
template <class V>
inline void store(V v, typename V::Scalar* p, Part part) noexcept {
    v.store_first(p, part.n);
}

// One bit for each lane that counts.
template <class V>
inline unsigned lane_bits(Whole) noexcept {
    return (1u << V::lanes) - 1;
}
template <class V>
inline unsigned lane_bits(Part part) noexcept {
    return (1u << part.n) - 1;
}

// body(j, Whole{} or Part{n}) for j = 0, lanes, 2 lanes ...
template <class V, class Body>
inline void sweep(Index n, Body body) noexcept {
    Index j = 0;
    for (; j + V::lanes <= n; j += V::lanes) body(j, Whole{});
    if (j < n) body(j, Part{n - j});
}

// x *= factor
template <class V>
void scale(Index n, typename V::Scalar factor, typename V::Scalar* x) noexcept {
    const V times = V::broadcast(factor);
    sweep<V>(n, [&](Index j, auto part) { store(load<V>(x + j, part) * times, x + j, part); });
}

// 16 numbers at once, for sums along a vector: element j of the row goes into partial sum j mod 16.
template <class V>
struct Sixteen {
    static constexpr int count = 16 / V::lanes;
    V part[count];

    static Sixteen zero() noexcept {
        Sixteen s;
        for (int q = 0; q < count; ++q) s.part[q] = V::broadcast(0);
        return s;
    }
    Sixteen& operator+=(const Sixteen& other) noexcept {
        for (int q = 0; q < count; ++q) part[q] = part[q] + other.part[q];
        return *this;
    }
    typename V::Scalar sum() const noexcept { return fold(part); }
};

}  // namespace
}  // namespace rnnfast::kernels
