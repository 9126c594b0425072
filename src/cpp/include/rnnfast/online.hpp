// Online learning: a basic RNN language model that learns one whole sequence an update, as the dinosaur exercise does.
//
//   tokens -> basic RNN of tanh units (rnnfast/rnn.hpp) -> dense layer -> cross-entropy, summed over the sequence
//
// A fit of a LanguageModel takes batches of equal length; here sequences are of any length, one at a time, and
// thousands of them are one call.
#pragma once

#include <cstdint>
#include <optional>

#include "rnnfast/index.hpp"
#include "rnnfast/poll.hpp"

namespace rnnfast {

/// A model's parameters, row-major; the arrays are the caller's.
template <class T>
struct RnnParameters {
    Index vocab_size;   ///< V
    Index hidden_size;  ///< H
    T* W;               ///< [V, H]
    T* R;               ///< [H, H]
    T* b;               ///< [H]
    T* dense_W;         ///< [H, V]
    T* dense_b;         ///< [V]
};

/// `count` sequences, one after another: the k-th has the next lengths[k] of the inputs and of the targets. An input of
/// -1 is the zero vector, a target of -1 does not count.
struct RaggedSequences {
    Index count;
    const Index* lengths;
    const std::int32_t* inputs;
    const std::int32_t* targets;
};

struct OnlineOptions {
    double learning_rate = 0.01;
    std::optional<double> clip_value;  ///< each element of the gradient into [-clip_value, clip_value]
};

/// Each sequence in turn: forward from the hidden state that the one before it left (the first from h [H]), backward
/// through all of it but no further, clipping, and one step of SGD. `parameters` and h change; losses [count] out, each
/// the sum over its targets in nats, before its own update.
/// However it ends, it ends between two updates, and h is the state after the last sequence learned.
/// Throws std::invalid_argument (options, sizes, tokens; nothing has changed then), NonFiniteError (a loss or gradient
/// that is not finite; names the sequence), std::bad_alloc and what `poll` throws.
template <class T>
void learn_online(const RnnParameters<T>& parameters, const RaggedSequences& sequences, const OnlineOptions& options,
                  T* h, double* losses, Poll& poll);

}  // namespace rnnfast
