// Keeping gradients small, before an optimiser sees them.
#pragma once

#include <optional>
#include <vector>

#include "rnnfast/index.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

struct Clipping {
    std::optional<double> value;   ///< each element into [-value, value]
    std::optional<double> norm;    ///< then all scaled by min(1, norm / (global norm + 1e-6)), as clip_grad_norm_
    bool keras_clip_norm = false;  ///< by min(1, norm / global norm), as Keras' global_clipnorm
};

/// Throws std::invalid_argument, naming the field, where a number is not more than 0.
void check(const Clipping& clipping);

/// n numbers that belong to a gradient.
template <class T>
struct GradientPart {
    Index n;
    T* g;
};

/// The square root of the sum of all squares, in double, in a fixed order.
template <class T>
double global_norm(const std::vector<GradientPart<const T>>& gradient, Threads& threads);

/// Clips all parts as one gradient, and returns its global norm before any clipping: not finite where the gradient is
/// not.
template <class T>
double clip_gradient(const Clipping& clipping, const std::vector<GradientPart<T>>& gradient, Threads& threads);

/// The same for g [n].
template <class T>
double clip_gradient(const Clipping& clipping, Index n, T* g, Threads& threads) {
    return clip_gradient(clipping, std::vector<GradientPart<T>>{{n, g}}, threads);
}

}  // namespace rnnfast
