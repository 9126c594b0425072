// AVX-512 (F, VL, BW, DQ): 16 floats or 8 doubles; partial loads and stores by mask register.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/table.hpp"
#include "kernels/vec/float_bits.hpp"
#include "kernels/vec/store_pieces.hpp"

namespace rnnfast::kernels {
namespace {

// The lowest n of `lanes` bits.
inline unsigned first_lanes(Index n, int lanes) noexcept {
    const Index clipped = n < 0 ? 0 : (n > lanes ? lanes : n);
    return (1u << clipped) - 1;
}

template <class T>
struct Avx512Vec;

template <>
struct Avx512Vec<float> {
    using Scalar = float;
    using Bits = FloatBits<float>;
    struct Mask {
        __mmask16 bits;
    };
    static constexpr int lanes = 16;
    static constexpr int accumulators = 24;  // kernels/gemm.inl.hpp
    static constexpr int tile_rows = 6;

    __m512 value;

    static __mmask16 first(Index n) noexcept { return static_cast<__mmask16>(first_lanes(n, lanes)); }
    static __m512i bits(Avx512Vec x) noexcept { return _mm512_castps_si512(x.value); }
    static __m512i sign() noexcept { return _mm512_set1_epi32(static_cast<int>(Bits::sign)); }

    static Avx512Vec broadcast(float x) noexcept { return {_mm512_set1_ps(x)}; }
    static Avx512Vec load(const float* p) noexcept { return {_mm512_loadu_ps(p)}; }
    static Avx512Vec load_partial(const float* p, Index n) noexcept { return {_mm512_maskz_loadu_ps(first(n), p)}; }
    void store(float* p) const noexcept { _mm512_storeu_ps(p, value); }
    void store_partial(float* p, Index n) const noexcept { _mm512_mask_storeu_ps(p, first(n), value); }
    void store_first(float* p, Index n) const noexcept { store_pieces(p, value, n); }

    friend Avx512Vec operator+(Avx512Vec a, Avx512Vec b) noexcept { return {_mm512_add_ps(a.value, b.value)}; }
    friend Avx512Vec operator-(Avx512Vec a, Avx512Vec b) noexcept { return {_mm512_sub_ps(a.value, b.value)}; }
    friend Avx512Vec operator*(Avx512Vec a, Avx512Vec b) noexcept { return {_mm512_mul_ps(a.value, b.value)}; }
    friend Avx512Vec operator/(Avx512Vec a, Avx512Vec b) noexcept { return {_mm512_div_ps(a.value, b.value)}; }
    friend Avx512Vec fma(Avx512Vec a, Avx512Vec b, Avx512Vec c) noexcept {
        return {_mm512_fmadd_ps(a.value, b.value, c.value)};
    }
    friend Avx512Vec sqrt(Avx512Vec a) noexcept { return {_mm512_sqrt_ps(a.value)}; }
    friend Avx512Vec max(Avx512Vec a, Avx512Vec b) noexcept { return {_mm512_max_ps(a.value, b.value)}; }
    friend Avx512Vec abs(Avx512Vec a) noexcept { return {_mm512_castsi512_ps(_mm512_andnot_si512(sign(), bits(a)))}; }
    friend Avx512Vec copy_sign(Avx512Vec magnitude, Avx512Vec from) noexcept {
        // per bit: sign ? from : magnitude
        return {_mm512_castsi512_ps(_mm512_ternarylogic_epi32(sign(), bits(from), bits(magnitude), 0xca))};
    }
    static Mask mask(unsigned bits) noexcept { return {static_cast<__mmask16>(bits)}; }
    static unsigned to_bits(Mask m) noexcept { return m.bits; }
    friend Mask less(Avx512Vec a, Avx512Vec b) noexcept { return {_mm512_cmp_ps_mask(a.value, b.value, _CMP_LT_OQ)}; }
    friend Mask unordered(Avx512Vec a) noexcept { return {_mm512_cmp_ps_mask(a.value, a.value, _CMP_UNORD_Q)}; }
    friend Avx512Vec select(Mask m, Avx512Vec yes, Avx512Vec no) noexcept {
        return {_mm512_mask_blend_ps(m.bits, no.value, yes.value)};
    }
    friend Avx512Vec scale_exponent(Avx512Vec x, Avx512Vec n_bits) noexcept {
        const __m512i n = _mm512_slli_epi32(bits(n_bits), Bits::mantissa_bits);
        return {_mm512_castsi512_ps(_mm512_add_epi32(bits(x), n))};
    }
    friend void split_exponent(Avx512Vec x, Avx512Vec& mantissa, Avx512Vec& exponent) noexcept {
        const __m512i sqrt_half = _mm512_set1_epi32(static_cast<int>(Bits::sqrt_half));
        const __m512i shifted = _mm512_sub_epi32(bits(x), sqrt_half);
        const __m512i low = _mm512_and_si512(shifted, _mm512_set1_epi32(static_cast<int>(Bits::mantissa_mask)));
        mantissa = {_mm512_castsi512_ps(_mm512_add_epi32(low, sqrt_half))};
        exponent = {_mm512_cvtepi32_ps(_mm512_srai_epi32(shifted, Bits::mantissa_bits))};
    }
};

template <>
struct Avx512Vec<double> {
    using Scalar = double;
    using Bits = FloatBits<double>;
    struct Mask {
        __mmask8 bits;
    };
    static constexpr int lanes = 8;
    static constexpr int accumulators = 24;
    static constexpr int tile_rows = 6;

    __m512d value;

    static __mmask8 first(Index n) noexcept { return static_cast<__mmask8>(first_lanes(n, lanes)); }
    static __m512i bits(Avx512Vec x) noexcept { return _mm512_castpd_si512(x.value); }
    static __m512i sign() noexcept { return _mm512_set1_epi64(static_cast<long long>(Bits::sign)); }

    static Avx512Vec broadcast(double x) noexcept { return {_mm512_set1_pd(x)}; }
    static Avx512Vec load(const double* p) noexcept { return {_mm512_loadu_pd(p)}; }
    static Avx512Vec load_partial(const double* p, Index n) noexcept { return {_mm512_maskz_loadu_pd(first(n), p)}; }
    void store(double* p) const noexcept { _mm512_storeu_pd(p, value); }
    void store_partial(double* p, Index n) const noexcept { _mm512_mask_storeu_pd(p, first(n), value); }
    void store_first(double* p, Index n) const noexcept { store_pieces(p, value, n); }

    friend Avx512Vec operator+(Avx512Vec a, Avx512Vec b) noexcept { return {_mm512_add_pd(a.value, b.value)}; }
    friend Avx512Vec operator-(Avx512Vec a, Avx512Vec b) noexcept { return {_mm512_sub_pd(a.value, b.value)}; }
    friend Avx512Vec operator*(Avx512Vec a, Avx512Vec b) noexcept { return {_mm512_mul_pd(a.value, b.value)}; }
    friend Avx512Vec operator/(Avx512Vec a, Avx512Vec b) noexcept { return {_mm512_div_pd(a.value, b.value)}; }
    friend Avx512Vec fma(Avx512Vec a, Avx512Vec b, Avx512Vec c) noexcept {
        return {_mm512_fmadd_pd(a.value, b.value, c.value)};
    }
    friend Avx512Vec sqrt(Avx512Vec a) noexcept { return {_mm512_sqrt_pd(a.value)}; }
    friend Avx512Vec max(Avx512Vec a, Avx512Vec b) noexcept { return {_mm512_max_pd(a.value, b.value)}; }
    friend Avx512Vec abs(Avx512Vec a) noexcept { return {_mm512_castsi512_pd(_mm512_andnot_si512(sign(), bits(a)))}; }
    friend Avx512Vec copy_sign(Avx512Vec magnitude, Avx512Vec from) noexcept {
        return {_mm512_castsi512_pd(_mm512_ternarylogic_epi64(sign(), bits(from), bits(magnitude), 0xca))};
    }
    static Mask mask(unsigned bits) noexcept { return {static_cast<__mmask8>(bits)}; }
    static unsigned to_bits(Mask m) noexcept { return m.bits; }
    friend Mask less(Avx512Vec a, Avx512Vec b) noexcept { return {_mm512_cmp_pd_mask(a.value, b.value, _CMP_LT_OQ)}; }
    friend Mask unordered(Avx512Vec a) noexcept { return {_mm512_cmp_pd_mask(a.value, a.value, _CMP_UNORD_Q)}; }
    friend Avx512Vec select(Mask m, Avx512Vec yes, Avx512Vec no) noexcept {
        return {_mm512_mask_blend_pd(m.bits, no.value, yes.value)};
    }
    friend Avx512Vec scale_exponent(Avx512Vec x, Avx512Vec n_bits) noexcept {
        const __m512i n = _mm512_slli_epi64(bits(n_bits), Bits::mantissa_bits);
        return {_mm512_castsi512_pd(_mm512_add_epi64(bits(x), n))};
    }
    friend void split_exponent(Avx512Vec x, Avx512Vec& mantissa, Avx512Vec& exponent) noexcept {
        const __m512i sqrt_half = _mm512_set1_epi64(static_cast<long long>(Bits::sqrt_half));
        const __m512i shifted = _mm512_sub_epi64(bits(x), sqrt_half);
        const __m512i low = _mm512_and_si512(shifted, _mm512_set1_epi64(static_cast<long long>(Bits::mantissa_mask)));
        mantissa = {_mm512_castsi512_pd(_mm512_add_epi64(low, sqrt_half))};
        exponent = {_mm512_cvtepi64_pd(_mm512_srai_epi64(shifted, Bits::mantissa_bits))};
    }
};

// The largest lane; where one is NaN, some lane.
inline float largest(Avx512Vec<float> v) noexcept {
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(v.value), _mm512_extractf32x8_ps(v.value, 1));
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

inline double largest(Avx512Vec<double> v) noexcept {
    const __m256d four = _mm256_max_pd(_mm512_castpd512_pd256(v.value), _mm512_extractf64x4_pd(v.value, 1));
    const __m128d two = _mm_max_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_max_sd(two, _mm_unpackhi_pd(two, two)));
}

inline float fold(const Avx512Vec<float> (&part)[1]) noexcept {
    const __m256 high = _mm512_extractf32x8_ps(part[0].value, 1);
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(part[0].value), high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

inline double fold(const Avx512Vec<double> (&part)[2]) noexcept {
    const __m512d eight = _mm512_add_pd(part[0].value, part[1].value);
    const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

}  // namespace
}  // namespace rnnfast::kernels
