#include "rnnfast/poll.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>

using namespace std::chrono_literals;

TEST_CASE("a poll calls its hook about every interval") {
    int calls = 0;
    rnnfast::Poll poll([&calls] { ++calls; }, 1ms);
    poll();
    CHECK(calls == 0);
    std::this_thread::sleep_for(2ms);
    poll();
    CHECK(calls == 1);
}

TEST_CASE("what the hook throws comes out") {
    rnnfast::Poll poll([] { throw std::runtime_error("stop"); }, 0ms);
    CHECK_THROWS_WITH(poll(), "stop");
    rnnfast::Poll none;
    none();
}
