// NEON (aarch64): 4 floats or 2 doubles. Part of every aarch64 processor, as is its fused multiply-add.
#pragma once

#include "kernels/table.hpp"
#include "kernels/vec/float_bits.hpp"

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace rnnfast::kernels {
namespace {

template <class T>
struct NeonVec;

template <>
struct NeonVec<float> {
    using Scalar = float;
    using Bits = FloatBits<float>;
    struct Mask {
        uint32x4_t bits;
    };
    static constexpr int lanes = 4;
    static constexpr int accumulators = 20;  // kernels/gemm.inl.hpp
    static constexpr int tile_rows = 5;

    float32x4_t value;

    static uint32x4_t bits(NeonVec x) noexcept { return vreinterpretq_u32_f32(x.value); }

    static NeonVec broadcast(float x) noexcept { return {vdupq_n_f32(x)}; }
    static NeonVec load(const float* p) noexcept { return {vld1q_f32(p)}; }
    // NEON has no masked loads: lane by lane, so that nothing past the end is read
    static NeonVec load_partial(const float* p, Index n) noexcept {
        float32x4_t v = vdupq_n_f32(0);
        if (n > 0) v = vld1q_lane_f32(p, v, 0);
        if (n > 1) v = vld1q_lane_f32(p + 1, v, 1);
        if (n > 2) v = vld1q_lane_f32(p + 2, v, 2);
        if (n > 3) v = vld1q_lane_f32(p + 3, v, 3);
        return {v};
    }
    void store(float* p) const noexcept { vst1q_f32(p, value); }
    void store_partial(float* p, Index n) const noexcept {
        if (n > 0) vst1q_lane_f32(p, value, 0);
        if (n > 1) vst1q_lane_f32(p + 1, value, 1);
        if (n > 2) vst1q_lane_f32(p + 2, value, 2);
        if (n > 3) vst1q_lane_f32(p + 3, value, 3);
    }
    void store_first(float* p, Index n) const noexcept { store_partial(p, n); }

    friend NeonVec operator+(NeonVec a, NeonVec b) noexcept { return {vaddq_f32(a.value, b.value)}; }
    friend NeonVec operator-(NeonVec a, NeonVec b) noexcept { return {vsubq_f32(a.value, b.value)}; }
    friend NeonVec operator*(NeonVec a, NeonVec b) noexcept { return {vmulq_f32(a.value, b.value)}; }
    friend NeonVec operator/(NeonVec a, NeonVec b) noexcept { return {vdivq_f32(a.value, b.value)}; }
    friend NeonVec fma(NeonVec a, NeonVec b, NeonVec c) noexcept { return {vfmaq_f32(c.value, a.value, b.value)}; }
    friend NeonVec sqrt(NeonVec a) noexcept { return {vsqrtq_f32(a.value)}; }
    // not vmaxq, which gives NaN where either is NaN
    friend NeonVec max(NeonVec a, NeonVec b) noexcept { return select(less(b, a), a, b); }
    friend NeonVec abs(NeonVec a) noexcept { return {vabsq_f32(a.value)}; }
    friend NeonVec copy_sign(NeonVec magnitude, NeonVec sign) noexcept {
        return {vbslq_f32(vdupq_n_u32(Bits::sign), sign.value, magnitude.value)};
    }
    static uint32x4_t lane() noexcept {
        constexpr std::uint32_t bits[4] = {1, 2, 4, 8};
        return vld1q_u32(bits);
    }
    static Mask mask(unsigned bits) noexcept { return {vtstq_u32(vdupq_n_u32(bits), lane())}; }
    static unsigned to_bits(Mask m) noexcept { return vaddvq_u32(vandq_u32(m.bits, lane())); }
    friend Mask less(NeonVec a, NeonVec b) noexcept { return {vcltq_f32(a.value, b.value)}; }
    friend Mask unordered(NeonVec a) noexcept { return {vmvnq_u32(vceqq_f32(a.value, a.value))}; }
    friend NeonVec select(Mask m, NeonVec yes, NeonVec no) noexcept { return {vbslq_f32(m.bits, yes.value, no.value)}; }
    friend NeonVec scale_exponent(NeonVec x, NeonVec n_bits) noexcept {
        return {vreinterpretq_f32_u32(vaddq_u32(bits(x), vshlq_n_u32(bits(n_bits), Bits::mantissa_bits)))};
    }
    friend void split_exponent(NeonVec x, NeonVec& mantissa, NeonVec& exponent) noexcept {
        const uint32x4_t sqrt_half = vdupq_n_u32(Bits::sqrt_half);
        const uint32x4_t shifted = vsubq_u32(bits(x), sqrt_half);
        const uint32x4_t low = vandq_u32(shifted, vdupq_n_u32(Bits::mantissa_mask));
        mantissa = {vreinterpretq_f32_u32(vaddq_u32(low, sqrt_half))};
        exponent = {vcvtq_f32_s32(vshrq_n_s32(vreinterpretq_s32_u32(shifted), Bits::mantissa_bits))};
    }
};

template <>
struct NeonVec<double> {
    using Scalar = double;
    using Bits = FloatBits<double>;
    struct Mask {
        uint64x2_t bits;
    };
    static constexpr int lanes = 2;
    static constexpr int accumulators = 16;
    static constexpr int tile_rows = 2;

    float64x2_t value;

    static uint64x2_t bits(NeonVec x) noexcept { return vreinterpretq_u64_f64(x.value); }

    static NeonVec broadcast(double x) noexcept { return {vdupq_n_f64(x)}; }
    static NeonVec load(const double* p) noexcept { return {vld1q_f64(p)}; }
    static NeonVec load_partial(const double* p, Index n) noexcept {
        float64x2_t v = vdupq_n_f64(0);
        if (n > 0) v = vld1q_lane_f64(p, v, 0);
        if (n > 1) v = vld1q_lane_f64(p + 1, v, 1);
        return {v};
    }
    void store(double* p) const noexcept { vst1q_f64(p, value); }
    void store_partial(double* p, Index n) const noexcept {
        if (n > 0) vst1q_lane_f64(p, value, 0);
        if (n > 1) vst1q_lane_f64(p + 1, value, 1);
    }
    void store_first(double* p, Index n) const noexcept { store_partial(p, n); }

    friend NeonVec operator+(NeonVec a, NeonVec b) noexcept { return {vaddq_f64(a.value, b.value)}; }
    friend NeonVec operator-(NeonVec a, NeonVec b) noexcept { return {vsubq_f64(a.value, b.value)}; }
    friend NeonVec operator*(NeonVec a, NeonVec b) noexcept { return {vmulq_f64(a.value, b.value)}; }
    friend NeonVec operator/(NeonVec a, NeonVec b) noexcept { return {vdivq_f64(a.value, b.value)}; }
    friend NeonVec fma(NeonVec a, NeonVec b, NeonVec c) noexcept { return {vfmaq_f64(c.value, a.value, b.value)}; }
    friend NeonVec sqrt(NeonVec a) noexcept { return {vsqrtq_f64(a.value)}; }
    friend NeonVec max(NeonVec a, NeonVec b) noexcept { return select(less(b, a), a, b); }
    friend NeonVec abs(NeonVec a) noexcept { return {vabsq_f64(a.value)}; }
    friend NeonVec copy_sign(NeonVec magnitude, NeonVec sign) noexcept {
        return {vbslq_f64(vdupq_n_u64(Bits::sign), sign.value, magnitude.value)};
    }
    static uint64x2_t lane() noexcept {
        constexpr std::uint64_t bits[2] = {1, 2};
        return vld1q_u64(bits);
    }
    static Mask mask(unsigned bits) noexcept { return {vtstq_u64(vdupq_n_u64(bits), lane())}; }
    static unsigned to_bits(Mask m) noexcept { return static_cast<unsigned>(vaddvq_u64(vandq_u64(m.bits, lane()))); }
    friend Mask less(NeonVec a, NeonVec b) noexcept { return {vcltq_f64(a.value, b.value)}; }
    friend Mask unordered(NeonVec a) noexcept {
        return {vreinterpretq_u64_u32(vmvnq_u32(vreinterpretq_u32_u64(vceqq_f64(a.value, a.value))))};
    }
    friend NeonVec select(Mask m, NeonVec yes, NeonVec no) noexcept { return {vbslq_f64(m.bits, yes.value, no.value)}; }
    friend NeonVec scale_exponent(NeonVec x, NeonVec n_bits) noexcept {
        return {vreinterpretq_f64_u64(vaddq_u64(bits(x), vshlq_n_u64(bits(n_bits), Bits::mantissa_bits)))};
    }
    friend void split_exponent(NeonVec x, NeonVec& mantissa, NeonVec& exponent) noexcept {
        const uint64x2_t sqrt_half = vdupq_n_u64(Bits::sqrt_half);
        const uint64x2_t shifted = vsubq_u64(bits(x), sqrt_half);
        const uint64x2_t low = vandq_u64(shifted, vdupq_n_u64(Bits::mantissa_mask));
        mantissa = {vreinterpretq_f64_u64(vaddq_u64(low, sqrt_half))};
        exponent = {vcvtq_f64_s64(vshrq_n_s64(vreinterpretq_s64_u64(shifted), Bits::mantissa_bits))};
    }
};

// The largest lane; where one is NaN, some lane or NaN.
inline float largest(NeonVec<float> v) noexcept { return vmaxvq_f32(v.value); }
inline double largest(NeonVec<double> v) noexcept { return vmaxvq_f64(v.value); }

inline float fold(const NeonVec<float> (&part)[4]) noexcept {
    const float32x4_t low = vaddq_f32(part[0].value, part[2].value);
    const float32x4_t high = vaddq_f32(part[1].value, part[3].value);
    const float32x4_t four = vaddq_f32(low, high);
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

inline double fold(const NeonVec<double> (&part)[8]) noexcept {
    float64x2_t eight[4];
    for (int j = 0; j < 4; ++j) eight[j] = vaddq_f64(part[j].value, part[j + 4].value);
    const float64x2_t low = vaddq_f64(eight[0], eight[2]);
    const float64x2_t high = vaddq_f64(eight[1], eight[3]);
    const float64x2_t two = vaddq_f64(low, high);
    return vgetq_lane_f64(two, 0) + vgetq_lane_f64(two, 1);
}

}  // namespace
}  // namespace rnnfast::kernels
