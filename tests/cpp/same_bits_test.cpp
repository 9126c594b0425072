// Every instruction set with fused multiply-add gives the bits of the oracle, scalar_fma, and touches nothing beyond an
// array's end.
#include <doctest/doctest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "rnnfast/dense.hpp"
#include "rnnfast/elementwise.hpp"
#include "rnnfast/isa.hpp"
#include "rnnfast/loss.hpp"
#include "rnnfast/gru.hpp"
#include "rnnfast/lstm.hpp"
#include "rnnfast/rnn.hpp"
#include "rnnfast/optimizer.hpp"
#include "rnnfast/random.hpp"
#include "rnnfast/sampler.hpp"

using namespace rnnfast;

namespace {

template <class T>
using Numbers = std::vector<T>;

template <class T>
Numbers<T> zeros(Index n) {
    return Numbers<T>(static_cast<std::size_t>(n));
}

template <class T>
Numbers<T> uniform(Index n, std::uint64_t stream, T low, T high) {
    Numbers<T> x;
    for (std::uint64_t i = 0; x.size() < static_cast<std::size_t>(n); ++i)
        x.push_back(low + (high - low) * random_uniform<T>({1, stream}, i, Purpose::sampling));
    return x;
}

// Any exponent and sign alike: subnormal numbers, infinities and NaN are among them.
template <class T>
Numbers<T> any_bits(Index n) {
    Numbers<T> x = zeros<T>(n);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const std::uint64_t word = random_word({2, 0}, i, Purpose::sampling);
        std::memcpy(&x[i], &word, sizeof(T));
    }
    return x;
}

// All results of one kind of work, one after the other.
template <class T>
struct Results {
    Numbers<T> all;

    void add(const Numbers<T>& more) { all.insert(all.end(), more.begin(), more.end()); }
    bool operator==(const Results& other) const {
        bool same = all.size() == other.all.size();
        for (std::size_t i = 0; same && i < all.size(); ++i) {
            const T a = all[i], b = other.all[i];
            same = (a != a && b != b) || std::memcmp(&a, &b, sizeof(T)) == 0;  // of a NaN the bits are free
        }
        return same;
    }
};

template <class T>
Results<T> elementary_functions(Threads&) {
    Results<T> results;
    for (const Numbers<T>& x : {any_bits<T>(10003), uniform<T>(10003, 3, T(-20), T(20)), uniform<T>(3, 4, T(0), T(2))})
        for (const auto function : {exp<T>, log<T>, sigmoid<T>, tanh<T>}) {
            Numbers<T> y = x;
            function(static_cast<Index>(x.size()), x.data(), y.data());
            results.add(y);
        }
    return results;
}

template <class T>
Results<T> lstm(Threads& threads) {
    constexpr Index steps = 5, N = 17, D = 19, H = 37;
    Poll poll;
    const auto W = uniform<T>(D * 4 * H, 1, T(-1), T(1)), R = uniform<T>(H * 4 * H, 2, T(-1), T(1));
    const auto b = uniform<T>(4 * H, 3, T(-1), T(1)), x = uniform<T>(steps * N * D, 4, T(-2), T(2));
    const auto dh_out = uniform<T>(steps * N * H, 5, T(-1), T(1));
    auto h = uniform<T>((steps + 1) * N * H, 6, T(-1), T(1)), c = uniform<T>((steps + 1) * N * H, 7, T(-2), T(2));
    auto gates = zeros<T>(steps * N * 4 * H);
    auto dW = zeros<T>(D * 4 * H), dR = zeros<T>(H * 4 * H), db = zeros<T>(4 * H), dx = zeros<T>(steps * N * D);
    auto dh = uniform<T>(N * H, 8, T(-1), T(1)), dc = uniform<T>(N * H, 9, T(-1), T(1));

    Lstm<T> layer(D, H);
    layer.prepare(W.data(), R.data(), b.data(), false, true, threads);
    layer.forward({steps, N}, {nullptr, x.data()}, h.data(), c.data(), gates.data(), threads, poll);
    Results<T> results;
    for (const auto& out : {h, c, gates}) results.add(out);
    auto scratch = zeros<T>(layer.backward_scratch({steps, N}));
    layer.backward({steps, N}, {nullptr, x.data()}, h.data(), c.data(), dh_out.data(), gates.data(),
                   {dW.data(), dR.data(), db.data(), dx.data(), dh.data(), dc.data()}, scratch.data(), threads, poll);
    for (const auto& out : {dW, dR, db, dx, dh, dc, gates}) results.add(out);
    return results;
}

template <class T>
Results<T> rnn(Threads& threads) {
    constexpr Index steps = 4, N = 17, D = 5, H = 21;
    Results<T> results;
    Poll poll;
    const auto W = uniform<T>(D * H, 1, T(-1), T(1)), R = uniform<T>(H * H, 2, T(-1), T(1));
    const auto b = uniform<T>(H, 3, T(-1), T(1)), x = uniform<T>(steps * N * D, 4, T(-2), T(2));
    for (const auto nonlinearity : {Nonlinearity::tanh, Nonlinearity::relu}) {
        auto h = uniform<T>((steps + 1) * N * H, 6, T(-1), T(1)), da = uniform<T>(steps * N * H, 5, T(-1), T(1));
        auto dW = zeros<T>(D * H), dR = zeros<T>(H * H), db = zeros<T>(H), dx = zeros<T>(steps * N * D);
        auto dh = uniform<T>(N * H, 8, T(-1), T(1));
        Rnn<T> layer(D, H, nonlinearity);
        layer.prepare(W.data(), R.data(), b.data(), false, true, threads);
        layer.forward({steps, N}, {nullptr, x.data()}, h.data(), threads, poll);
        auto scratch = zeros<T>(layer.backward_scratch({steps, N}));
        layer.backward({steps, N}, {nullptr, x.data()}, h.data(), da.data(),
                       {dW.data(), dR.data(), db.data(), dx.data(), dh.data()}, scratch.data(), threads, poll);
        for (const auto& out : {h, dW, dR, db, dx, dh, da}) results.add(out);
    }
    return results;
}

template <class T>
Results<T> gru(Threads& threads) {
    constexpr Index steps = 4, N = 17, D = 5, H = 21;
    Results<T> results;
    Poll poll;
    const auto W = uniform<T>(D * 3 * H, 1, T(-1), T(1)), R = uniform<T>(H * 3 * H, 2, T(-1), T(1));
    const auto b = uniform<T>(3 * H, 3, T(-1), T(1)), b_Rn = uniform<T>(H, 7, T(-1), T(1));
    const auto x = uniform<T>(steps * N * D, 4, T(-2), T(2)), dh_out = uniform<T>(steps * N * H, 5, T(-1), T(1));
    for (const bool reset_after : {true, false}) {
        auto h = uniform<T>((steps + 1) * N * H, 6, T(-1), T(1)), gates = zeros<T>(steps * N * 3 * H);
        auto u = zeros<T>(steps * N * H), dx = zeros<T>(steps * N * D), dh = uniform<T>(N * H, 8, T(-1), T(1));
        auto dW = zeros<T>(D * 3 * H), dR = zeros<T>(H * 3 * H), db = zeros<T>(3 * H), db_Rn = zeros<T>(H);
        Gru<T> layer(D, H, reset_after);
        layer.prepare(W.data(), R.data(), b.data(), reset_after ? b_Rn.data() : nullptr, false, true, threads);
        layer.forward({steps, N}, {nullptr, x.data()}, h.data(), gates.data(), u.data(), threads, poll);
        auto scratch = zeros<T>(layer.backward_scratch({steps, N}));
        layer.backward({steps, N}, {nullptr, x.data()}, h.data(), dh_out.data(), gates.data(), u.data(),
                       {dW.data(), dR.data(), db.data(), db_Rn.data(), dx.data(), dh.data()}, scratch.data(), threads,
                       poll);
        for (const auto& out : {h, gates, u, dW, dR, db, db_Rn, dx, dh}) results.add(out);
    }
    return results;
}

template <class T>
Results<T> dense(Threads& threads) {
    Results<T> results;
    Poll poll;
    for (const Index rows : {1, 4, 23})
        for (const Index outputs : {1, 47, 130}) {
            constexpr Index inputs = 300;
            const auto W = uniform<T>(inputs * outputs, 1, T(-1), T(1)), b = uniform<T>(outputs, 2, T(-1), T(1));
            const auto x = uniform<T>(rows * inputs, 3, T(-1), T(1)), dy = uniform<T>(rows * outputs, 4, T(-1), T(1));
            auto y = zeros<T>(rows * outputs), dx = zeros<T>(rows * inputs);
            auto dW = zeros<T>(inputs * outputs), db = zeros<T>(outputs);
            Dense<T> layer(inputs, outputs);
            layer.prepare(W.data(), b.data(), true, threads);
            layer.forward(rows, x.data(), y.data(), threads, poll);
            auto scratch = zeros<T>(layer.backward_scratch(rows));
            layer.backward(rows, x.data(), dy.data(), dx.data(), dW.data(), db.data(), scratch.data(), threads, poll);
            for (const auto& out : {y, dx, dW, db}) results.add(out);
        }
    return results;
}

template <class T>
Results<T> losses(Threads& threads) {
    Results<T> results;
    Poll poll;
    for (Index V = 1; V <= 40; ++V) {
        const std::int32_t targets[] = {0, -1, static_cast<std::int32_t>(V - 1)};
        const auto logits = uniform<T>(3 * V, 5, T(-9), T(9));
        auto probabilities = logits, gradient = logits;
        LossSums sums;
        softmax(3, V, probabilities.data(), threads, poll);
        cross_entropy_gradient(3, V, targets, T(1) / 3, gradient.data(), sums, threads, poll);
        for (const auto& out : {probabilities, gradient, {T(sums.loss), T(sums.correct)}}) results.add(out);
    }
    return results;
}

template <class T>
Results<T> draws(Threads&) {
    Results<T> results;
    for (const Index V : {1, 3, 16, 17, 90, 131}) {
        const auto logits = uniform<T>(V, 6, T(-4), T(4)), u = uniform<T>(500, 7, T(0), T(1));
        Sampler<T> sampler({0.8, false, 0, 1}, V);
        for (const T each : u) results.add({T(sampler(logits.data(), each))});
    }
    return results;
}

std::vector<OptimizerConfig> optimizers() {
    using Kind = OptimizerConfig::Kind;
    std::vector<OptimizerConfig> configs;
    for (const Kind kind : {Kind::sgd, Kind::rmsprop, Kind::adam, Kind::adamw})
        for (const bool options : {false, true}) {
            OptimizerConfig config;
            config.kind = kind;
            config.nesterov = config.centered = config.keras_epsilon = options;
            config.momentum = options ? 0.9 : 0;
            config.weight_decay = options ? 0.01 : 0;
            config.learning_rate.decay = CosineDecay{4, 0};
            config.learning_rate.warmup_steps = options ? 2 : 0;
            configs.push_back(config);
        }
    return configs;
}

template <class T>
Results<T> updates(Threads& threads) {
    Results<T> results;
    for (const OptimizerConfig& config : optimizers()) {
        constexpr Index n = 1003;
        OptimizerState<T> state;
        auto p = uniform<T>(n, 8, T(-1), T(1));
        for (std::uint64_t step = 0; step < 5; ++step) {
            auto g = uniform<T>(n, 9 + step, T(-1), T(1));
            const double norm = clip_gradient<T>({0.9, 3}, n, g.data(), threads);
            optimizer_step(config, n, g.data(), p.data(), state, threads);
            for (const auto& out : {g, p, {T(norm)}}) results.add(out);
        }
    }
    return results;
}

// n numbers that end where a page ends that nobody may read or write.
template <class T>
class AtTheEdge {
public:
    explicit AtTheEdge(Index n) : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
        pages_ = mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        REQUIRE(pages_ != MAP_FAILED);
        REQUIRE(mprotect(edge(), page_, PROT_NONE) == 0);
        first_ = reinterpret_cast<T*>(edge()) - n;
    }
    ~AtTheEdge() { munmap(pages_, 2 * page_); }
    AtTheEdge(const AtTheEdge&) = delete;
    AtTheEdge& operator=(const AtTheEdge&) = delete;

    T* data() const { return first_; }

private:
    char* edge() const { return static_cast<char*>(pages_) + page_; }

    std::size_t page_;
    void* pages_;
    T* first_;
};

// f() on every available instruction set, then the one before again.
template <class F>
void on_every_isa(F f) {
    const std::string before = active_isa();
    for (const std::string& isa : available_isas()) {
        CAPTURE(isa);
        set_isa(isa);
        f(isa);
    }
    set_isa(before);
}

template <class T>
void check_same_bits(Results<T> (*work)(Threads&)) {
    Results<T> oracle;
    Threads one, two(2);
    on_every_isa([&](const std::string& isa) {
        if (isa == "scalar") return;
        if (isa == "scalar_fma") oracle = work(one);
        REQUIRE_FALSE(oracle.all.empty());
        CHECK(work(one) == oracle);
        CHECK(work(two) == oracle);
    });
}

}  // namespace

TEST_CASE_TEMPLATE("the bits are the oracle's on every instruction set, with one thread or two", T, float, double) {
    SUBCASE("elementary functions") { check_same_bits(elementary_functions<T>); }
    SUBCASE("LSTM, forward and backward") { check_same_bits(lstm<T>); }
    SUBCASE("basic RNN, forward and backward") { check_same_bits(rnn<T>); }
    SUBCASE("GRU, forward and backward") { check_same_bits(gru<T>); }
    SUBCASE("dense layer, forward and backward") { check_same_bits(dense<T>); }
    SUBCASE("softmax and cross-entropy") { check_same_bits(losses<T>); }
    SUBCASE("draws") { check_same_bits(draws<T>); }
    SUBCASE("clipping and optimisers") { check_same_bits(updates<T>); }
}

TEST_CASE_TEMPLATE("nothing beyond an array's end is touched", T, float, double) {
    Threads threads;
    Poll poll;
    on_every_isa([&](const std::string&) {
        for (Index n = 1; n <= 40; ++n) {
            const AtTheEdge<T> x(n), m(n);
            exp(n, x.data(), x.data());
            softmax(1, n, x.data(), threads, poll);
            const std::int32_t drawn = Sampler<T>({1, false, 0, 1}, n)(x.data(), T(0.5));
            CHECK(drawn == n / 2);
            for (OptimizerConfig config : optimizers()) {
                config.learning_rate = 0.001;
                OptimizerState<T> state;
                const T before = m.data()[n - 1];
                optimizer_step(config, n, x.data(), m.data(), state, threads);
                CHECK(m.data()[n - 1] < before);
            }
        }
    });
}
