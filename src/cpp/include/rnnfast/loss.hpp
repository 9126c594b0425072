// Softmax, cross-entropy and its gradient over rows of logits.
#pragma once

#include <cstdint>

#include "rnnfast/index.hpp"

namespace rnnfast {

/// Sums over the rows whose target counts.
struct LossSums {
    double loss = 0;           ///< nats
    std::int64_t count = 0;    ///< targets that count: not -1
    std::int64_t correct = 0;  ///< rows whose largest logit (the first of equals) is the target's
};

/// V at least 1, targets -1 to V - 1: none of these is checked here.
/// logits [rows, V] become dL/dlogits = scale * (softmax - one-hot), 0 where the target is -1; adds to `sums`.
template <class T>
void cross_entropy_gradient(Index rows, Index V, const std::int32_t* targets, T scale, T* logits, LossSums& sums);

/// Adds to `sums`; logits [rows, V] are destroyed.
template <class T>
void cross_entropy(Index rows, Index V, const std::int32_t* targets, T* logits, LossSums& sums);

/// logits [rows, V] become probabilities; V at least 1.
template <class T>
void softmax(Index rows, Index V, T* logits);

}  // namespace rnnfast
