// One lane of T in plain C++: the shape that every Vec has, and the two tables that every machine can run.
//
// Fused = true rounds a * b + c once (the oracle: slow where the compiler may not use the FMA instruction, equal in
// every bit to the SIMD tables); Fused = false is the baseline for machines without FMA and rounds twice.
#pragma once

#include "kernels/table.hpp"
#include "kernels/vec/float_bits.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace rnnfast::kernels {
namespace {

inline float fused(float a, float b, float c) noexcept { return __builtin_fmaf(a, b, c); }
inline double fused(double a, double b, double c) noexcept { return __builtin_fma(a, b, c); }
inline float square_root(float a) noexcept { return __builtin_sqrtf(a); }
inline double square_root(double a) noexcept { return __builtin_sqrt(a); }

template <class To, class From>
inline To bit_cast(From from) noexcept {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    std::memcpy(&to, &from, sizeof(to));
    return to;
}

template <class T, bool Fused>
struct ScalarVec {
    using Scalar = T;
    using Mask = bool;
    using Bits = FloatBits<T>;
    using UInt = typename Bits::UInt;
    static constexpr int lanes = 1;
    static constexpr int accumulators = 16;
    static constexpr int tile_rows = 1;

    T value;

    static ScalarVec broadcast(T x) noexcept { return {x}; }
    static ScalarVec load(const T* p) noexcept { return {*p}; }
    static ScalarVec load_partial(const T* p, Index n) noexcept { return {n > 0 ? *p : T(0)}; }
    void store(T* p) const noexcept { *p = value; }
    void store_partial(T* p, Index n) const noexcept {
        if (n > 0) *p = value;
    }
    void store_first(T* p, Index n) const noexcept { store_partial(p, n); }

    friend ScalarVec operator+(ScalarVec a, ScalarVec b) noexcept { return {a.value + b.value}; }
    friend ScalarVec operator-(ScalarVec a, ScalarVec b) noexcept { return {a.value - b.value}; }
    friend ScalarVec operator*(ScalarVec a, ScalarVec b) noexcept { return {a.value * b.value}; }
    friend ScalarVec operator/(ScalarVec a, ScalarVec b) noexcept { return {a.value / b.value}; }

    // a * b + c
    friend ScalarVec fma(ScalarVec a, ScalarVec b, ScalarVec c) noexcept {
        if constexpr (Fused)
            return {fused(a.value, b.value, c.value)};
        else
            return {a.value * b.value + c.value};
    }
    friend ScalarVec sqrt(ScalarVec a) noexcept { return {square_root(a.value)}; }
    // a > b ? a : b, so b where either is NaN
    friend ScalarVec max(ScalarVec a, ScalarVec b) noexcept { return {a.value > b.value ? a.value : b.value}; }
    friend ScalarVec abs(ScalarVec a) noexcept {
        return {bit_cast<T>(static_cast<UInt>(bit_cast<UInt>(a.value) & ~Bits::sign))};
    }
    friend ScalarVec copy_sign(ScalarVec magnitude, ScalarVec sign) noexcept {
        return {bit_cast<T>(static_cast<UInt>((bit_cast<UInt>(magnitude.value) & ~Bits::sign) |
                                              (bit_cast<UInt>(sign.value) & Bits::sign)))};
    }
    // A mask of its lanes' bits, the lowest first, and back.
    static Mask mask(unsigned bits) noexcept { return (bits & 1) != 0; }
    static unsigned to_bits(Mask m) noexcept { return m; }
    friend Mask less(ScalarVec a, ScalarVec b) noexcept { return a.value < b.value; }
    friend Mask unordered(ScalarVec a) noexcept { return a.value != a.value; }
    friend ScalarVec select(Mask m, ScalarVec yes, ScalarVec no) noexcept { return m ? yes : no; }
    // x * 2^n, where n sits in the lowest bits of `n_bits`; the result must be a normal number
    friend ScalarVec scale_exponent(ScalarVec x, ScalarVec n_bits) noexcept {
        return {bit_cast<T>(static_cast<UInt>(bit_cast<UInt>(x.value) +
                                              static_cast<UInt>(bit_cast<UInt>(n_bits.value) << Bits::mantissa_bits)))};
    }
    // x (positive, normal) = mantissa * 2^exponent with mantissa in [sqrt(1/2), sqrt(2))
    friend void split_exponent(ScalarVec x, ScalarVec& mantissa, ScalarVec& exponent) noexcept {
        const auto bits = static_cast<UInt>(bit_cast<UInt>(x.value) - Bits::sqrt_half);
        const auto biased = static_cast<UInt>(bits >> Bits::mantissa_bits);
        mantissa = {bit_cast<T>(static_cast<UInt>((bits & Bits::mantissa_mask) + Bits::sqrt_half))};
        // `biased` counts from 0 and wraps below sqrt(1/2): sign-extend it, then convert by the magic number
        const auto wrapped = static_cast<UInt>((biased ^ Bits::exponent_sign) - Bits::exponent_sign);
        exponent = {bit_cast<T>(static_cast<UInt>(wrapped + bit_cast<UInt>(Bits::round_magic))) - Bits::round_magic};
    }
};

template <class T, bool Fused>
inline T largest(ScalarVec<T, Fused> v) noexcept {
    return v.value;
}

// 16 partial sums, folded 8, 4, 2, 1
template <class T, bool Fused>
inline T fold(const ScalarVec<T, Fused> (&part)[16]) noexcept {
    T sums[16];
    for (int j = 0; j < 16; ++j) sums[j] = part[j].value;
    for (int half = 8; half > 0; half /= 2)
        for (int j = 0; j < half; ++j) sums[j] += sums[j + half];
    return sums[0];
}

}  // namespace
}  // namespace rnnfast::kernels
