#include "rnnfast/online.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

using rnnfast::Index;

namespace {

// Three units that read two tokens, and learn that they alternate.
struct Alternation {
    std::vector<double> W = std::vector<double>(6, 0.1), R = std::vector<double>(9, 0.05), b = {0.1, -0.1, 0.2};
    std::vector<double> dense_W = {0.3, -0.3, 0.1, 0.2, -0.2, 0.1}, dense_b = {0, 0}, h = {0, 0, 0}, losses;
    std::vector<std::int32_t> inputs, targets;
    std::vector<Index> lengths;

    explicit Alternation(Index sequences) : losses(static_cast<std::size_t>(sequences), -1) {
        for (Index k = 0; k < sequences; ++k) {
            inputs.insert(inputs.end(), {-1, 0, 1});
            targets.insert(targets.end(), {0, 1, 0});
            lengths.push_back(3);
        }
    }

    void learn(rnnfast::Poll poll = {}, double learning_rate = 0.5) {
        const rnnfast::RnnParameters<double> parameters{
            2, 3, W.data(), R.data(), b.data(), dense_W.data(), dense_b.data()};
        const auto count = static_cast<Index>(lengths.size());
        rnnfast::learn_online(parameters, {count, lengths.data(), inputs.data(), targets.data()}, {learning_rate, 5.0},
                              h.data(), losses.data(), poll);
    }
};

}  // namespace

TEST_CASE("online learning lowers the loss, from ln 2 a token") {
    Alternation alternation(200);
    alternation.learn();
    CHECK(alternation.losses.front() == doctest::Approx(3 * std::log(2.0)).epsilon(0.1));
    CHECK(alternation.losses.back() < 0.1);
}

TEST_CASE("online learning that is broken off ends between two updates") {
    Alternation alternation(50), other(50);
    int calls = 0;
    const auto fail_later = [&calls] {
        if (++calls == 20) throw std::domain_error("stop");
    };
    CHECK_THROWS_AS(alternation.learn(rnnfast::Poll(fail_later, std::chrono::milliseconds(0))), std::domain_error);
    const auto done =
        std::count_if(alternation.losses.begin(), alternation.losses.end(), [](double loss) { return loss >= 0; });
    CHECK(done > 0);
    CHECK(done < 50);
    other.lengths.resize(static_cast<std::size_t>(done));
    other.learn();
    CHECK(alternation.h == other.h);
    CHECK(alternation.R == other.R);
    CHECK(alternation.dense_b == other.dense_b);
}

TEST_CASE("online learning refuses what it cannot do, and changes nothing") {
    Alternation alternation(1);
    const auto W = alternation.W;
    CHECK_THROWS_WITH_AS(alternation.learn({}, -1), "optimizer: learning_rate is -1, expected more than 0",
                         std::invalid_argument);
    alternation.targets[1] = 2;
    CHECK_THROWS_WITH_AS(alternation.learn(), "targets[1] is 2, expected a token from 0 to 1, or -1 for none",
                         std::invalid_argument);
    alternation.lengths[0] = 0;
    CHECK_THROWS_WITH_AS(alternation.learn(), "lengths has 0, expected at least 1", std::invalid_argument);
    CHECK(alternation.W == W);
}
