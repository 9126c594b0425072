// How large the steps of an optimiser are, as they go on.
#pragma once

#include <cstdint>
#include <variant>

namespace rnnfast {

/// rate / (1 + decay * t); decay = 0 is a constant rate. decay: at least 0.
struct InverseTimeDecay {
    double decay = 0;
};

/// rate * factor^t. factor: more than 0, at most 1.
struct ExponentialDecay {
    double factor = 1;
};

/// rate * factor^(t / every), the exponent rounded down. every: at least 1.
struct StepDecay {
    std::int64_t every = 1;
    double factor = 1;
};

/// final_rate + (rate - final_rate) * (1 + cos(pi t / steps)) / 2 (Loshchilov & Hutter 2017, equation 5), and
/// final_rate ever after. steps: at least 1; final_rate: 0 to rate.
struct CosineDecay {
    std::int64_t steps = 1;
    double final_rate = 0;
};

using Decay = std::variant<InverseTimeDecay, ExponentialDecay, StepDecay, CosineDecay>;

/// The rate at each step, the first being step 0. It rises in a straight line from warmup_start, at step 0, to `rate`,
/// at step warmup_steps; from there on it decays, t counting the steps since then.
struct LearningRate {
    LearningRate(double rate_ = 0.001, Decay decay_ = {}) : rate(rate_), decay(decay_) {}

    double rate;  ///< more than 0; no step has a larger one
    Decay decay;
    std::int64_t warmup_steps = 0;  ///< at least 0
    double warmup_start = 0;        ///< 0 to rate

    /// A function of the step alone, with the same bits on every machine; exact to a few units in the last place (for
    /// ExponentialDecay: to as many as steps were taken).
    double at(std::int64_t step) const;
};

/// Throws std::invalid_argument, naming the field, where a number is outside its range.
void check(const LearningRate& learning_rate);

}  // namespace rnnfast
