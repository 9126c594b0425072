#include "rnnfast/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"

namespace rnnfast {
namespace {

void require(bool fine, const char* field, double value, const char* expected) {
    if (!fine)
        throw std::invalid_argument(std::string("optimizer: ") + field + " is " + number(value) + ", expected " +
                                    expected);
}

// body(first number, how many) for some numbers of n by each thread: whole cache lines.
template <class Body>
void in_shares(Index n, Threads& threads, Body body) {
    Poll none;
    threads.run(none, [&](Index rank, Poll&) {
        const auto own = threads.share(n, 16, rank);
        body(own.begin, own.size());
    });
}

template <class T>
void adam_step(const OptimizerConfig& config, double rate, Index n, const T* g, T* p, OptimizerState<T>& state,
               Threads& threads) {
    state.beta1_power *= config.beta1;
    state.beta2_power *= config.beta2;
    const double correction1 = 1 - state.beta1_power, root_correction2 = std::sqrt(1 - state.beta2_power);
    // One that T would flush to zero would make 0 / 0 of a parameter without a gradient.
    const double epsilon = std::max(config.epsilon, static_cast<double>(std::numeric_limits<T>::min()));
    const double scaled = rate / correction1 * (config.keras_epsilon ? root_correction2 : 1);
    const kernels::AdamConstants<T> constants{
        static_cast<T>(config.beta1), static_cast<T>(1 - config.beta1),
        static_cast<T>(config.beta2), static_cast<T>(1 - config.beta2),
        static_cast<T>(scaled),       static_cast<T>(config.keras_epsilon ? 1 : root_correction2),
        static_cast<T>(epsilon)};
    const auto& k = active_kernels<T>();
    in_shares(n, threads, [&](Index at, Index count) {
        k.adam(count, constants, g + at, state.m.data() + at, state.v.data() + at, p + at);
    });
}

// The square root of the sum of squares in double, in blocks of a fixed size that are added in ascending order.
template <class T>
double norm_of(Index n, const T* g, Threads& threads) {
    constexpr Index step = Index{1} << 14;
    const auto& k = active_kernels<T>();
    const Index blocks = (n + step - 1) / step;
    std::vector<double> sums(static_cast<std::size_t>(blocks));
    Poll none;
    threads.run(none, [&](Index rank, Poll&) {
        const auto own = threads.share(blocks, 1, rank);
        for (Index block = own.begin; block < own.end; ++block)
            sums[static_cast<std::size_t>(block)] =
                k.sum_of_squares(std::min(step, n - block * step), g + block * step);
    });
    return std::sqrt(std::accumulate(sums.begin(), sums.end(), 0.0));
}

}  // namespace

void check(const OptimizerConfig& c) {
    require(std::isfinite(c.learning_rate) && c.learning_rate > 0, "learning_rate", c.learning_rate, "more than 0");
    require(std::isfinite(c.decay) && c.decay >= 0, "decay", c.decay, "at least 0");
    if (c.kind != OptimizerConfig::Kind::adam) return;
    require(c.beta1 >= 0 && c.beta1 < 1, "beta1", c.beta1, "at least 0 and less than 1");
    require(c.beta2 >= 0 && c.beta2 < 1, "beta2", c.beta2, "at least 0 and less than 1");
    require(std::isfinite(c.epsilon) && c.epsilon > 0, "epsilon", c.epsilon, "more than 0");
}

template <class T>
void optimizer_step(const OptimizerConfig& config, Index n, const T* g, T* p, OptimizerState<T>& state,
                    Threads& threads) {
    const bool adam = config.kind == OptimizerConfig::Kind::adam;
    if (state.kind != config.kind || (adam && state.m.size() != n)) {
        OptimizerState<T> fresh;
        fresh.kind = config.kind;
        if (adam) {
            fresh.m = Buffer<T>(n);
            fresh.v = Buffer<T>(n);
        }
        state = std::move(fresh);
    }
    const FloatScope scope;
    const double rate = config.learning_rate / (1 + config.decay * static_cast<double>(state.steps));
    if (adam)
        adam_step(config, rate, n, g, p, state, threads);
    else
        in_shares(n, threads, [&, &k = active_kernels<T>()](Index at, Index count) {
            k.sgd(count, static_cast<T>(rate), g + at, p + at);
        });
    ++state.steps;
}

template <class T>
double clip_gradient(const Clipping& clipping, Index n, T* g, Threads& threads) {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const double norm = norm_of(n, g, threads);
    if (clipping.value)
        in_shares(n, threads, [&](Index at, Index count) { k.clip(count, static_cast<T>(*clipping.value), g + at); });
    if (clipping.norm) {
        const double clipped = clipping.value ? norm_of(n, g, threads) : norm;
        const double factor = *clipping.norm / (clipped + 1e-6);
        if (factor < 1)
            in_shares(n, threads, [&](Index at, Index count) { k.scale(count, static_cast<T>(factor), g + at); });
    }
    return norm;
}

template void optimizer_step(const OptimizerConfig&, Index, const float*, float*, OptimizerState<float>&, Threads&);
template void optimizer_step(const OptimizerConfig&, Index, const double*, double*, OptimizerState<double>&, Threads&);
template double clip_gradient(const Clipping&, Index, float*, Threads&);
template double clip_gradient(const Clipping&, Index, double*, Threads&);

}  // namespace rnnfast
