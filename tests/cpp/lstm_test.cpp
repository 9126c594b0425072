#include "rnnfast/lstm.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "rnnfast/random.hpp"

using rnnfast::Index;
using rnnfast::Lstm;

namespace {

using Numbers = std::vector<double>;

Numbers random_numbers(Index n, std::uint64_t stream) {
    Numbers x(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i)
        x[static_cast<std::size_t>(i)] =
            rnnfast::random_uniform<double>({42, stream}, static_cast<std::uint64_t>(i), rnnfast::Purpose::sampling) -
            0.5;
    return x;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Case {
    Index T, N, D, H;
    Numbers x = random_numbers(T * N * D, 0), W = random_numbers(D * 4 * H, 1), R = random_numbers(H * 4 * H, 2),
            b = random_numbers(4 * H, 3), state = random_numbers(2 * N * H, 4);
    Numbers h = Numbers(static_cast<std::size_t>((T + 1) * N * H)), c = h;
    Numbers gates = Numbers(static_cast<std::size_t>(T * N * 4 * H));

    void forward() {
        std::copy_n(state.begin(), N * H, h.begin());
        std::copy_n(state.begin() + N * H, N * H, c.begin());
        Lstm<double> lstm(D, H);
        rnnfast::Threads alone;
        lstm.prepare({W.data(), R.data(), b.data()}, false, false, alone);
        rnnfast::Poll poll;
        lstm.forward({T, N}, {nullptr, x.data()}, h.data(), c.data(), gates.data(), alone, poll);
    }
};

}  // namespace

TEST_CASE("forward equals the equations, written as plain loops") {
    Case k{3, 2, 5, 7};
    k.forward();
    Numbers h(k.state.begin(), k.state.begin() + k.N * k.H), c(k.state.begin() + k.N * k.H, k.state.end());
    for (Index t = 0; t < k.T; ++t) {
        const Numbers before = h;
        for (Index n = 0; n < k.N; ++n)
            for (Index j = 0; j < k.H; ++j) {
                double a[4];
                for (Index g = 0; g < 4; ++g) {
                    const Index column = g * k.H + j;
                    a[g] = k.b[static_cast<std::size_t>(column)];
                    for (Index d = 0; d < k.D; ++d)
                        a[g] += k.x[static_cast<std::size_t>((t * k.N + n) * k.D + d)] *
                                k.W[static_cast<std::size_t>(d * 4 * k.H + column)];
                    for (Index d = 0; d < k.H; ++d)
                        a[g] += before[static_cast<std::size_t>(n * k.H + d)] *
                                k.R[static_cast<std::size_t>(d * 4 * k.H + column)];
                }
                const auto at = static_cast<std::size_t>(n * k.H + j);
                c[at] = sigmoid(a[1]) * c[at] + sigmoid(a[0]) * std::tanh(a[2]);
                h[at] = sigmoid(a[3]) * std::tanh(c[at]);
                REQUIRE(k.h[static_cast<std::size_t>((t + 1) * k.N * k.H) + at] ==
                        doctest::Approx(h[at]).epsilon(1e-13));
                REQUIRE(k.c[static_cast<std::size_t>((t + 1) * k.N * k.H) + at] ==
                        doctest::Approx(c[at]).epsilon(1e-13));
            }
    }
}

TEST_CASE("sizes below one are refused by name") {
    CHECK_THROWS_WITH_AS(Lstm<float>(0, 4), "Lstm: input_size is 0, expected at least 1", std::invalid_argument);
    CHECK_THROWS_WITH_AS(Lstm<float>(4, -1), "Lstm: hidden_size is -1, expected at least 1", std::invalid_argument);
    CHECK_THROWS_WITH_AS(Lstm<float>(4, 4, {-2, false, false}), "Lstm: projection_size is -2, expected at least 0",
                         std::invalid_argument);
}
