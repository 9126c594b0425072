// Over given tokens, without training: the loss, or the probabilities of what comes next.
#include <algorithm>

#include "core/check.hpp"
#include "core/float_control.hpp"
#include "model/impl.hpp"

namespace rnnfast {
namespace {

// Memory does not grow with the data: this many sequences, and this many steps of them, at a time.
constexpr Index most_rows = 64;
constexpr Index most_steps = 64;

}  // namespace

template <class T>
LossSums LanguageModel<T>::evaluate(const Sequences& data, Poll& poll) const {
    const Network<T>& network = impl_->network;
    const Index V = config().vocab_size;
    at_least("evaluate: X: the number of samples", data.samples, 1);
    at_least("evaluate: X: the number of steps", data.steps, 1);
    check_tokens("X", data.samples, data.steps, data.inputs, V);
    check_tokens("Y", data.samples, data.steps, data.targets, V);
    LossSums sums;
    for (Index row = 0; row < data.samples; row += most_rows) {
        const std::shared_lock lock(impl_->weights);
        const Index N = std::min(most_rows, data.samples - row);
        const Index chunk = std::min(most_steps, data.steps);
        Activations<T> activations(config(), chunk, N);
        Buffer<T> logits(chunk * N * V);
        Buffer<std::int32_t> inputs(chunk * N), targets(chunk * N);
        for (Index from = 0; from < data.steps; from += chunk) {
            const Index steps = std::min(chunk, data.steps - from), at = row * data.steps + from;
            to_time_major(N, steps, data.steps, data.inputs + at, nullptr, inputs.data());
            to_time_major(N, steps, data.steps, data.targets + at, nullptr, targets.data());
            forward(network, steps, inputs.data(), activations, poll);
            network.dense.forward(steps * N, activations.top(), logits.data(), poll);
            cross_entropy(steps * N, V, targets.data(), logits.data(), sums);
            activations.carry_state(steps);
        }
    }
    return sums;
}

template <class T>
void LanguageModel<T>::predict(Index N, Index steps, const std::int32_t* inputs, T* probabilities, StateView<T> state,
                               Poll& poll) const {
    const Network<T>& network = impl_->network;
    const Index V = config().vocab_size;
    at_least("predict: the number of rows", N, 0);
    at_least("predict: the number of steps", steps, 0);
    check_tokens("X", N, steps, inputs, V);
    const std::shared_lock lock(impl_->weights);
    const Index chunk = std::min(most_steps, steps);
    Activations<T> activations(config(), chunk, N);
    Buffer<T> logits(chunk * N * V);
    Buffer<std::int32_t> tokens(chunk * N);
    activations.load_state(state.h, state.c);
    for (Index from = 0; from < steps; from += chunk) {
        const Index now = std::min(chunk, steps - from);
        to_time_major(N, now, steps, inputs + from, nullptr, tokens.data());
        forward(network, now, tokens.data(), activations, poll);
        network.dense.forward(now * N, activations.top(), logits.data(), poll);
        softmax(now * N, V, logits.data());
        for (Index t = 0; t < now; ++t)
            for (Index n = 0; n < N; ++n)
                std::copy_n(logits.data() + (t * N + n) * V, V, probabilities + (n * steps + from + t) * V);
        activations.carry_state(now);
    }
    activations.store_state(0, state.h, state.c);
}

template LossSums LanguageModel<float>::evaluate(const Sequences&, Poll&) const;
template LossSums LanguageModel<double>::evaluate(const Sequences&, Poll&) const;
template void LanguageModel<float>::predict(Index, Index, const std::int32_t*, float*, StateView<float>, Poll&) const;
template void LanguageModel<double>::predict(Index, Index, const std::int32_t*, double*, StateView<double>,
                                             Poll&) const;

}  // namespace rnnfast
