#include "rnnfast/optimizer.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>
#include <vector>

#include "rnnfast/non_finite_error.hpp"

using namespace rnnfast;

namespace {

// Two arrays of one's own, and what Adam remembers of them.
template <class T>
struct Net {
    std::vector<T> g1{3, 0}, p1{1, 2}, m1{0, 0}, v1{0, 0};
    std::vector<T> g2{4}, p2{-1}, m2{0}, v2{0};
    OptimizerSteps steps;

    std::vector<OptimizerPart<T>> parts() {
        return {{2, g1.data(), p1.data(), m1.data(), v1.data(), nullptr},
                {1, g2.data(), p2.data(), m2.data(), v2.data(), nullptr}};
    }
};

}  // namespace

TEST_CASE_TEMPLATE("arrays of one's own are clipped as one gradient and updated", T, float, double) {
    Net<T> net;
    OptimizerConfig adam;
    adam.learning_rate = {0.5, StepDecay{1, 0.5}};
    Threads threads;
    CHECK(clip_and_step(adam, Clipping{{}, 1.0, false}, net.steps, net.parts(), threads) == 5);
    CHECK(net.steps.steps == 1);
    CHECK(net.p1[0] == doctest::Approx(0.5));  // the first step is the rate
    CHECK(net.p1[1] == 2);
    CHECK(net.p2[0] == doctest::Approx(-1.5));
    CHECK(net.m2[0] == doctest::Approx(0.08));  // a tenth of 4 / 5
    CHECK(net.g2[0] == 4);                      // copies were clipped
    clip_and_step(adam, {}, net.steps, net.parts(), threads);
    CHECK(net.steps.beta1_power == doctest::Approx(0.81));
}

TEST_CASE_TEMPLATE("what cannot be updated stays as it was", T, float, double) {
    Net<T> net;
    Threads threads;
    const auto refused = [&](const OptimizerConfig& config, std::vector<OptimizerPart<T>> parts, auto error) {
        CHECK_THROWS_AS(clip_and_step(config, {}, net.steps, parts, threads), decltype(error));
        CHECK(net.p1 == std::vector<T>{1, 2});
        CHECK(net.steps.steps == 0);
    };
    auto overlapping = net.parts();
    overlapping[1].p = net.p1.data() + 1;
    refused({}, overlapping, std::invalid_argument(""));
    auto own_gradient = net.parts();
    own_gradient[1].g = net.p2.data();
    refused({}, own_gradient, std::invalid_argument(""));

    net.g2[0] = std::numeric_limits<T>::max();
    refused({}, net.parts(), NonFiniteError(""));  // its square is infinite
    net.g2[0] = std::numeric_limits<T>::quiet_NaN();
    OptimizerConfig sgd;
    sgd.kind = OptimizerConfig::Kind::sgd;
    refused(sgd, net.parts(), NonFiniteError(""));
}

TEST_CASE("settings outside their range are refused by name") {
    OptimizerConfig sgd;
    sgd.kind = OptimizerConfig::Kind::sgd;
    sgd.nesterov = true;
    CHECK_THROWS_WITH_AS(check(sgd), "optimizer: momentum is 0, expected more than 0 with nesterov",
                         std::invalid_argument);
    OptimizerConfig adam;
    adam.learning_rate.decay = CosineDecay{0, 0};
    CHECK_THROWS_WITH_AS(check(adam), "optimizer: steps is 0, expected at least 1", std::invalid_argument);
    adam.learning_rate = 1e39;
    CHECK_NOTHROW(check<double>(adam));
    CHECK_THROWS_AS(check<float>(adam), std::invalid_argument);
    CHECK_THROWS_AS(optimizer_kind("lion"), std::invalid_argument);
}
