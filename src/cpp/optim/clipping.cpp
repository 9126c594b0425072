#include "rnnfast/clipping.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "optim/shares.hpp"

namespace rnnfast {

void check(const Clipping& clipping) {
    for (const auto& [name, limit] : {std::pair("clip_value", clipping.value), std::pair("clip_norm", clipping.norm)})
        if (limit && !(*limit > 0))
            throw std::invalid_argument(std::string(name) + " is " + number(*limit) + ", expected more than 0");
}

// In blocks of a fixed size, whose sums are added in ascending order.
template <class T>
double global_norm(const std::vector<GradientPart<const T>>& gradient, Threads& threads) {
    constexpr Index step = Index{1} << 14;
    std::vector<GradientPart<const T>> blocks;
    for (const auto& part : gradient)
        for (Index at = 0; at < part.n; at += step) blocks.push_back({std::min(step, part.n - at), part.g + at});
    std::vector<double> sums(blocks.size());
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    Poll none;
    threads.run(none, [&](Index rank, Poll&) {
        const auto own = threads.share(static_cast<Index>(blocks.size()), 1, rank);
        for (Index i = own.begin; i < own.end; ++i) {
            const auto& block = blocks[static_cast<std::size_t>(i)];
            sums[static_cast<std::size_t>(i)] = k.sum_of_squares(block.n, block.g);
        }
    });
    return std::sqrt(std::accumulate(sums.begin(), sums.end(), 0.0));
}

template <class T>
double clip_gradient(const Clipping& clipping, const std::vector<GradientPart<T>>& gradient, Threads& threads) {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    std::vector<GradientPart<const T>> unchanged;
    for (const auto& part : gradient) unchanged.push_back({part.n, part.g});

    const double norm = global_norm(unchanged, threads);
    if (clipping.value)
        in_shares(gradient, threads, [&](const GradientPart<T>& part, Index at, Index count) {
            k.clip(count, static_cast<T>(*clipping.value), part.g + at);
        });
    if (clipping.norm) {
        const double clipped = clipping.value ? global_norm(unchanged, threads) : norm;
        const double factor = *clipping.norm / (clipping.keras_clip_norm ? clipped : clipped + 1e-6);
        if (factor < 1)
            in_shares(gradient, threads, [&](const GradientPart<T>& part, Index at, Index count) {
                k.scale(count, static_cast<T>(factor), part.g + at);
            });
    }
    return norm;
}

template double global_norm(const std::vector<GradientPart<const float>>&, Threads&);
template double global_norm(const std::vector<GradientPart<const double>>&, Threads&);
template double clip_gradient(const Clipping&, const std::vector<GradientPart<float>>&, Threads&);
template double clip_gradient(const Clipping&, const std::vector<GradientPart<double>>&, Threads&);

}  // namespace rnnfast
