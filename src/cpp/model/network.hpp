// The model's parameters, and the layers that read them.
#pragma once

#include <optional>
#include <vector>

#include "model/lock.hpp"
#include "rnnfast/buffer.hpp"
#include "rnnfast/dense.hpp"
#include "rnnfast/embedding.hpp"
#include "rnnfast/language_model.hpp"
#include "rnnfast/stack.hpp"

namespace rnnfast {

template <class T>
struct Network {
    explicit Network(const LanguageModelConfig& configuration);

    /// After any change of the parameters.
    void prepare(bool for_backward, Threads& threads);

    /// Where each part's parameters lie in an array laid out like parameters.flat(): they themselves or their
    /// gradients.
    struct Places {
        T* embedding_W;  ///< null where there is none
        std::vector<T*> stack;
        T* dense_W;  ///< the embedding's where they are tied
        T* dense_b;
    };
    Places places_in(Buffer<T>& flat) const;

    LanguageModelConfig config;
    Stack<T> stack;
    std::optional<Embedding<T>> embedding;
    Dense<T> dense;
    Parameters<T> parameters;
    Places weights;  ///< the parameters themselves

    /// Multiply-adds of forward for one token.
    double work_of_token() const { return static_cast<double>(parameters.flat().size()); }
};

/// What the network computes for up to `steps` x `batch` tokens.
template <class T>
struct Activations {
    Activations(const Network<T>& network, Index steps, Index batch);

    Index rows() const { return stack.segments().packing().rows(); }

    Buffer<T> embedded;  ///< [rows, E], where there is an embedding
    StackWorkspace<T> stack;
    const T* top = nullptr;  ///< [rows, H]: what the dense layer reads
    Buffer<T> dropped;       ///< a copy of the stack's outputs, in training with dropout
    Buffer<T> logits;        ///< [rows, V]
};

/// The keys of a training step's masks: the stack's, and that of the dense layer's input.
struct MaskKeys {
    RandomKey stack, top;
    MaskKeys(std::uint64_t seed, std::uint64_t step, Index num_layers)
        : stack{seed, 2 * step}, top{seed, (2 * step + 1) * static_cast<std::uint64_t>(num_layers)} {}
};

/// tokens [steps, batch] to logits. `steps` may be less than the activations' own, `batch` must be equal. `masks`: with
/// dropout.
template <class T>
void forward(const Network<T>& network, Index steps, const std::int32_t* tokens, std::optional<MaskKeys> masks,
             Activations<T>& activations, Threads& threads, Poll& poll);

/// LanguageModel::evaluate with a crew that is there.
template <class T>
LossSums evaluate(const Network<T>& network, WeightsMutex& weights, const Sequences& data, Threads& threads,
                  Poll& poll);

}  // namespace rnnfast
