// Over given tokens, without training: the loss, or the probabilities of what comes next.
#include <algorithm>

#include "core/check.hpp"
#include "core/float_control.hpp"
#include "core/products.hpp"
#include "model/impl.hpp"
#include "model/tokens.hpp"

namespace rnnfast {
namespace {

// Memory does not grow with the data: so many sequences at a time, and so many steps of them that their logits stay
// small.
constexpr Index most_rows = 64;
constexpr Index most_steps = 64;
constexpr Index most_logits = Index{1} << 22;

Index steps_at_a_time(Index steps, Index rows, Index V) {
    return std::max<Index>(1, std::min({most_steps, steps, most_logits / (std::max<Index>(1, rows) * V)}));
}

// Multiply-adds of a chunk.
template <class T>
double work(const Network<T>& network, Index rows, Index steps) {
    return network.work_of_token() * static_cast<double>(rows) * static_cast<double>(std::min(steps, most_steps));
}

}  // namespace

template <class T>
LossSums evaluate(const Network<T>& network, WeightsMutex& weights, const Sequences& data, Threads& threads,
                  Poll& poll) {
    const Index V = network.config.vocab_size;
    LossSums sums;
    for (Index row = 0; row < data.samples; row += most_rows) {
        const ReadLock lock(weights, poll);
        const Index N = std::min(most_rows, data.samples - row);
        const Index chunk = steps_at_a_time(data.steps, N, V);
        Activations<T> activations(network, chunk, N);
        Buffer<std::int32_t> inputs(chunk * N), targets(chunk * N);
        for (Index from = 0; from < data.steps; from += chunk) {
            const Index steps = std::min(chunk, data.steps - from), at = row * data.steps + from;
            to_time_major(N, steps, data.steps, data.inputs + at, nullptr, inputs.data());
            to_time_major(N, steps, data.steps, data.targets + at, nullptr, targets.data());
            forward(network, steps, inputs.data(), {}, activations, threads, poll);
            cross_entropy(steps * N, V, targets.data(), activations.logits.data(), sums, threads, poll);
            activations.stack.carry_state();
        }
    }
    return sums;
}

template <class T>
LossSums LanguageModel<T>::evaluate(const Sequences& data, Index num_threads, Poll& poll) const {
    const Network<T>& network = impl_->network;
    const Index V = config().vocab_size;
    at_least("evaluate: X: the number of samples", data.samples, 1);
    at_least("evaluate: X: the number of steps", data.steps, 1);
    check_tokens("X", data.samples, data.steps, data.inputs, V);
    check_tokens("Y", data.samples, data.steps, data.targets, V);
    const FloatScope scope;
    Threads threads(choose_threads(num_threads, work(network, std::min(most_rows, data.samples), data.steps)));
    return rnnfast::evaluate(network, impl_->weights, data, threads, poll);
}

template <class T>
void LanguageModel<T>::predict(Index N, Index steps, const std::int32_t* inputs, T* probabilities, StateView<T> state,
                               Index num_threads, Poll& poll) const {
    const Network<T>& network = impl_->network;
    const Index V = config().vocab_size;
    at_least("predict: the number of rows", N, 0);
    at_least("predict: the number of steps", steps, 0);
    check_tokens("X", N, steps, inputs, V);
    const FloatScope scope;
    Threads threads(choose_threads(num_threads, work(network, N, steps)));
    const ReadLock lock(impl_->weights, poll);
    const Index chunk = steps_at_a_time(steps, N, V);
    Activations<T> activations(network, chunk, N);
    Buffer<T>& logits = activations.logits;
    Buffer<std::int32_t> tokens(chunk * N);
    activations.stack.load_state(state.h, state.c);
    for (Index from = 0; from < steps; from += chunk) {
        const Index now = std::min(chunk, steps - from);
        to_time_major(N, now, steps, inputs + from, nullptr, tokens.data());
        forward(network, now, tokens.data(), {}, activations, threads, poll);
        softmax(now * N, V, logits.data(), threads, poll);
        for (Index t = 0; t < now; ++t)
            for (Index n = 0; n < N; ++n)
                std::copy_n(logits.data() + (t * N + n) * V, V, probabilities + (n * steps + from + t) * V);
        activations.stack.carry_state();
    }
    activations.stack.set_steps(0);
    activations.stack.store_state(state.h, state.c);
}

template LossSums evaluate(const Network<float>&, WeightsMutex&, const Sequences&, Threads&, Poll&);
template LossSums evaluate(const Network<double>&, WeightsMutex&, const Sequences&, Threads&, Poll&);
template LossSums LanguageModel<float>::evaluate(const Sequences&, Index, Poll&) const;
template LossSums LanguageModel<double>::evaluate(const Sequences&, Index, Poll&) const;
template void LanguageModel<float>::predict(Index, Index, const std::int32_t*, float*, StateView<float>, Index,
                                            Poll&) const;
template void LanguageModel<double>::predict(Index, Index, const std::int32_t*, double*, StateView<double>, Index,
                                             Poll&) const;

}  // namespace rnnfast
