#include "rnnfast/rnn.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

using rnnfast::Nonlinearity;
using rnnfast::Rnn;

namespace {

// One unit that reads one token of two: a = W[token] + 0.5 h(t-1) + 0.25
struct Unit {
    double W[2] = {1, -3}, R = 0.5, b = 0.25;
    std::vector<std::int32_t> tokens{0, 1, -1};
    std::vector<double> h{2, 0, 0, 0};
    Rnn<double> rnn;
    rnnfast::Threads threads;
    rnnfast::Poll poll;

    explicit Unit(Nonlinearity nonlinearity) : rnn(2, 1, nonlinearity) {
        rnn.prepare(W, &R, &b, true, true, threads);
        rnn.forward({3, 1}, {tokens.data(), nullptr}, h.data(), threads, poll);
    }
};

}  // namespace

TEST_CASE("forward is the equation, step by step") {
    const Unit relu(Nonlinearity::relu), tanh(Nonlinearity::tanh);
    CHECK(relu.h == std::vector<double>{2, 2.25, 0, 0.25});
    double h = 2;
    for (std::size_t t = 0; t < 3; ++t) {
        const double from_token = tanh.tokens[t] < 0 ? 0 : tanh.W[tanh.tokens[t]];
        h = std::tanh(from_token + tanh.R * h + tanh.b);
        CHECK(tanh.h[t + 1] == doctest::Approx(h).epsilon(1e-14));
    }
}

TEST_CASE("backward adds to the weights' gradients") {
    Unit unit(Nonlinearity::relu);
    double dW[2] = {10, 20}, dR = 30, db = 40, dh = 8;
    std::vector<double> da{1, 2, 4}, scratch(static_cast<std::size_t>(unit.rnn.backward_scratch({3, 1})));
    unit.rnn.backward({3, 1}, {unit.tokens.data(), nullptr}, unit.h.data(), da.data(), {dW, &dR, &db, nullptr, &dh},
                      scratch.data(), unit.threads, unit.poll);
    CHECK(da == std::vector<double>{1, 0, 12});  // h(2) = 0: nothing passes back
    CHECK(dW[0] == 10 + 1);
    CHECK(dW[1] == 20);
    CHECK(dR == 30 + 1 * 2);  // 12 h(2) is 0
    CHECK(db == 40 + 13);
    CHECK(dh == 0.5);
}

TEST_CASE("new weights reach backward, also where prepare was not told of it") {
    Unit unit(Nonlinearity::relu);
    unit.R = 0.25;
    unit.rnn.prepare(unit.W, &unit.R, &unit.b, true, false, unit.threads);
    double dW[2] = {}, dR = 0, db = 0, dh = 0;
    std::vector<double> da{1, 0, 0}, scratch(static_cast<std::size_t>(unit.rnn.backward_scratch({3, 1})));
    unit.rnn.backward({3, 1}, {unit.tokens.data(), nullptr}, unit.h.data(), da.data(), {dW, &dR, &db, nullptr, &dh},
                      scratch.data(), unit.threads, unit.poll);
    CHECK(dh == 0.25);
}

TEST_CASE("sizes below one are refused by name") {
    CHECK_THROWS_WITH_AS(Rnn<float>(0, 4, Nonlinearity::tanh), "Rnn: input_size is 0, expected at least 1",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(Rnn<float>(4, -1, Nonlinearity::relu), "Rnn: hidden_size is -1, expected at least 1",
                         std::invalid_argument);
}
