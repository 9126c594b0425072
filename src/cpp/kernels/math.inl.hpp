// exp, log, sigmoid, tanh, made of +, -, *, fma, /, compare-and-select and integer operations only, the same sequence
// on every instruction set. Error wherever the result is a normal number (tests/engine/test_kernel_math.py), in ulp:
//              bound   worst of all floats   worst of 10^6 doubles
//   exp          2            1.06                  0.98
//   log          2            0.86                  0.79
//   sigmoid      3            2.49                  2.34
//   tanh         2            1.50                  1.49
// Exact limits at +-inf; NaN in gives NaN out; subnormals are zero. A result below the smallest normal number is zero
// or that number.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

template <class T>
struct MathConstants;

// exp(r) - 1 for |r| <= ln(2)/2 by its Taylor series: r^8/8! is 5e-9 there, a tenth of half an ulp.
// ln 2 in two terms, the first short enough that n * ln2_high is exact also without FMA.
template <>
struct MathConstants<float> {
    static constexpr float log2_e = 1.44269504f;
    static constexpr float ln2_high = 0.693359375f;
    static constexpr float ln2_low = -2.12194440e-4f;
    static constexpr float exp_overflow = 88.72283f;    // above: inf
    static constexpr float exp_underflow = -87.33654f;  // below: 0
    static constexpr float tanh_small = 0.4f;
    static constexpr float tanh_one = 10.0f;  // above: tanh rounds to 1
    static constexpr float largest = 3.40282347e38f;
    static constexpr float smallest_normal = 1.17549435e-38f;
    static constexpr float taylor[] = {1 / 5040.0f, 1 / 720.0f, 1 / 120.0f, 1 / 24.0f, 1 / 6.0f, 1 / 2.0f};
    static constexpr float tanh[] = {0.01926804597f, -0.05371512142f, 0.1333253208f, -0.3333332934f};
    static constexpr float atanh[] = {2 / 9.0f, 2 / 7.0f, 2 / 5.0f, 2 / 3.0f};
};

// r^14/14! is 4e-18.
template <>
struct MathConstants<double> {
    static constexpr double log2_e = 1.4426950408889634;
    static constexpr double ln2_high = 6.93145751953125e-1;
    static constexpr double ln2_low = 1.42860682030941723212e-6;
    static constexpr double exp_overflow = 709.782712893384;
    static constexpr double exp_underflow = -708.3964185322641;
    static constexpr double tanh_small = 0.4;
    static constexpr double tanh_one = 20.0;
    static constexpr double largest = 1.7976931348623157e308;
    static constexpr double smallest_normal = 2.2250738585072014e-308;
    static constexpr double taylor[] = {1 / 6227020800.0, 1 / 479001600.0, 1 / 39916800.0, 1 / 3628800.0,
                                        1 / 362880.0,     1 / 40320.0,     1 / 5040.0,     1 / 720.0,
                                        1 / 120.0,        1 / 24.0,        1 / 6.0,        1 / 2.0};
    static constexpr double tanh[] = {-0.000179836703329575918, 0.00057321170737285955,  -0.00145318795543843248,
                                      0.00359188244205812849,   -0.00886322206131026137, 0.0218694881197627781,
                                      -0.0539682539617898768,   0.133333333333294627,    -0.333333333333333295};
    static constexpr double atanh[] = {2 / 21.0, 2 / 19.0, 2 / 17.0, 2 / 15.0, 2 / 13.0,
                                       2 / 11.0, 2 / 9.0,  2 / 7.0,  2 / 5.0,  2 / 3.0};
};

template <class V, int Terms>
RNNFAST_INLINE V horner(const typename V::Scalar (&coefficients)[Terms], V x) noexcept {
    V sum = V::broadcast(coefficients[0]);
#pragma GCC unroll 16
    for (int k = 1; k < Terms; ++k) sum = fma(sum, x, V::broadcast(coefficients[k]));
    return sum;
}

// x = n ln 2 + r, n in the lowest bits of n_bits; exp(r) - 1 = r + r^2 q, left open so that a caller can round once.
template <class V>
RNNFAST_INLINE void reduce_exp(V x, V& n_bits, V& r, V& q) noexcept {
    using C = MathConstants<typename V::Scalar>;
    const V magic = V::broadcast(V::Bits::round_magic);
    n_bits = fma(x, V::broadcast(C::log2_e), magic);
    const V n = n_bits - magic;
    r = fma(n, V::broadcast(-C::ln2_high), x);
    r = fma(n, V::broadcast(-C::ln2_low), r);
    q = horner(C::taylor, r);
}

template <class V>
RNNFAST_INLINE V exp(V x) noexcept {
    using C = MathConstants<typename V::Scalar>;
    const V zero = V::broadcast(0);
    const V infinity = V::broadcast(C::largest) + V::broadcast(C::largest);
    V n_bits, r, q;
    reduce_exp(x, n_bits, r, q);
    V y = scale_exponent(V::broadcast(1) + fma(r * r, q, r), n_bits);
    y = select(less(x, V::broadcast(C::exp_underflow)), zero, y);
    y = select(less(V::broadcast(C::exp_overflow), x), infinity, y);
    return select(unordered(x), x, y);
}

template <class V>
RNNFAST_INLINE V sigmoid(V x) noexcept {
    const V one = V::broadcast(1);
    return one / (one + exp(V::broadcast(0) - x));
}

// |x| < 0.4: x + x^3 P(x^2), P interpolating (tanh(x)/x - 1)/x^2 at Chebyshev nodes, to 6e-9 (double 6e-18) of tanh.
// Else tanh |x| = e / (e + 2) with e = exp(2|x|) - 1 = 2^n r^2 q + (2^n r + (2^n - 1)).
// (The second form alone costs 2.3 ulp for small |x|, with exp(-2|x|) - 1 2.5.)
template <class V>
RNNFAST_INLINE V tanh(V x) noexcept {
    using C = MathConstants<typename V::Scalar>;
    const V one = V::broadcast(1);
    const V limit = V::broadcast(C::tanh_one);
    V a = abs(x);
    a = select(less(limit, a), limit, a);
    V n_bits, r, q;
    reduce_exp(a + a, n_bits, r, q);
    const V two_n = scale_exponent(one, n_bits);
    const V e = fma(two_n * r * r, q, fma(two_n, r, two_n - one));
    const V large = e / (e + V::broadcast(2));
    const V z = a * a;
    const V small = fma(a * z, horner(C::tanh, z), a);
    return select(unordered(x), x, copy_sign(select(less(a, V::broadcast(C::tanh_small)), small, large), x));
}

// x = 2^k (1 + f), s = f / (2 + f), log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R(s^2)))
template <class V>
RNNFAST_INLINE V log(V x) noexcept {
    using C = MathConstants<typename V::Scalar>;
    const V zero = V::broadcast(0);
    const V infinity = V::broadcast(C::largest) + V::broadcast(C::largest);
    V mantissa, k;
    split_exponent(x, mantissa, k);
    const V f = mantissa - V::broadcast(1);
    const V s = f / (f + V::broadcast(2));
    const V z = s * s;
    const V remainder = z * horner(C::atanh, z);
    const V half_square = V::broadcast(0.5f) * f * f;
    const V low = fma(s, half_square + remainder, k * V::broadcast(C::ln2_low));
    V y = fma(k, V::broadcast(C::ln2_high), f - (half_square - low));
    y = select(less(x, V::broadcast(C::smallest_normal)), zero - infinity, y);
    y = select(less(x, zero), infinity - infinity, y);
    y = select(less(V::broadcast(C::largest), x), infinity, y);
    return select(unordered(x), x, y);
}

}  // namespace
}  // namespace rnnfast::kernels
