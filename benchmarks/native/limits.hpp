// What one core can do at most with an instruction set, in fp32.
#pragma once

#include "rnnfast/index.hpp"

namespace rnnfast::limits {

struct Limits {
    const char* name;
    Index multiply_adds;  // of one round of multiply_add
    // Independent chains of fused multiply-adds, as many as the kernels' accumulators; the sum only keeps them alive.
    float (*multiply_add)(Index rounds) noexcept;
    // Reads p [n] from front to back, `rounds` times; n is a multiple of 128.
    float (*read)(Index n, const float* p, Index rounds) noexcept;
};

extern const Limits avx2, avx512, neon;  // limits_*.cpp, each where its processor is

}  // namespace rnnfast::limits
