#include "rnnfast/segments.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <utility>
#include <vector>

using rnnfast::Index;
using rnnfast::Segments;

namespace {

using Indices = std::vector<Index>;

Indices counts(const Segments& segments) {
    Indices all;
    for (Index t = 0; t < segments.packing().steps; ++t) all.push_back(segments.packing().count(t));
    return all;
}

}  // namespace

TEST_CASE("without lengths and resets every stream is a segment") {
    const Segments segments(3, 2);
    CHECK(segments.whole());
    CHECK(segments.packing().rows() == 6);
    CHECK(segments.places().empty());
    CHECK(segments.reversed() == Indices{4, 5, 2, 3, 0, 1});
    CHECK(segments.final_row(1) == 7);
}

TEST_CASE("lengths of all steps, and resets of none, leave a batch whole") {
    const Index lengths[] = {3, 3};
    const unsigned char reset[6] = {};
    CHECK(Segments(3, 2, lengths, reset).whole());
    CHECK(Segments(3, 2, nullptr, nullptr).whole());
}

TEST_CASE("sequences are packed in the order of falling length, equal ones as they came") {
    const Index lengths[] = {1, 3, 0, 3};
    const Segments segments(3, 4, lengths, nullptr);
    CHECK(!segments.whole());
    CHECK(segments.heads() == Indices{1, 3, 0, 2});
    CHECK(segments.tails() == segments.heads());
    CHECK(counts(segments) == Indices{3, 2, 2});
    CHECK(segments.places() == Indices{1, 3, 0, 5, 7, 9, 11});  // t * 4 + n
    CHECK(segments.reversed() == Indices{5, 6, 2, 3, 4, 0, 1});
    // Four initial states, then a state for each row.
    CHECK(segments.final_row(0) == 4 + 5);
    CHECK(segments.final_row(2) == 4 + 2);
    CHECK(segments.final_row(3) == 3);
}

TEST_CASE("reversing twice changes nothing") {
    const Index lengths[] = {2, 5, 4, 5, 0, 1};
    const Segments segments(5, 6, lengths, nullptr);
    const Indices once = segments.reversed();
    for (Index row = 0; row < segments.packing().rows(); ++row)
        CHECK(once[static_cast<std::size_t>(once[static_cast<std::size_t>(row)])] == row);
}

TEST_CASE("a reset ends a segment and begins another, which has no stream to start from") {
    // Stream 0: steps 0, 1 | 2 | 3. Stream 1: 0 to 3. The reset of stream 1 lies behind its length.
    const unsigned char reset[] = {0, 0, 0, 0, 1, 0, 1, 0, 0, 1};
    const Index lengths[] = {4, 4};
    const Segments segments(5, 2, lengths, reset);
    CHECK(segments.heads() == Indices{1, 0, -1, -1});
    CHECK(segments.tails() == Indices{1, -1, -1, 0});
    CHECK(counts(segments) == Indices{4, 2, 1, 1});
    CHECK(segments.places() == Indices{1, 0, 4, 6, 3, 2, 5, 7});
}

TEST_CASE("a reset before the first step leaves a stream without a head, but not an empty one") {
    const unsigned char reset[] = {1, 1, 0, 0};
    const Index lengths[] = {2, 0};
    const Segments segments(2, 2, lengths, reset);
    CHECK(segments.heads() == Indices{-1, 1});
    CHECK(segments.tails() == Indices{0, 1});
    CHECK(segments.packing().rows() == 2);
}

TEST_CASE("nothing to do") {
    const Index none[] = {0, 0};
    const Segments empty(3, 2, none, nullptr);
    CHECK(empty.packing().rows() == 0);
    CHECK(empty.packing().steps == 0);
    CHECK(empty.heads() == Indices{0, 1});
    CHECK(empty.final_row(1) == 1);
    CHECK(Segments(0, 2).final_row(1) == 1);
    CHECK(Segments(3, 0, nullptr, nullptr).packing().rows() == 0);
}

TEST_CASE("a move keeps the packing's pointers good") {
    const Index lengths[] = {1, 2};
    Segments segments(2, 2, lengths, nullptr);
    const Segments moved = std::move(segments);
    CHECK(counts(moved) == Indices{2, 1});
    CHECK(!moved.whole());
    Segments other(1, 1);
    other = Segments(2, 2, lengths, nullptr);
    CHECK(counts(other) == Indices{2, 1});
}

TEST_CASE("lengths out of range, and sizes, are refused") {
    const Index too_long[] = {2, 4}, negative[] = {-1, 2};
    CHECK_THROWS_WITH_AS(Segments(3, 2, too_long, nullptr), "lengths[1] is 4, expected 0 to 3", std::invalid_argument);
    CHECK_THROWS_WITH_AS(Segments(3, 2, negative, nullptr), "lengths[0] is -1, expected 0 to 3", std::invalid_argument);
    CHECK_THROWS_AS(Segments(-1, 2), std::invalid_argument);
    CHECK_THROWS_AS(Segments(3, -2, nullptr, nullptr), std::invalid_argument);
}
