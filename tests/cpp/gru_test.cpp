#include "rnnfast/gru.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

using rnnfast::Gru;

namespace {

double sigmoid(double a) { return 1 / (1 + std::exp(-a)); }

// One unit that reads one number a step.
const double W[3] = {0.5, -1, 2}, R[3] = {1, 0.25, -0.75}, b[3] = {0.1, 0.2, 0.3}, b_Rn = -0.4;
const std::vector<double> x{1, -2, 0.5};

std::vector<double> forward(bool reset_after) {
    std::vector<double> h{0.8, 0, 0, 0}, gates(9), u(3);
    Gru<double> gru(1, 1, reset_after);
    gru.prepare(W, R, b, reset_after ? &b_Rn : nullptr, false, false);
    rnnfast::Poll poll;
    gru.forward(3, 1, {nullptr, x.data()}, h.data(), gates.data(), u.data(), poll);
    return h;
}

}  // namespace

TEST_CASE("forward is the equations, step by step") {
    for (const bool reset_after : {true, false}) {
        const std::vector<double> got = forward(reset_after);
        double h = 0.8;
        for (std::size_t t = 0; t < 3; ++t) {
            const double r = sigmoid(W[0] * x[t] + b[0] + R[0] * h), z = sigmoid(W[1] * x[t] + b[1] + R[1] * h);
            const double recurrent = reset_after ? r * (R[2] * h + b_Rn) : R[2] * (r * h);
            h = (1 - z) * std::tanh(W[2] * x[t] + b[2] + recurrent) + z * h;
            CHECK(got[t + 1] == doctest::Approx(h).epsilon(1e-14));
        }
    }
}

TEST_CASE("sizes below one are refused by name") {
    CHECK_THROWS_WITH_AS(Gru<float>(0, 4, true), "Gru: input_size is 0, expected at least 1", std::invalid_argument);
    CHECK_THROWS_WITH_AS(Gru<float>(4, -1, false), "Gru: hidden_size is -1, expected at least 1",
                         std::invalid_argument);
}
