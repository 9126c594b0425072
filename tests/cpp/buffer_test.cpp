#include "rnnfast/buffer.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <new>
#include <utility>

using rnnfast::Buffer;
using rnnfast::Index;

TEST_CASE("a new buffer holds zeros, from a cache line on") {
    const Buffer<double> buffer(1000);
    CHECK(buffer.size() == 1000);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64 == 0);
    for (Index i = 0; i < buffer.size(); ++i) REQUIRE(buffer[i] == 0.0);
}

TEST_CASE("copies are apart, moves leave nothing behind") {
    Buffer<float> a(3);
    a[1] = 5;
    Buffer<float> b = a;
    b[1] = 6;
    CHECK(a[1] == 5);
    Buffer<float> c = std::move(b);
    CHECK(c[1] == 6);
    CHECK(b.size() == 0);
    a = c;
    CHECK(a[1] == 6);
    CHECK(Buffer<float>(0).data() == nullptr);
}

TEST_CASE("sizes that no memory holds are refused") {
    const auto make = [](Index n) {
        const Buffer<double> buffer(n);
        [[maybe_unused]] const void* volatile seen = buffer.data();  // or clang leaves the allocation out
    };
    CHECK_THROWS_AS(make(-1), std::bad_alloc);
    CHECK_THROWS_AS(make(std::numeric_limits<Index>::max()), std::bad_alloc);
#ifndef __SANITIZE_ADDRESS__  // which ends the program where operator new would throw
    CHECK_THROWS_AS(make(std::numeric_limits<Index>::max() / 16), std::bad_alloc);
#endif
}
