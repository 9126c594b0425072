// The bit layout of float and double, and the constants that arithmetic on their bits needs.
#pragma once

#include <cstdint>

namespace rnnfast::kernels {
namespace {

template <class T>
struct FloatBits;

template <>
struct FloatBits<float> {
    using UInt = std::uint32_t;
    static constexpr int mantissa_bits = 23;
    static constexpr UInt sign = 0x80000000u;
    static constexpr UInt mantissa_mask = 0x007fffffu;
    static constexpr UInt sqrt_half = 0x3f3504f3u;     // the bits of sqrt(1/2)
    static constexpr UInt exponent_sign = 1u << 8;     // of the 9 bits above the mantissa
    static constexpr float round_magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
};

template <>
struct FloatBits<double> {
    using UInt = std::uint64_t;
    static constexpr int mantissa_bits = 52;
    static constexpr UInt sign = 0x8000000000000000u;
    static constexpr UInt mantissa_mask = 0x000fffffffffffffu;
    static constexpr UInt sqrt_half = 0x3fe6a09e667f3bcdu;
    static constexpr UInt exponent_sign = 1u << 11;
    static constexpr double round_magic = 6755399441055744.0;  // 1.5 * 2^52
};

}  // namespace
}  // namespace rnnfast::kernels
