// Everything that generates from a model, for an embedder: streams, sessions, scores, beams, constraints.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "rnnfast/language_model.hpp"

using namespace rnnfast;

namespace {

constexpr Index V = 5, H = 8, L = 2, length = 12;
using Row = std::vector<std::int32_t>;

template <class T>
struct OneStream {
    std::vector<T> h = std::vector<T>(L * H), c = h;
    std::uint64_t position = 0;
    StateView<T> view() { return {h.data(), c.data(), &position}; }
    StateView<const T> const_view() const { return {h.data(), c.data(), &position}; }
};

GenerateOptions options() {
    GenerateOptions o;
    o.length = length;
    o.sampler.top_k = 3;
    return o;
}

template <class T>
Row generated(const LanguageModel<T>& model, const GenerateOptions& o, const Stream& stream) {
    OneStream<T> state;
    Row tokens(static_cast<std::size_t>(o.length));
    Poll poll;
    model.generate(o, {stream}, tokens.data(), state.view(), poll);
    return tokens;
}

}  // namespace

TEST_CASE_TEMPLATE("a stream and a session draw what generate draws", T, float, double) {
    const LanguageModel<T> model({V, H, L, 1});
    const std::int32_t prompt[] = {4, 3};
    const Row alone = generated(model, options(), {7, 0, prompt, 2});
    const OneStream<T> zero;
    Poll poll;

    TokenStream<T> stream(model, options(), {{7, 0, prompt, 2}}, zero.const_view());
    Row tokens;
    for (std::int32_t token; stream.next(&token, poll);) tokens.push_back(token);
    CHECK(tokens == alone);
    CHECK(stream.progress().lengths == std::vector<Index>{length});

    Session<T> session(model, 2);
    const Index first = session.add(options(), {7, 0, prompt, 2}, zero.const_view());
    auto step = session.step(5, poll);
    CHECK(step.tokens == Row(alone.begin(), alone.begin() + 5));
    const Index second = session.add(options(), {8, 0}, zero.const_view());
    CHECK_THROWS_AS(session.add(options(), {9, 0}, zero.const_view()), std::runtime_error);
    step = session.step(7, poll);
    CHECK(step.ids == std::vector<Index>{first, second});
    CHECK(Row(step.tokens.begin(), step.tokens.begin() + 7) == Row(alone.begin() + 5, alone.end()));
    CHECK(session.ids() == std::vector<Index>{second});
    CHECK(session.seed(second) == 8);
    CHECK(session.remove(second, poll).position == 7);
    CHECK_THROWS_AS(session.remove(first, poll), std::out_of_range);
    CHECK_THROWS_AS(session.seed(second), std::out_of_range);
}

TEST_CASE_TEMPLATE("before the first draw the state of a stream has heard its prompt", T, float, double) {
    const LanguageModel<T> model({V, H, L, 1});
    const std::int32_t prompt[] = {4, 3, 3};
    const Row alone = generated(model, options(), {7, 0, prompt, 3});
    const OneStream<T> zero;
    Poll poll;
    const auto goes_on = [&](OneStream<T> state) {
        Row tokens(length);
        model.generate(options(), {{7, 0, prompt + 2, 1}}, tokens.data(), state.view(), poll);
        CHECK(tokens == alone);
    };

    Session<T> session(model, 1);
    const auto left = session.remove(session.add(options(), {7, 0, prompt, 3}, zero.const_view()), poll);
    CHECK(left.pending == 3);
    goes_on({{left.h.data(), left.h.data() + L * H}, {left.c.data(), left.c.data() + L * H}, left.position});

    OneStream<T> heard;
    TokenStream<T>(model, options(), {{7, 0, prompt, 3}}, zero.const_view()).store(heard.view(), poll);
    goes_on(heard);

    GenerateOptions nothing = options();
    nothing.length = 0;
    heard = {};
    model.generate(nothing, {{7, 0, prompt, 3}}, nullptr, heard.view(), poll);
    goes_on(heard);
}

TEST_CASE("an interrupted step of a session loses no token and no failure") {
    const LanguageModel<double> model({V, H, L, 1});
    const OneStream<double> zero;
    GenerateOptions banned = options();
    banned.sampler.ban = {0, 1, 2, 3, 4};
    Session<double> session(model, 3);
    const Index bad = session.add(banned, {6, 0}, zero.const_view());
    const Index good = session.add(options(), {7, 0}, zero.const_view());
    const Index removed = session.add(options(), {8, 0}, zero.const_view());

    struct Interrupt {};
    Poll interrupting([] { throw Interrupt(); }, std::chrono::milliseconds(0)), poll;
    CHECK_THROWS_AS(session.step(5, interrupting), Interrupt);
    CHECK(session.ids() == std::vector<Index>{good, removed});
    CHECK(session.remove(removed, poll).position == 1);

    const Row of_good = generated(model, options(), {7, 0}), of_removed = generated(model, options(), {8, 0});
    auto step = session.step(2, poll);
    REQUIRE(step.failure);
    CHECK(step.failure->stream == bad);
    CHECK(step.ids == std::vector<Index>{bad, good, removed});
    CHECK(step.tokens == Row{-1, -1, of_good[0], of_good[1], of_removed[0], -1});
    step = session.step(1, poll);
    CHECK(!step.failure);
    CHECK(step.ids == std::vector<Index>{good});
    CHECK(step.tokens == Row{of_good[2]});
}

TEST_CASE("a newcomer whose prompt could not be read to its end is a newcomer still") {
    const LanguageModel<double> model({V, H, L, 1});
    const OneStream<double> zero;
    const Row prompt(50000, 2);
    const Stream stream{7, 0, prompt.data(), 50000};
    struct Interrupt {};
    Poll interrupting([] { throw Interrupt(); }, std::chrono::milliseconds(0)), poll;
    Session<double> session(model, 1);
    const Index id = session.add(options(), stream, zero.const_view());
    CHECK_THROWS_AS(session.remove(id, interrupting), Interrupt);
    CHECK(session.step(length, poll).tokens == generated(model, options(), stream));

    TokenStream<double> tokens(model, options(), {stream}, zero.const_view());
    OneStream<double> state;
    CHECK_THROWS_AS(tokens.store(state.view(), interrupting), Interrupt);
    std::int32_t first = -1;
    CHECK_THROWS_AS(tokens.next(&first, interrupting), Interrupt);
    CHECK(tokens.next(&first, poll));
    CHECK(first == generated(model, options(), stream)[0]);
}

TEST_CASE_TEMPLATE("the best beam is the likeliest sequence, and its score is its probability", T, float, double) {
    const LanguageModel<T> model({V, H, L, 1});
    const OneStream<T> zero;
    Poll poll;
    BeamOptions beam_options;
    beam_options.width = V * V * V;
    beam_options.length = 3;
    const auto beams = model.beam_search(beam_options, {0, 0}, zero.const_view(), poll);
    REQUIRE(beams.size() == V * V * V);
    double sum = 0;
    for (const Beam& beam : beams) {
        const std::int32_t none = -1;
        T log_p[3];
        model.score(1, 3, &none, beam.tokens.data(), log_p, zero.const_view(), 1, poll);
        CHECK(std::abs(static_cast<double>(log_p[0] + log_p[1] + log_p[2]) - beam.log_probability) < 1e-5);
        CHECK(beam.score <= beams.front().score);
        sum += std::exp(beam.log_probability);
    }
    CHECK(std::abs(sum - 1) < 1e-5);
}

TEST_CASE("a constrained stream ends exactly, and what cannot be satisfied is refused") {
    // 0 to 4 add 1 to 5 to a sum that must be 12
    constexpr std::int32_t total = 12;
    std::vector<std::int32_t> next;
    bool accepting[total + 1] = {};
    accepting[total] = true;
    for (std::int32_t sum = 0; sum <= total; ++sum)
        for (std::int32_t j = 0; j < V; ++j) next.push_back(sum + j + 1 <= total ? sum + j + 1 : -1);
    const LanguageModel<double> model({V, H, L, 1});
    GenerateOptions o = options();
    o.constraint = std::make_shared<Constraint>(total + 1, V, next.data(), accepting, 0, length);
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        std::int32_t sum = 0;
        for (const std::int32_t token : generated(model, o, {seed, 0})) sum += token + 1;
        CHECK(sum == total);
    }
    BeamOptions beam_options;
    beam_options.length = length;
    beam_options.constraint = o.constraint;
    Poll poll;
    const OneStream<double> zero;
    for (const Beam& beam : model.beam_search(beam_options, {0, 0}, zero.const_view(), poll))
        CHECK(std::accumulate(beam.tokens.begin(), beam.tokens.end(), std::int32_t(beam.tokens.size())) == total);
    CHECK_THROWS_WITH_AS(Constraint(total + 1, V, next.data(), accepting, 0, 2),
                         doctest::Contains("the shortest sequence has 3 tokens"), std::invalid_argument);
    o.constraint = std::make_shared<Constraint>(o.constraint->at(total - 1));
    CHECK(generated(model, o, {1, 0}).front() == 0);
    CHECK_THROWS_AS(o.constraint->at(total + 1), std::invalid_argument);
}

TEST_CASE("a product of automata has a state for each pair that can be reached") {
    const std::vector<std::int32_t> pairs{1, 1, 0, 0}, triples{1, -1, 2, -1, 0, -1};
    Poll poll;
    const ConstraintProduct product = multiply(2, pairs.data(), 0, triples.data(), 0, 3, 6, poll);
    CHECK(product.states.size() == 6);
    CHECK(product.states[1] == std::pair<std::int32_t, std::int32_t>{1, 1});
    CHECK(product.next == std::vector<std::int32_t>{1, -1, 2, -1, 3, -1, 4, -1, 5, -1, 0, -1});
    CHECK_THROWS_AS(multiply(2, pairs.data(), 0, triples.data(), 0, 3, 5, poll), std::length_error);
}

TEST_CASE("a draw that cannot be made names stream and step and leaves tokens and state as they were") {
    const LanguageModel<double> model({V, H, L, 1});
    GenerateOptions o = options();
    o.sampler.ban = {0, 1, 2, 3, 4};
    OneStream<double> state;
    state.position = 3;
    Row tokens(length, 99);
    Poll poll;
    try {
        model.generate(o, {{1, 0}}, tokens.data(), state.view(), poll);
        FAIL("it drew");
    } catch (const SamplingError& error) {
        CHECK(error.stream == 0);
        CHECK(error.step == 0);
    }
    CHECK(tokens == Row(length, 99));
    CHECK(state.position == 3);
}
