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

TEST_CASE("asked to do it now, a poll calls its hook before it is due") {
    int calls = 0;
    rnnfast::Poll poll([&calls] { ++calls; }, 1h);
    poll();
    CHECK(calls == 0);
    poll.now();
    CHECK(calls == 1);
    rnnfast::Poll().now();
}

TEST_CASE("told of work, it looks at the clock after some millions, and not before") {
    int calls = 0;
    rnnfast::Poll poll([&calls] { ++calls; }, std::chrono::milliseconds(0));
    for (int k = 0; k < 1000; ++k) poll(1000);
    CHECK(calls == 0);
    for (int k = 0; k < 100; ++k) poll(std::int64_t{1} << 21);
    CHECK(calls == 50);
    poll(std::int64_t{1} << 40);
    CHECK(calls == 51);
}
