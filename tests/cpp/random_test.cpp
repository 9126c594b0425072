#include "rnnfast/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

using rnnfast::Index;
using rnnfast::Purpose;

// numpy.random.Philox(key=[seed, stream], counter=[position, purpose, 0, 0]).random_raw()
TEST_CASE("words are NumPy's") {
    CHECK(rnnfast::random_word({0, 0}, 0, Purpose::sampling) == 213000021201967259u);
    CHECK(rnnfast::random_word({1, 2}, 3, Purpose::initialisation) == 6486454556350775215u);
    // the increment carries into the counter's second word
    constexpr std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
    CHECK(rnnfast::random_word({last, last}, last, Purpose::dropout) == 1964762698154954912u);
}

TEST_CASE("uniform numbers are the word's leading bits") {
    CHECK(rnnfast::random_uniform<double>({0, 0}, 0, Purpose::sampling) == double(213000021201967259u >> 11) * 0x1p-53);
    CHECK(rnnfast::random_uniform<float>({0, 0}, 0, Purpose::sampling) == float(213000021201967259u >> 40) * 0x1p-24f);
}

TEST_CASE("a permutation has every number once") {
    std::vector<Index> order(1000);
    rnnfast::random_permutation({7, 0}, 1000, order.data());
    std::vector<Index> other(1000);
    rnnfast::random_permutation({7, 1}, 1000, other.data());
    CHECK(order != other);
    std::sort(order.begin(), order.end());
    for (Index i = 0; i < 1000; ++i) REQUIRE(order[static_cast<std::size_t>(i)] == i);
}
