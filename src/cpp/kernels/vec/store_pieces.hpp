// x86: stores of a vector's first n lanes, 0 < n < lanes, in pieces of 8, 4, 2 and 1. A store under a mask would count
// as one of all its lanes: whoever reads behind the n, the next row say, would have to wait until it has left the core
// (85 ns a row of 65 logits became 50).
#pragma once

#include <immintrin.h>

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

inline void store_pieces(float* p, __m128 v, Index n) noexcept {
    if (n & 2) {
        _mm_storel_pi(reinterpret_cast<__m64*>(p), v);
        v = _mm_movehl_ps(v, v);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, v);
}
inline void store_pieces(float* p, __m256 v, Index n) noexcept {
    __m128 half = _mm256_castps256_ps128(v);
    if (n & 4) {
        _mm_storeu_ps(p, half);
        half = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    store_pieces(p, half, n);
}

inline void store_pieces(double* p, __m128d v, Index n) noexcept {
    if (n & 1) _mm_store_sd(p, v);
}
inline void store_pieces(double* p, __m256d v, Index n) noexcept {
    __m128d half = _mm256_castpd256_pd128(v);
    if (n & 2) {
        _mm_storeu_pd(p, half);
        half = _mm256_extractf128_pd(v, 1);
        p += 2;
    }
    store_pieces(p, half, n);
}

#ifdef __AVX512F__
inline void store_pieces(float* p, __m512 v, Index n) noexcept {
    __m256 half = _mm512_castps512_ps256(v);
    if (n & 8) {
        _mm256_storeu_ps(p, half);
        half = _mm512_extractf32x8_ps(v, 1);
        p += 8;
    }
    store_pieces(p, half, n);
}
inline void store_pieces(double* p, __m512d v, Index n) noexcept {
    __m256d half = _mm512_castpd512_pd256(v);
    if (n & 4) {
        _mm256_storeu_pd(p, half);
        half = _mm512_extractf64x4_pd(v, 1);
        p += 4;
    }
    store_pieces(p, half, n);
}
#endif

}  // namespace
}  // namespace rnnfast::kernels
