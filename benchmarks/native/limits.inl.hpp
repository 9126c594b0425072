// The bodies, written once over Vec.
#pragma once

#include "limits.hpp"

namespace rnnfast::limits {
namespace {

template <class V>
float total(const V* parts, int count) noexcept {
    float lanes[V::lanes], sum = 0;
    for (int q = 0; q < count; ++q) {
        parts[q].store(lanes);
        for (float lane : lanes) sum += lane;
    }
    return sum;
}

// Enough chains to hide the latency of FMA (4 cycles, 2 a cycle), and as many as registers hold.
template <class V>
float multiply_add(Index rounds) noexcept {
    V chain[V::accumulators];
    for (int q = 0; q < V::accumulators; ++q) chain[q] = V::broadcast(1.0f + static_cast<float>(q));
    const V factor = V::broadcast(0.5f), term = V::broadcast(0.25f);
    for (Index round = 0; round < rounds; ++round) {
#pragma GCC unroll 32
        for (int q = 0; q < V::accumulators; ++q) chain[q] = fma(chain[q], factor, term);
    }
    return total(chain, V::accumulators);
}

// An addition for each load: the least that keeps what was read.
template <class V>
float read(Index n, const float* p, Index rounds) noexcept {
    constexpr int count = 8;
    V sum[count];
    for (V& part : sum) part = V::broadcast(0);
    for (Index round = 0; round < rounds; ++round) {
        for (Index j = 0; j < n; j += count * V::lanes) {
#pragma GCC unroll 8
            for (int q = 0; q < count; ++q) sum[q] = sum[q] + V::load(p + j + q * V::lanes);
        }
    }
    return total(sum, count);
}

template <class V>
constexpr Limits make_limits(const char* name) noexcept {
    return {name, Index{V::accumulators} * V::lanes, multiply_add<V>, read<V>};
}

}  // namespace
}  // namespace rnnfast::limits
