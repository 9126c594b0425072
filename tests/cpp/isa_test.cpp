#include "rnnfast/isa.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>

TEST_CASE("the environment chooses the instruction set") {
    if (const char* name = std::getenv("RNNFAST_ISA"); name && *name) CHECK(rnnfast::active_isa() == name);
}

TEST_CASE("a processor gets the instruction set that is right for it") {
    if (const char* name = std::getenv("RNNFAST_EXPECTED_ISA")) CHECK(rnnfast::active_isa() == name);
}

TEST_CASE("every available instruction set can be set, and no other") {
    const std::string before = rnnfast::active_isa();
    const auto known = rnnfast::known_isas();
    for (const auto& name : rnnfast::available_isas()) {
        CHECK(std::find(known.begin(), known.end(), name) != known.end());
        rnnfast::set_isa(name);
        CHECK(rnnfast::active_isa() == name);
    }
    rnnfast::set_isa(before);
    CHECK_THROWS_WITH_AS(rnnfast::set_isa("sse9"),
                         doctest::Contains("is 'sse9', expected one that this machine can run: scalar"),
                         std::invalid_argument);
    CHECK(rnnfast::active_isa() == before);
}
