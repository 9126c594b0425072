#include "kernels_alone.hpp"

#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "core/panels.hpp"
#include "rnnfast/random.hpp"

namespace rnnfast::limits {
namespace {

// Numbers in [-0.5, 0.5), as weights and activations are.
Buffer<float> random_numbers(Index n) {
    Buffer<float> numbers(n);
    for (Index j = 0; j < n; ++j)
        numbers[j] = random_uniform<float>({0, 0}, static_cast<std::uint64_t>(j), Purpose::initialisation) - 0.5f;
    return numbers;
}

}  // namespace

Products::Products(Index count, const ProductShape* shapes) {
    Poll none;
    for (Index j = 0; j < count; ++j) {
        const ProductShape& s = shapes[j];
        Buffer<float> panels(panels_size(s.depth, s.columns));
        pack_panels(s.depth, s.columns, s.columns, random_numbers(s.depth * s.columns).data(), panels.data(), none);
        operands_.push_back(
            {s, random_numbers(s.rows * s.depth), std::move(panels), Buffer<float>(s.rows * s.columns)});
    }
}

void Products::run(Index rounds) {
    const FloatScope scope;
    const auto& k = active_kernels<float>();
    Poll none;
    for (Index round = 0; round < rounds; ++round) {
        for (Operands& o : operands_) {
            const ProductShape& s = o.shape;
            const Index a_row = s.transposed ? 1 : s.depth, a_depth = s.transposed ? s.rows : 1;
            const auto one = product<float>(s.rows, s.columns, s.depth, o.a.data(), a_row, a_depth, o.b.data(), nullptr,
                                            0, o.c.data(), s.columns);
            for (Index time = 0; time < s.times; ++time) multiply(k, one, none);
        }
    }
}

void run_gates(Index batch, Index hidden, Index rounds) {
    const FloatScope scope;
    const auto& k = active_kernels<float>();
    const Index units = batch * hidden;
    Buffer<float> gates = random_numbers(units * 4), c = random_numbers(units);
    for (Index round = 0; round < rounds; ++round) {
        k.sigmoid(3 * units, gates.data(), gates.data());
        k.tanh(units, gates.data() + 3 * units, gates.data() + 3 * units);
        k.tanh(units, c.data(), c.data());
    }
}

void run_draws(Index rows, Index V, Index rounds) {
    const FloatScope scope;
    const auto& k = active_kernels<float>();
    const Buffer<float> logits = random_numbers(rows * V), u = random_numbers(rows);
    Buffer<float> weights(V);
    for (Index round = 0; round < rounds; ++round)
        for (Index row = 0; row < rows; ++row) k.draw(V, logits.data() + row * V, 1.0f, u[row] + 0.5f, weights.data());
}

}  // namespace rnnfast::limits
