// Softmax, cross-entropy and its gradient over rows of logits; the squared error.
#pragma once

#include <cstdint>

#include "rnnfast/index.hpp"
#include "rnnfast/loss_sums.hpp"
#include "rnnfast/poll.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

/// V at least 1, targets -1 to V - 1: none of these is checked here. Rows are summed in blocks whose size V alone
/// decides, and the blocks in ascending order: no bit depends on the threads.
/// logits [rows, V] become dL/dlogits = scale * (softmax - one-hot), 0 where the target is -1; adds to `sums`.
template <class T>
void cross_entropy_gradient(Index rows, Index V, const std::int32_t* targets, T scale, T* logits, LossSums& sums,
                            Threads& threads, Poll& poll);

/// Adds to `sums`; logits [rows, V] are destroyed.
template <class T>
void cross_entropy(Index rows, Index V, const std::int32_t* targets, T* logits, LossSums& sums, Threads& threads,
                   Poll& poll);

/// logits [rows, V] become probabilities; V at least 1.
template <class T>
void softmax(Index rows, Index V, T* logits, Threads& threads, Poll& poll);

/// predictions [n] become scale * (prediction - target); returns the sum of (prediction - target)^2, in double, in a
/// fixed order.
template <class T>
double squared_error_gradient(Index n, const T* targets, T scale, T* predictions, Poll& poll);

}  // namespace rnnfast
