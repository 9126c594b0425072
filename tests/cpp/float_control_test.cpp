#include "core/float_control.hpp"

#include <doctest/doctest.h>

#include <cfenv>
#include <limits>

#include "rnnfast/elementwise.hpp"

namespace {

// What the arithmetic of this moment makes of numbers that the compiler does not see.
double halved(double x) {
    volatile double seen = x;
    return seen / 2;
}

double third() {
    volatile double one = 1;
    return one / 3;
}

constexpr double smallest_normal = std::numeric_limits<double>::min();
constexpr double smallest = std::numeric_limits<double>::denorm_min();

}  // namespace

TEST_CASE("a scope flushes subnormal results and operands, and ends with the caller's mode") {
    const std::uint64_t before = rnnfast::read_float_control();
    {
        const rnnfast::FloatScope scope;
        CHECK(scope.callers() == before);
        CHECK(rnnfast::is_kernel_float_control(rnnfast::read_float_control()));
        CHECK(halved(smallest_normal) == 0);
        volatile double subnormal = smallest;
        CHECK(subnormal * 0x1p1000 == 0);
    }
    CHECK(rnnfast::read_float_control() == before);
    CHECK(halved(smallest_normal) > 0);
}

TEST_CASE("an inner scope leaves the outer one's mode") {
    const rnnfast::FloatScope outer;
    {
        const rnnfast::FloatScope inner;
    }
    CHECK(rnnfast::is_kernel_float_control(rnnfast::read_float_control()));
}

TEST_CASE("in a scope, the caller's mode can come back for a while") {
    const rnnfast::FloatScope scope;
    {
        const rnnfast::FloatMode callers(scope.callers());
        CHECK(halved(smallest_normal) > 0);
    }
    CHECK(halved(smallest_normal) == 0);
}

TEST_CASE("kernels round to nearest, whatever the caller does, and raise none of the caller's flags") {
    const float x = 0.7f;
    float nearest = 0, upward = 0;
    rnnfast::exp(1, &x, &nearest);
    const double nearest_third = third();
    std::fesetround(FE_UPWARD);
    std::feclearexcept(FE_ALL_EXCEPT);
    rnnfast::exp(1, &x, &upward);
    const int raised = std::fetestexcept(FE_ALL_EXCEPT);
    const double upward_third = third();
    std::fesetround(FE_TONEAREST);
    CHECK(upward == nearest);
    CHECK(raised == 0);
    CHECK(upward_third > nearest_third);
}
