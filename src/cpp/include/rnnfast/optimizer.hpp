// SGD and Adam over a flat array of parameters, and clipping of their gradient.
#pragma once

#include <cstdint>
#include <optional>

#include "rnnfast/buffer.hpp"
#include "rnnfast/index.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

/// Learning rate at a step (the first is step 0): learning_rate / (1 + decay * step).
/// Adam (Kingma & Ba 2015), PyTorch's form: p -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon);
/// with keras_epsilon: p -= lr * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon).
struct OptimizerConfig {
    enum class Kind { sgd, adam };
    Kind kind = Kind::adam;
    double learning_rate = 0.001;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    bool keras_epsilon = false;
    double decay = 0;
};

/// Throws std::invalid_argument, naming the field, where a number is outside its range.
void check(const OptimizerConfig& config);

/// What an optimiser remembers between steps. m and v are empty until Adam's first step.
template <class T>
struct OptimizerState {
    OptimizerConfig::Kind kind = OptimizerConfig::Kind::adam;
    std::int64_t steps = 0;
    double beta1_power = 1;  ///< beta1^steps, kept in double as a product
    double beta2_power = 1;
    Buffer<T> m, v;
};

/// One update of p [n] by its gradient g [n]. A state of another kind or size starts afresh.
template <class T>
void optimizer_step(const OptimizerConfig& config, Index n, const T* g, T* p, OptimizerState<T>& state,
                    Threads& threads);

struct Clipping {
    std::optional<double> value;  ///< each element into [-value, value]
    std::optional<double> norm;   ///< then all scaled by min(1, norm / (global norm + 1e-6)), as clip_grad_norm_
};

/// Clips g [n] and returns its global norm before any clipping (the square root of a sum in double): not finite where
/// the gradient is not.
template <class T>
double clip_gradient(const Clipping& clipping, Index n, T* g, Threads& threads);

}  // namespace rnnfast
