// SGD, RMSprop, Adam and AdamW: what becomes of parameters by their gradient.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "rnnfast/buffer.hpp"
#include "rnnfast/clipping.hpp"
#include "rnnfast/index.hpp"
#include "rnnfast/learning_rate.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

/// With g the gradient, to which weight_decay * p is added first (but in AdamW), and t updates so far, this one
/// counted:
///
/// SGD      p -= lr * g, or with momentum: b = momentum * b + g and p -= lr * b; Nesterov's: p -= lr * (g + momentum *
/// b) RMSprop  (Tieleman & Hinton 2012) v = alpha * v + (1 - alpha) * g^2; u = g / (sqrt(v) + epsilon); p -= lr * u
///          centered (Graves 2013): m = alpha * m + (1 - alpha) * g, and v - m^2 in the place of v in u
///          with momentum: b = momentum * b + u; p -= lr * b
///          keras_epsilon: u = g / sqrt(v + epsilon)
/// Adam     (Kingma & Ba 2015) m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g^2
///          p -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
///          keras_epsilon: p -= lr * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)
/// AdamW    (Loshchilov & Hutter 2019) Adam after p *= 1 - lr * weight_decay
struct OptimizerConfig {
    enum class Kind { sgd, rmsprop, adam, adamw };
    Kind kind = Kind::adam;
    LearningRate learning_rate;
    double weight_decay = 0;
    double momentum = 0;    ///< SGD, RMSprop; 0 is none
    bool nesterov = false;  ///< SGD
    double alpha = 0.99;    ///< RMSprop
    bool centered = false;  ///< RMSprop
    double beta1 = 0.9;     ///< Adam, AdamW
    double beta2 = 0.999;
    double epsilon = 1e-8;  ///< RMSprop, Adam, AdamW
    bool keras_epsilon = false;
};

/// "sgd", "rmsprop", "adam" or "adamw".
const char* kind_name(OptimizerConfig::Kind kind) noexcept;

/// Throws std::invalid_argument for any other name.
OptimizerConfig::Kind optimizer_kind(const std::string& name);

/// Throws std::invalid_argument, naming the field, where a number is outside its range.
void check(const OptimizerConfig& config);

/// The same, and where the learning rate is infinite in T.
template <class T>
void check(const OptimizerConfig& config);

/// What may be remembered for each parameter: the running means of its gradient and of the gradient's square, and the
/// sum b that its momentum carries on.
enum class Slot { m, v, momentum };
constexpr std::array<Slot, 3> all_slots{Slot::m, Slot::v, Slot::momentum};

/// "m", "v" or "momentum".
const char* slot_name(Slot slot) noexcept;

bool remembers(const OptimizerConfig& config, Slot slot) noexcept;

/// How many steps were taken, and by whom.
struct OptimizerSteps {
    OptimizerConfig::Kind kind = OptimizerConfig::Kind::adam;
    std::int64_t steps = 0;
    double beta1_power = 1;  ///< beta1^steps, kept in double as a product
    double beta2_power = 1;
};

/// What an optimiser remembers between steps on one flat array.
template <class T>
struct OptimizerState : OptimizerSteps {
    std::array<Buffer<T>, all_slots.size()> slots;  ///< by Slot; empty before the first step, and where not remembered

    Buffer<T>& operator[](Slot slot) { return slots[static_cast<std::size_t>(slot)]; }
    const Buffer<T>& operator[](Slot slot) const { return slots[static_cast<std::size_t>(slot)]; }
};

/// n parameters p, their gradient g, and what is remembered of them: null where the optimiser does not remember it.
template <class T>
struct OptimizerPart {
    Index n;
    const T* g;
    T* p;
    T* m;
    T* v;
    T* momentum;
};

/// One update of all parts.
template <class T>
void optimizer_step(const OptimizerConfig& config, OptimizerSteps& steps, const std::vector<OptimizerPart<T>>& parts,
                    Threads& threads);

/// One update of p [n] by its gradient g [n]. A state that another optimiser left, or one of another size, starts
/// afresh.
template <class T>
void optimizer_step(const OptimizerConfig& config, Index n, const T* g, T* p, OptimizerState<T>& state,
                    Threads& threads);

/// Clips copies of the gradients, then updates all parts, and returns the global norm before any clipping.
/// Throws NonFiniteError where what_is_not_finite says so, std::invalid_argument where arrays that are changed overlap
/// with others, and std::bad_alloc; nothing has changed then.
template <class T>
double clip_and_step(const OptimizerConfig& config, const Clipping& clipping, OptimizerSteps& steps,
                     std::vector<OptimizerPart<T>> parts, Threads& threads);

/// Why a gradient that had this global norm before clipping is of no use: null where it is of use, "gradient" where it
/// is not finite, "square of the gradient" where the optimiser remembers that and it may be infinite in T, so that a
/// parameter would stop learning for good.
template <class T>
const char* what_is_not_finite(const OptimizerConfig& config, const Clipping& clipping, double norm);

}  // namespace rnnfast
