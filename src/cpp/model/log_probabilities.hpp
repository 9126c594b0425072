// The distribution that a model's logits stand for.
#pragma once

#include <limits>

#include "core/dispatch.hpp"
#include "rnnfast/index.hpp"

namespace rnnfast {

/// logits [V] to the logarithms of their probabilities, in place; scratch [V]. As for a Sampler, what is +inf is
/// certain, and several share equally. NaN, and only -inf, become NaN.
template <class T>
void to_log_probabilities(Index V, T* logits, T* scratch) noexcept {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    const auto& k = active_kernels<T>();
    const std::int32_t best = k.argmax(V, logits);
    if (best >= 0 && logits[best] == infinity)
        for (Index j = 0; j < V; ++j) logits[j] = logits[j] == infinity ? T(0) : -infinity;
    k.log_softmax(1, V, logits, scratch);
}

}  // namespace rnnfast
