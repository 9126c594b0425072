// The model's parameters, and the layers that read them.
#pragma once

#include <vector>

#include "model/lock.hpp"
#include "rnnfast/buffer.hpp"
#include "rnnfast/dense.hpp"
#include "rnnfast/language_model.hpp"
#include "rnnfast/lstm.hpp"

namespace rnnfast {

/// One flat array holds all parameters, each from a cache line on, with zeros between: the optimiser, the clipping and
/// the gradient see one array.
template <class T>
struct Network {
    explicit Network(const LanguageModelConfig& configuration);

    /// After any change of `flat`.
    void prepare(bool for_backward, Threads& threads);

    /// Where parameter `view` lies in an array laid out like `flat`.
    T* in(Buffer<T>& other, const ParameterView<T>& view) const { return other.data() + (view.data - flat.data()); }

    LanguageModelConfig config;
    Buffer<T> flat;
    std::vector<ParameterView<T>> parameters;
    std::vector<Lstm<T>> layers;
    Dense<T> dense;

    const ParameterView<T>& W(Index layer) const { return parameters[static_cast<std::size_t>(3 * layer)]; }
    const ParameterView<T>& R(Index layer) const { return parameters[static_cast<std::size_t>(3 * layer + 1)]; }
    const ParameterView<T>& b(Index layer) const { return parameters[static_cast<std::size_t>(3 * layer + 2)]; }
    const ParameterView<T>& dense_W() const { return parameters[parameters.size() - 2]; }
    const ParameterView<T>& dense_b() const { return parameters[parameters.size() - 1]; }
};

/// Initial weights (model/initialise.cpp).
template <class T>
void initialise(Network<T>& network, Poll& poll);

/// What the layers compute for `steps` x `batch` inputs: h and c [steps + 1, batch, H], gates, for each layer.
template <class T>
struct Activations {
    Activations(const LanguageModelConfig& config, Index steps, Index batch);

    Index steps, batch;
    struct Layer {
        Buffer<T> h, c, gates;
    };
    std::vector<Layer> layers;

    T* top() { return layers.back().h.data() + slot_size; }  ///< h [steps, batch, H] of the last layer
    Index slot_size;                                         ///< batch * H: one time step of h or c

    /// Slot 0 from, or the slot after `steps_done` steps to, a caller's arrays [L, batch, H].
    void load_state(const T* h, const T* c);
    void store_state(Index steps_done, T* h, T* c) const;
    /// Slot 0 = 0.
    void zero_state();
    /// Slot 0 = the slot after `steps_done` steps.
    void carry_state(Index steps_done);
};

/// tokens [steps, batch] through all layers. `steps` may be less than the activations' own, `batch` must be equal.
template <class T>
void forward(const Network<T>& network, Index steps, const std::int32_t* tokens, Activations<T>& activations,
             Threads& threads, Poll& poll);

/// LanguageModel::evaluate with a crew that is there.
template <class T>
LossSums evaluate(const Network<T>& network, WeightsMutex& weights, const Sequences& data, Threads& threads,
                  Poll& poll);

}  // namespace rnnfast
