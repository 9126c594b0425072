#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include "rnnfast/dense_layer.hpp"
#include "rnnfast/embedding_layer.hpp"
#include "rnnfast/recurrent.hpp"

using namespace rnnfast;

namespace {

std::vector<float> numbers(const ParameterView<float>& p) { return {p.data, p.data + p.size}; }

Poll none;

}  // namespace

TEST_CASE("a dense layer goes forward and back with its own weights") {
    DenseLayer<double> layer(2, 1, 0, none);
    const std::vector<double> W{2, 3}, b{1}, x{1, 10, 0, -1}, dy{1, 2};
    layer.set_parameters({W.data(), b.data()}, none);
    std::vector<double> y(2), dx(4), dW(2, 99), db(1, 99);
    const auto forward = layer.forward(2, x.data(), y.data(), 1, none);
    CHECK(y == std::vector<double>{33, -2});
    layer.backward(forward, 2, x.data(), dy.data(), dx.data(), dW.data(), db.data(), 1, none);
    CHECK(dx == std::vector<double>{2, 3, 4, 6});
    CHECK(dW == std::vector<double>{1, 8});
    CHECK(db == std::vector<double>{3});
}

TEST_CASE("a backward through other weights is refused") {
    DenseLayer<float> layer(2, 1, 0, none);
    const std::vector<float> b{1}, x{1, 2}, dy{1};
    std::vector<float> y(1), dx(2), dW(2), db(1);
    const auto forward = layer.forward(1, x.data(), y.data(), 1, none);
    layer.set_parameters({nullptr, b.data()}, none);
    CHECK_THROWS_AS(layer.backward(forward, 1, x.data(), dy.data(), dx.data(), dW.data(), db.data(), 1, none),
                    std::logic_error);
}

TEST_CASE("an embedding looks up, and refuses what it has not") {
    EmbeddingLayer<float> table(3, 2, 0, none);
    const std::vector<float> W{0, 1, 10, 11, 20, 21}, dy{1, 2, 3, 4, 5, 6};
    table.set_parameters({W.data()}, none);
    const std::vector<std::int32_t> tokens{2, -1, 2}, wrong{0, 3, 0};
    std::vector<float> y(6), dW(6);
    table.forward(3, tokens.data(), y.data(), 1, none);
    CHECK(y == std::vector<float>{20, 21, 0, 0, 20, 21});
    table.backward(3, tokens.data(), dy.data(), dW.data(), 1, none);
    CHECK(dW == std::vector<float>{0, 0, 0, 0, 6, 8});
    CHECK_THROWS_AS(table.forward(3, wrong.data(), y.data(), 1, none), std::invalid_argument);
}

TEST_CASE("several layers change together, or not at all") {
    DenseLayer<float> dense(2, 3, 1, none);
    Recurrent<float> recurrent({Cell::gru, 3, 2}, 2, none);
    const std::vector<Trainable<float>*> layers{&dense, &recurrent};
    const auto W = numbers(dense.parameters()[0]), R = numbers(recurrent.parameters()[1]);
    CHECK_THROWS_AS(
        change_parameters<float>(layers, none, [](const std::vector<float*>&) { throw std::domain_error("no"); }),
        std::domain_error);
    CHECK(numbers(dense.parameters()[0]) == W);

    change_parameters<float>(layers, none, [&](const std::vector<float*>& places) {
        REQUIRE(places.size() == dense.parameters().size() + recurrent.parameters().size());
        places[0][0] += 1;
        places[3][0] += 1;
    });
    CHECK(numbers(dense.parameters()[0])[0] == W[0] + 1);
    CHECK(numbers(recurrent.parameters()[1])[0] == R[0] + 1);

    const auto nothing = [](const std::vector<float*>&) {};
    CHECK_THROWS_AS(change_parameters<float>({&dense, &dense}, none, nothing), std::runtime_error);
    change_parameters<float>(layers, none, nothing);  // what was locked is free again
}

TEST_CASE("sizes below one are refused") {
    CHECK_THROWS_AS(DenseLayer<float>(0, 1, 0, none), std::invalid_argument);
    CHECK_THROWS_AS(EmbeddingLayer<float>(1, 0, 0, none), std::invalid_argument);
}
