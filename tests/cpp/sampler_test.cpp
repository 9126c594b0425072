#include "rnnfast/sampler.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>
#include <vector>

using rnnfast::Sampler;
using rnnfast::SamplerConfig;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

std::set<int> support(const SamplerConfig& config, const std::vector<double>& logits) {
    Sampler<double> sampler(config, static_cast<rnnfast::Index>(logits.size()));
    std::set<int> tokens;
    for (int k = 0; k < 1000; ++k) tokens.insert(sampler(logits.data(), k / 1000.0));
    return tokens;
}

}  // namespace

TEST_CASE("greedy takes the largest, of equals the first") {
    CHECK(support({0, false, 0, 1}, {1, 3, 3, 2}) == std::set<int>{1});
    CHECK(support({1, true, 0, 1}, {-inf, -5, -inf}) == std::set<int>{1});
}

TEST_CASE("filters keep what they say") {
    const std::vector<double> logits{std::log(0.1), std::log(0.4), std::log(0.3), std::log(0.2)};
    CHECK(support({1, false, 0, 1}, logits) == std::set<int>{0, 1, 2, 3});
    CHECK(support({1, false, 2, 1}, logits) == std::set<int>{1, 2});
    CHECK(support({1, false, 0, 0.5}, logits) == std::set<int>{1, 2});
    CHECK(support({1, false, 0, 0.35}, logits) == std::set<int>{1});
    CHECK(support({5, false, 9, 1}, logits) == std::set<int>{0, 1, 2, 3});
}

TEST_CASE("a huge temperature draws evenly, from what may be drawn") {
    CHECK(support({1e300, false, 0, 1}, {0, -inf, 5}) == std::set<int>{0, 2});
    CHECK(support({1.7e308, false, 2, 1}, {0, -9, 5}) == std::set<int>{0, 2});
}

TEST_CASE("infinite logits: plus is certain, minus is never drawn") {
    CHECK(support({1, false, 0, 1}, {0, inf, 5, inf}) == std::set<int>{1, 3});
    CHECK(support({1, false, 3, 0.9}, {0, inf, 5, inf}) == std::set<int>{1, 3});
    CHECK(support({1, false, 0, 1}, {-inf, 0, -inf}) == std::set<int>{1});
}

TEST_CASE("where there is nothing to draw, it says so") {
    const double nan = std::nan("");
    for (const SamplerConfig& config : {SamplerConfig{1, false, 0, 1}, {0, false, 0, 1}, {1, false, 2, 0.5}}) {
        CHECK(support(config, {-inf, -inf}) == std::set<int>{-1});
        CHECK(support(config, {0, nan, 1}) == std::set<int>{-1});
    }
}

TEST_CASE("settings out of range are refused by name") {
    CHECK_THROWS_WITH_AS(support({-1, false, 0, 1}, {0}), doctest::Contains("temperature is -1"),
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(support({1, false, -2, 1}, {0}), doctest::Contains("top_k is -2"), std::invalid_argument);
    CHECK_THROWS_WITH_AS(support({1, false, 0, 0}, {0}), doctest::Contains("top_p is 0"), std::invalid_argument);
}
