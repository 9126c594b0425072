// From logits to a token.
#pragma once

#include <cstdint>

#include "rnnfast/buffer.hpp"
#include "rnnfast/index.hpp"

namespace rnnfast {

/// Filters act in this order: top_k, top_p, temperature; then the draw.
struct SamplerConfig {
    double temperature = 1;  ///< 0 is greedy
    bool greedy = false;     ///< the largest logit, ties to the lowest id
    Index top_k = 0;         ///< keep the k largest logits (of equals the lowest ids); 0 keeps all
    double top_p = 1;        ///< then keep the likeliest tokens until their probability reaches top_p; 1 keeps all
};

/// Throws std::invalid_argument, naming the field, where a number is outside its range.
void check(const SamplerConfig& config);

/// Takes logits, never probabilities. +inf is certain (several share equally), -inf is never drawn.
/// A Sampler holds scratch: one for each thread.
template <class T>
class Sampler {
public:
    /// V at least 1. Throws as check() does.
    Sampler(const SamplerConfig& config, Index V);

    /// The token that u in [0, 1) draws from logits [V]; -1 where there is none to draw: a NaN, or all -inf.
    std::int32_t operator()(const T* logits, T u);

private:
    void drop_unlikely();

    SamplerConfig config_;
    Index V_;
    T inverse_temperature_;
    Buffer<T> kept_, weights_;
    Buffer<Index> order_;
};

extern template class Sampler<float>;
extern template class Sampler<double>;

}  // namespace rnnfast
