#include "rnnfast/language_model.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace rnnfast;

namespace {

struct Countdown {  // 4 3 2 1 0 4 3 ...
    std::vector<std::int32_t> inputs, targets;
    Countdown() {
        for (int n = 0; n < 6; ++n)
            for (int t = 0; t < 20; ++t) {
                inputs.push_back(4 - (t + n) % 5);
                targets.push_back(4 - (t + n + 1) % 5);
            }
    }
    Sequences sequences() const { return {6, 20, inputs.data(), targets.data()}; }
};

template <class T>
std::vector<T> weights(const LanguageModel<T>& model) {
    std::vector<T> all;
    for (const auto& p : model.parameters()) all.insert(all.end(), p.data, p.data + p.size);
    return all;
}

FitOptions options(Index epochs) {
    FitOptions o;
    o.epochs = epochs;
    o.batch_size = 4;
    o.optimizer.learning_rate = 0.02;
    return o;
}

}  // namespace

TEST_CASE_TEMPLATE("a model learns a rule and goes on by it", T, float, double) {
    const Countdown data;
    LanguageModel<T> model({5, 16, 2, 1});
    FitProgress progress;
    Poll poll;
    model.fit(data.sequences(), options(60), progress, poll);
    REQUIRE(progress.epochs.size() == 60);
    CHECK(progress.epochs.front().training.loss > 4 * progress.epochs.back().training.loss);
    CHECK(model.evaluate(data.sequences(), 2, poll).correct > 100);

    const std::int32_t prompt[] = {4, 3, 2};
    std::vector<T> h(2 * 16), c(2 * 16);
    std::uint64_t position = 0;
    std::vector<std::int32_t> tokens(6);
    GenerateOptions generate;
    generate.length = 6;
    generate.sampler.temperature = 0;
    model.generate(generate, {{0, 0, prompt, 3}}, tokens.data(), {h.data(), c.data(), &position}, poll);
    CHECK(tokens == std::vector<std::int32_t>{1, 0, 4, 3, 2, 1});
    CHECK(position == 6);
}

TEST_CASE("an exception from the hook or the callback leaves whole steps") {
    const Countdown data;
    LanguageModel<double> model({5, 8, 1, 1}), twin({5, 8, 1, 1});
    FitProgress progress;
    FitOptions stopping = options(10);
    stopping.epoch_end = [](const FitProgress& p) -> bool {
        if (p.epoch == 3) throw std::string("enough");
        return false;
    };
    Poll poll;
    CHECK_THROWS_AS(model.fit(data.sequences(), stopping, progress, poll), std::string);
    CHECK(progress.epochs.size() == 3);
    twin.fit(data.sequences(), options(3), progress, poll);
    CHECK(weights(model) == weights(twin));

    int calls = 0;
    Poll interrupting(
        [&calls] {
            if (++calls == 3) throw std::string("interrupt");
        },
        std::chrono::milliseconds(0));
    const auto before = weights(model);
    CHECK_THROWS_AS(model.fit(data.sequences(), options(1), progress, interrupting), std::string);
    CHECK(progress.step == 0);
    CHECK(weights(model) == before);
}

TEST_CASE("a loss that is no number names its epoch and step and changes nothing") {
    const Countdown data;
    LanguageModel<float> model({5, 8, 1, 1});
    std::vector<float> huge;
    for (int e = 0; e < 8 * 5; ++e) huge.push_back((e % 2 ? 1 : -1) * std::numeric_limits<float>::max());
    Poll quiet;
    model.set_parameters({nullptr, nullptr, nullptr, huge.data(), nullptr}, quiet);
    const auto before = weights(model);
    FitProgress progress;
    Poll poll;
    CHECK_THROWS_WITH_AS(model.fit(data.sequences(), options(1), progress, poll),
                         doctest::Contains("at epoch 0, step 0"), NonFiniteError);
    CHECK(weights(model) == before);
}

TEST_CASE("bad arguments are refused by name") {
    CHECK_THROWS_WITH_AS(LanguageModel<float>({0, 8, 1, 1}), "vocab_size is 0, expected at least 1",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(LanguageModel<float>({5, 8, -1, 1}), "num_layers is -1, expected at least 1",
                         std::invalid_argument);
    LanguageModel<float> model({3, 8, 1, 1});
    const Countdown data;
    FitProgress progress;
    Poll poll;
    CHECK_THROWS_WITH_AS(model.fit(data.sequences(), options(1), progress, poll),
                         "X[0, 0] is 4, expected a token from 0 to 2, or -1 for none", std::invalid_argument);
}
