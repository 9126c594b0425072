#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "rnnfast/random.hpp"
#include "rnnfast/stack.hpp"

using namespace rnnfast;

namespace {

constexpr Index N = 3, D = 4, H = 5, L = 2;

using Numbers = std::vector<float>;

Numbers numbers(Index n, std::uint64_t stream) {
    Numbers x;
    for (std::uint64_t i = 0; x.size() < static_cast<std::size_t>(n); ++i)
        x.push_back(random_uniform<float>({3, stream}, i, Purpose::sampling) - 0.5F);
    return x;
}

StackConfig config_of(Cell cell, LstmOptions options) {
    StackConfig config;
    config.cell = cell;
    config.input_size = D;
    config.hidden_size = H;
    config.num_layers = L;
    config.lstm = options;
    return config;
}

// The states after a step of N streams from zeros.
Numbers step(const StackConfig& config) {
    Stack<float> stack(config);
    Threads threads;
    Poll poll;
    std::vector<Numbers> memory;
    std::vector<float*> parameters;
    for (const ParameterShape& p : stack.parameters()) memory.push_back(numbers(p.size(), memory.size()));
    for (Numbers& p : memory) parameters.push_back(p.data());
    stack.prepare(parameters, false, threads);
    const auto of_h = static_cast<std::size_t>(L * N * stack.h_size());
    const Numbers x = numbers(N * D, 99), before(of_h, 0.25F);
    Numbers h(of_h), c(static_cast<std::size_t>(L * N * H)), scratch(static_cast<std::size_t>(stack.step_scratch(N)));
    stack.step(0, N, {nullptr, x.data()}, before.data(), h.data(), stack.has_c() ? c.data() : nullptr, scratch.data(),
               poll);
    return h;
}

}  // namespace

TEST_CASE("the LSTM's options say nothing about other cells") {
    LstmOptions options;
    options.projection_size = 2;
    options.peephole = true;
    for (const Cell cell : {Cell::rnn_tanh, Cell::rnn_relu, Cell::gru, Cell::gru_reset_before}) {
        const Stack<float> stack(config_of(cell, options));
        CHECK(stack.h_size() == H);
        CHECK(stack.output_size() == H);
        CHECK(step(config_of(cell, options)) == step(config_of(cell, {})));
    }
    CHECK(Stack<float>(config_of(Cell::lstm, options)).h_size() == 2);
    CHECK(step(config_of(Cell::lstm, options)).size() == static_cast<std::size_t>(L * N * 2));
}
