// One time step alone gives the bits of forward, for every cell, from tokens and from numbers.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "rnnfast/gru.hpp"
#include "rnnfast/lstm.hpp"
#include "rnnfast/random.hpp"
#include "rnnfast/rnn.hpp"

using namespace rnnfast;

namespace {

constexpr Index T = 4, N = 3, D = 5, H = 19, slot = N * H;

using Numbers = std::vector<float>;

Numbers numbers(Index n, std::uint64_t stream) {
    Numbers x;
    for (std::uint64_t i = 0; x.size() < static_cast<std::size_t>(n); ++i)
        x.push_back(random_uniform<float>({3, stream}, i, Purpose::sampling) - 0.5F);
    return x;
}

struct Problem {
    Numbers W = numbers(D * 4 * H, 1), R = numbers(H * 4 * H, 2), b = numbers(4 * H, 3), b_Rn = numbers(H, 4);
    Numbers x = numbers(T * N * D, 5), h = numbers((T + 1) * slot, 6), c = numbers((T + 1) * slot, 7);
    Numbers gates = numbers(T * N * 4 * H, 8), u = numbers(T * slot, 9);
    Numbers peephole = numbers(3 * H, 11), projection = numbers(H * H, 12);
    std::vector<std::int32_t> tokens{0, 4, -1, 3, 2, 1, 0, -1, 4, 2, 2, 3};
    bool reads_tokens;
    Threads threads;
    Poll poll;

    explicit Problem(bool tokens_only) : reads_tokens(tokens_only) {}

    LayerInput<float> input(Index t) const {
        if (reads_tokens) return {tokens.data() + t * N, nullptr};
        return {nullptr, x.data() + t * N * D};
    }
};

// A copy of the state before the first step, which every step overwrites in turn.
Numbers first(const Numbers& states) { return Numbers(states.begin(), states.begin() + slot); }
Numbers at(const Numbers& states, Index t) {
    return Numbers(states.begin() + t * slot, states.begin() + (t + 1) * slot);
}

}  // namespace

TEST_CASE("a step of the basic RNN is forward's") {
    for (const bool tokens : {false, true}) {
        for (const auto nonlinearity : {Nonlinearity::tanh, Nonlinearity::relu}) {
            Problem p(tokens);
            Rnn<float> rnn(D, H, nonlinearity);
            rnn.prepare(p.W.data(), p.R.data(), p.b.data(), tokens, false, p.threads);
            rnn.forward({T, N}, p.input(0), p.h.data(), p.threads, p.poll);
            Numbers h = first(p.h), next(h.size());
            for (Index t = 0; t < T; ++t) {
                rnn.step(N, p.input(t), h.data(), next.data(), p.poll);
                h.swap(next);
                CHECK(h == at(p.h, t + 1));
            }
        }
    }
}

TEST_CASE("a step of the GRU is forward's") {
    for (const bool tokens : {false, true}) {
        for (const bool reset_after : {false, true}) {
            Problem p(tokens);
            Gru<float> gru(D, H, reset_after);
            gru.prepare(p.W.data(), p.R.data(), p.b.data(), p.b_Rn.data(), tokens, false, p.threads);
            gru.forward({T, N}, p.input(0), p.h.data(), p.gates.data(), p.u.data(), p.threads, p.poll);
            Numbers h = first(p.h), next(h.size());
            for (Index t = 0; t < T; ++t) {
                gru.step(N, p.input(t), h.data(), next.data(), p.gates.data(), p.u.data(), p.poll);
                h.swap(next);
                CHECK(h == at(p.h, t + 1));
            }
        }
    }
}

TEST_CASE("a step of the LSTM is forward's") {
    const LstmOptions projected{H, false, false}, all{H, true, true};
    for (const bool tokens : {false, true}) {
        for (const LstmOptions& options : {LstmOptions{}, projected, all}) {
            Problem p(tokens);
            Lstm<float> lstm(D, H, options);
            Numbers workspace = numbers(lstm.workspace(T * N), 10);
            lstm.prepare({p.W.data(), p.R.data(), p.b.data(), p.peephole.data(), p.projection.data()}, tokens, false,
                         p.threads);
            lstm.forward({T, N}, p.input(0), p.h.data(), p.c.data(), workspace.data(), p.threads, p.poll);
            Numbers h = first(p.h), next(h.size()), c = first(p.c);
            for (Index t = 0; t < T; ++t) {
                lstm.step(t, N, p.input(t), h.data(), c.data(), next.data(), c.data(), workspace.data(), p.poll);
                h.swap(next);
                CHECK(h == at(p.h, t + 1));
                CHECK(c == at(p.c, t + 1));
            }
        }
    }
}
