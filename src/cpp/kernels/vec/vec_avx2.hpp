// AVX2 and FMA: 8 floats or 4 doubles.
#pragma once

#include "kernels/table.hpp"
#include "kernels/vec/float_bits.hpp"
#include "kernels/vec/store_pieces.hpp"

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace rnnfast::kernels {
namespace {

// The first n of 8 (or 4) lanes, as a mask for masked loads and stores: a window into ones followed by zeros.
alignas(64) constexpr std::int32_t first_lanes32[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
alignas(64) constexpr std::int64_t first_lanes64[8] = {-1, -1, -1, -1, 0, 0, 0, 0};

template <class T>
struct Avx2Vec;

template <>
struct Avx2Vec<float> {
    using Scalar = float;
    using Bits = FloatBits<float>;
    struct Mask {
        __m256 bits;
    };
    static constexpr int lanes = 8;
    static constexpr int accumulators = 12;  // kernels/gemm.inl.hpp
    static constexpr int tile_rows = 6;

    __m256 value;

    static __m256i first(Index n) noexcept {
        const Index clipped = n < 0 ? 0 : (n > lanes ? lanes : n);
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first_lanes32 + (lanes - clipped)));
    }
    static Avx2Vec broadcast(float x) noexcept { return {_mm256_set1_ps(x)}; }
    static Avx2Vec load(const float* p) noexcept { return {_mm256_loadu_ps(p)}; }
    static Avx2Vec load_partial(const float* p, Index n) noexcept { return {_mm256_maskload_ps(p, first(n))}; }
    void store(float* p) const noexcept { _mm256_storeu_ps(p, value); }
    void store_partial(float* p, Index n) const noexcept { _mm256_maskstore_ps(p, first(n), value); }
    void store_first(float* p, Index n) const noexcept { store_pieces(p, value, n); }

    friend Avx2Vec operator+(Avx2Vec a, Avx2Vec b) noexcept { return {_mm256_add_ps(a.value, b.value)}; }
    friend Avx2Vec operator-(Avx2Vec a, Avx2Vec b) noexcept { return {_mm256_sub_ps(a.value, b.value)}; }
    friend Avx2Vec operator*(Avx2Vec a, Avx2Vec b) noexcept { return {_mm256_mul_ps(a.value, b.value)}; }
    friend Avx2Vec operator/(Avx2Vec a, Avx2Vec b) noexcept { return {_mm256_div_ps(a.value, b.value)}; }
    friend Avx2Vec fma(Avx2Vec a, Avx2Vec b, Avx2Vec c) noexcept {
        return {_mm256_fmadd_ps(a.value, b.value, c.value)};
    }
    friend Avx2Vec sqrt(Avx2Vec a) noexcept { return {_mm256_sqrt_ps(a.value)}; }
    friend Avx2Vec max(Avx2Vec a, Avx2Vec b) noexcept { return {_mm256_max_ps(a.value, b.value)}; }
    friend Avx2Vec abs(Avx2Vec a) noexcept { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.value)}; }
    friend Avx2Vec copy_sign(Avx2Vec magnitude, Avx2Vec sign) noexcept {
        const __m256 mask = _mm256_set1_ps(-0.0f);
        return {_mm256_or_ps(_mm256_andnot_ps(mask, magnitude.value), _mm256_and_ps(mask, sign.value))};
    }
    static Mask mask(unsigned bits) noexcept {
        const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
        const __m256i own = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits)), lane);
        return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(own, lane))};
    }
    static unsigned to_bits(Mask m) noexcept { return static_cast<unsigned>(_mm256_movemask_ps(m.bits)); }
    friend Mask less(Avx2Vec a, Avx2Vec b) noexcept { return {_mm256_cmp_ps(a.value, b.value, _CMP_LT_OQ)}; }
    friend Mask unordered(Avx2Vec a) noexcept { return {_mm256_cmp_ps(a.value, a.value, _CMP_UNORD_Q)}; }
    friend Avx2Vec select(Mask m, Avx2Vec yes, Avx2Vec no) noexcept {
        return {_mm256_blendv_ps(no.value, yes.value, m.bits)};
    }
    friend Avx2Vec scale_exponent(Avx2Vec x, Avx2Vec n_bits) noexcept {
        const __m256i n = _mm256_slli_epi32(_mm256_castps_si256(n_bits.value), Bits::mantissa_bits);
        return {_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x.value), n))};
    }
    friend void split_exponent(Avx2Vec x, Avx2Vec& mantissa, Avx2Vec& exponent) noexcept {
        const __m256i sqrt_half = _mm256_set1_epi32(static_cast<int>(Bits::sqrt_half));
        const __m256i bits = _mm256_sub_epi32(_mm256_castps_si256(x.value), sqrt_half);
        const __m256i low = _mm256_and_si256(bits, _mm256_set1_epi32(static_cast<int>(Bits::mantissa_mask)));
        mantissa = {_mm256_castsi256_ps(_mm256_add_epi32(low, sqrt_half))};
        exponent = {_mm256_cvtepi32_ps(_mm256_srai_epi32(bits, Bits::mantissa_bits))};
    }
};

template <>
struct Avx2Vec<double> {
    using Scalar = double;
    using Bits = FloatBits<double>;
    struct Mask {
        __m256d bits;
    };
    static constexpr int lanes = 4;
    static constexpr int accumulators = 12;
    static constexpr int tile_rows = 3;

    __m256d value;

    static __m256i first(Index n) noexcept {
        const Index clipped = n < 0 ? 0 : (n > lanes ? lanes : n);
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first_lanes64 + (lanes - clipped)));
    }
    static Avx2Vec broadcast(double x) noexcept { return {_mm256_set1_pd(x)}; }
    static Avx2Vec load(const double* p) noexcept { return {_mm256_loadu_pd(p)}; }
    static Avx2Vec load_partial(const double* p, Index n) noexcept { return {_mm256_maskload_pd(p, first(n))}; }
    void store(double* p) const noexcept { _mm256_storeu_pd(p, value); }
    void store_partial(double* p, Index n) const noexcept { _mm256_maskstore_pd(p, first(n), value); }
    void store_first(double* p, Index n) const noexcept { store_pieces(p, value, n); }

    friend Avx2Vec operator+(Avx2Vec a, Avx2Vec b) noexcept { return {_mm256_add_pd(a.value, b.value)}; }
    friend Avx2Vec operator-(Avx2Vec a, Avx2Vec b) noexcept { return {_mm256_sub_pd(a.value, b.value)}; }
    friend Avx2Vec operator*(Avx2Vec a, Avx2Vec b) noexcept { return {_mm256_mul_pd(a.value, b.value)}; }
    friend Avx2Vec operator/(Avx2Vec a, Avx2Vec b) noexcept { return {_mm256_div_pd(a.value, b.value)}; }
    friend Avx2Vec fma(Avx2Vec a, Avx2Vec b, Avx2Vec c) noexcept {
        return {_mm256_fmadd_pd(a.value, b.value, c.value)};
    }
    friend Avx2Vec sqrt(Avx2Vec a) noexcept { return {_mm256_sqrt_pd(a.value)}; }
    friend Avx2Vec max(Avx2Vec a, Avx2Vec b) noexcept { return {_mm256_max_pd(a.value, b.value)}; }
    friend Avx2Vec abs(Avx2Vec a) noexcept { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.value)}; }
    friend Avx2Vec copy_sign(Avx2Vec magnitude, Avx2Vec sign) noexcept {
        const __m256d mask = _mm256_set1_pd(-0.0);
        return {_mm256_or_pd(_mm256_andnot_pd(mask, magnitude.value), _mm256_and_pd(mask, sign.value))};
    }
    static Mask mask(unsigned bits) noexcept {
        const __m256i lane = _mm256_setr_epi64x(1, 2, 4, 8);
        const __m256i own = _mm256_and_si256(_mm256_set1_epi64x(static_cast<long long>(bits)), lane);
        return {_mm256_castsi256_pd(_mm256_cmpeq_epi64(own, lane))};
    }
    static unsigned to_bits(Mask m) noexcept { return static_cast<unsigned>(_mm256_movemask_pd(m.bits)); }
    friend Mask less(Avx2Vec a, Avx2Vec b) noexcept { return {_mm256_cmp_pd(a.value, b.value, _CMP_LT_OQ)}; }
    friend Mask unordered(Avx2Vec a) noexcept { return {_mm256_cmp_pd(a.value, a.value, _CMP_UNORD_Q)}; }
    friend Avx2Vec select(Mask m, Avx2Vec yes, Avx2Vec no) noexcept {
        return {_mm256_blendv_pd(no.value, yes.value, m.bits)};
    }
    friend Avx2Vec scale_exponent(Avx2Vec x, Avx2Vec n_bits) noexcept {
        const __m256i n = _mm256_slli_epi64(_mm256_castpd_si256(n_bits.value), Bits::mantissa_bits);
        return {_mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(x.value), n))};
    }
    // AVX2 has no arithmetic shift of 64-bit lanes: sign-extend by xor and subtract, convert by the magic number
    friend void split_exponent(Avx2Vec x, Avx2Vec& mantissa, Avx2Vec& exponent) noexcept {
        const __m256i sqrt_half = _mm256_set1_epi64x(static_cast<long long>(Bits::sqrt_half));
        const __m256i bits = _mm256_sub_epi64(_mm256_castpd_si256(x.value), sqrt_half);
        const __m256i low = _mm256_and_si256(bits, _mm256_set1_epi64x(static_cast<long long>(Bits::mantissa_mask)));
        mantissa = {_mm256_castsi256_pd(_mm256_add_epi64(low, sqrt_half))};
        const __m256i sign = _mm256_set1_epi64x(static_cast<long long>(Bits::exponent_sign));
        const __m256i biased = _mm256_srli_epi64(bits, Bits::mantissa_bits);
        const __m256i wrapped = _mm256_sub_epi64(_mm256_xor_si256(biased, sign), sign);
        const __m256d magic = _mm256_set1_pd(Bits::round_magic);
        const __m256i sum = _mm256_add_epi64(wrapped, _mm256_castpd_si256(magic));
        exponent = {_mm256_sub_pd(_mm256_castsi256_pd(sum), magic)};
    }
};

// The largest lane; where one is NaN, some lane.
inline float largest(Avx2Vec<float> v) noexcept {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v.value), _mm256_extractf128_ps(v.value, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

inline double largest(Avx2Vec<double> v) noexcept {
    const __m128d two = _mm_max_pd(_mm256_castpd256_pd128(v.value), _mm256_extractf128_pd(v.value, 1));
    return _mm_cvtsd_f64(_mm_max_sd(two, _mm_unpackhi_pd(two, two)));
}

inline float fold(const Avx2Vec<float> (&part)[2]) noexcept {
    const __m256 eight = _mm256_add_ps(part[0].value, part[1].value);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

inline double fold(const Avx2Vec<double> (&part)[4]) noexcept {
    const __m256d low = _mm256_add_pd(part[0].value, part[2].value);
    const __m256d high = _mm256_add_pd(part[1].value, part[3].value);
    const __m256d four = _mm256_add_pd(low, high);
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

}  // namespace
}  // namespace rnnfast::kernels
