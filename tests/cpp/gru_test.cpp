#include "rnnfast/gru.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

using rnnfast::Gru;

namespace {

double sigmoid(double a) { return 1 / (1 + std::exp(-a)); }

// One unit that reads one number a step.
constexpr double W[3] = {0.5, -1, 2}, R[3] = {1, 0.25, -0.75}, b[3] = {0.1, 0.2, 0.3}, b_Rn = -0.4;
const std::vector<double> x{1, -2, 0.5};

std::vector<double> forward(bool reset_after) {
    std::vector<double> h{0.8, 0, 0, 0}, gates(9), u(3);
    Gru<double> gru(1, 1, reset_after);
    rnnfast::Threads threads;
    gru.prepare(W, R, b, reset_after ? &b_Rn : nullptr, false, false, threads);
    rnnfast::Poll poll;
    gru.forward({3, 1}, {nullptr, x.data()}, h.data(), gates.data(), u.data(), threads, poll);
    return h;
}

// dx [3] and dh0, where every output has gradient 1.
std::vector<double> input_gradients(const Gru<double>& gru) {
    std::vector<double> h{0.8, 0, 0, 0}, gates(9), u(3), gradients(4);
    const std::vector<double> dh_out(3, 1.0);
    rnnfast::Threads threads;
    rnnfast::Poll poll;
    gru.forward({3, 1}, {nullptr, x.data()}, h.data(), gates.data(), u.data(), threads, poll);
    double dW[3] = {}, dR[3] = {}, db[3] = {}, db_recurrent = 0;
    std::vector<double> scratch(static_cast<std::size_t>(gru.backward_scratch({3, 1})));
    gru.backward({3, 1}, {nullptr, x.data()}, h.data(), dh_out.data(), gates.data(), u.data(),
                 {dW, dR, db, &db_recurrent, gradients.data(), &gradients[3]}, scratch.data(), threads, poll);
    return gradients;
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

TEST_CASE("new weights reach backward, also where prepare was not told of it") {
    for (const bool reset_after : {true, false}) {
        Gru<double> fresh(1, 1, reset_after), used(1, 1, reset_after);
        rnnfast::Threads threads;
        const double old[3] = {7, 8, 9};
        const double* recurrent_bias = reset_after ? &b_Rn : nullptr;
        fresh.prepare(W, R, b, recurrent_bias, false, true, threads);
        used.prepare(old, old, b, recurrent_bias, false, true, threads);
        used.prepare(W, R, b, recurrent_bias, false, false, threads);
        CHECK(input_gradients(fresh) == input_gradients(used));
    }
}

TEST_CASE("sizes below one are refused by name") {
    CHECK_THROWS_WITH_AS(Gru<float>(0, 4, true), "Gru: input_size is 0, expected at least 1", std::invalid_argument);
    CHECK_THROWS_WITH_AS(Gru<float>(4, -1, false), "Gru: hidden_size is -1, expected at least 1",
                         std::invalid_argument);
}
