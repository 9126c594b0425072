#include "model/network.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "core/check.hpp"
#include "layers/dropout.hpp"

namespace rnnfast {
namespace {

const LanguageModelConfig& checked(const LanguageModelConfig& c) {
    at_least("vocab_size", c.vocab_size, 1);
    at_least("hidden_size", c.hidden_size, 1);
    at_least("num_layers", c.num_layers, 1);
    at_least("embedding_size", c.embedding_size, 0);
    constexpr Index most_tokens = std::numeric_limits<std::int32_t>::max(), most_units = Index{1} << 24;
    if (c.vocab_size > most_tokens)
        throw std::invalid_argument("vocab_size is " + std::to_string(c.vocab_size) + ", expected at most " +
                                    std::to_string(most_tokens));
    if (c.hidden_size > most_units || c.num_layers > most_units || c.embedding_size > most_units)
        throw std::invalid_argument("hidden_size is " + std::to_string(c.hidden_size) + ", num_layers is " +
                                    std::to_string(c.num_layers) + " and embedding_size is " +
                                    std::to_string(c.embedding_size) + ", expected at most " +
                                    std::to_string(most_units));
    if (c.tie_weights && c.embedding_size != c.hidden_size)
        throw std::invalid_argument("embedding_size is " + std::to_string(c.embedding_size) + ", expected " +
                                    std::to_string(c.hidden_size) + " = hidden_size where tie_weights is set");
    return c;
}

StackConfig stack_config(const LanguageModelConfig& c) {
    const bool tokens = c.embedding_size == 0;
    StackConfig stack;
    stack.cell = c.cell;
    stack.input_size = tokens ? c.vocab_size : c.embedding_size;
    stack.hidden_size = c.hidden_size;
    stack.num_layers = c.num_layers;
    stack.tokens = tokens;
    stack.dropout = c.dropout;
    stack.input_dropout = tokens ? 0 : c.dropout;
    return stack;
}

}  // namespace

std::vector<ParameterShape> parameter_shapes(const LanguageModelConfig& c) {
    const auto of_stack = Stack<float>(stack_config(checked(c))).parameters();
    std::vector<ParameterShape> all;
    if (c.embedding_size > 0) all.push_back({"embedding.W", {c.vocab_size, c.embedding_size}});
    all.insert(all.end(), of_stack.begin(), of_stack.end());
    if (!c.tie_weights) all.push_back({"dense.W", {c.hidden_size, c.vocab_size}});
    all.push_back({"dense.b", {c.vocab_size}});
    return all;
}

template <class T>
Network<T>::Network(const LanguageModelConfig& configuration)
    : config(checked(configuration)),
      stack(stack_config(config)),
      dense(config.hidden_size, config.vocab_size, config.tie_weights),
      parameters(parameter_shapes(config)),
      weights(places_in(parameters.flat())) {
    if (config.embedding_size > 0) embedding.emplace(config.vocab_size, config.embedding_size);
}

template <class T>
typename Network<T>::Places Network<T>::places_in(Buffer<T>& flat) const {
    const std::vector<T*> all = parameters.places_in(flat);
    const bool embedded = config.embedding_size > 0;
    const auto first = all.begin() + embedded, last = all.end() - 1 - !config.tie_weights;
    return {embedded ? all.front() : nullptr, std::vector<T*>(first, last),
            config.tie_weights ? all.front() : all[all.size() - 2], all.back()};
}

template <class T>
void Network<T>::prepare(bool for_backward, Threads& threads) {
    stack.prepare(weights.stack, for_backward, threads);
    dense.prepare(weights.dense_W, weights.dense_b, for_backward, threads);
}

template <class T>
Activations<T>::Activations(const Network<T>& network, Index steps, Index batch)
    : embedded(steps * batch * network.config.embedding_size),
      stack(network.stack, Segments(steps, batch)),
      logits(steps * batch * network.config.vocab_size) {}

template <class T>
void forward(const Network<T>& network, Index steps, const std::int32_t* tokens, std::optional<MaskKeys> masks,
             Activations<T>& a, Threads& threads, Poll& poll) {
    a.stack.set_steps(steps);
    const Index rows = a.rows(), H = network.config.hidden_size;
    LayerInput<T> x{tokens, nullptr};
    if (network.embedding) {
        network.embedding->forward(rows, tokens, network.weights.embedding_W, a.embedded.data(), threads, poll);
        x = {nullptr, a.embedded.data()};
    }
    const bool drops = masks && network.config.dropout > 0;
    network.stack.forward(x, drops ? std::optional(masks->stack) : std::nullopt, a.stack, threads, poll);
    a.top = a.stack.outputs();
    if (drops) {
        if (a.dropped.size() < rows * H) a.dropped = Buffer<T>(rows * H);
        std::copy_n(a.top, rows * H, a.dropped.data());
        apply_dropout(network.config.dropout, masks->top, {}, rows, H, a.dropped.data(), threads, poll);
        a.top = a.dropped.data();
    }
    network.dense.forward(rows, a.top, a.logits.data(), threads, poll);
}

template struct Network<float>;
template struct Network<double>;
template struct Activations<float>;
template struct Activations<double>;
template void forward(const Network<float>&, Index, const std::int32_t*, std::optional<MaskKeys>, Activations<float>&,
                      Threads&, Poll&);
template void forward(const Network<double>&, Index, const std::int32_t*, std::optional<MaskKeys>, Activations<double>&,
                      Threads&, Poll&);

}  // namespace rnnfast
