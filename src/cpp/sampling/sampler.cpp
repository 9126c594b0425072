#include "rnnfast/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"

namespace rnnfast {
namespace {

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

// 1 / temperature, a normal finite number: 0 times the -inf of a token that may not be drawn would be a NaN.
template <class T>
T reciprocal(double temperature) {
    const FloatScope scope;  // rounded to nearest, whatever the mode of who makes the sampler
    if (temperature == 0) return 1;
    constexpr auto least = static_cast<double>(std::numeric_limits<T>::min());
    constexpr auto most = static_cast<double>(std::numeric_limits<T>::max());
    return static_cast<T>(std::clamp(1 / temperature, least, most));
}

}  // namespace

void check(const SamplerConfig& c) {
    const auto refuse = [](const char* field, double value, const char* expected) {
        throw std::invalid_argument(std::string(field) + " is " + number(value) + ", expected " + expected);
    };
    if (!(c.temperature >= 0) || std::isinf(c.temperature))
        refuse("temperature", c.temperature, "a finite number of at least 0 (0 is greedy)");
    if (c.top_k < 0) refuse("top_k", static_cast<double>(c.top_k), "at least 0 (0 keeps all)");
    if (!(c.top_p > 0 && c.top_p <= 1)) refuse("top_p", c.top_p, "more than 0 and at most 1 (1 keeps all)");
}

template <class T>
Sampler<T>::Sampler(const SamplerConfig& config, Index V)
    : config_(config),
      V_(V),
      inverse_temperature_(reciprocal<T>(config.temperature)),
      kept_(V),
      weights_(V),
      order_(V) {
    check(config);
}

template <class T>
std::int32_t Sampler<T>::operator()(const T* logits, T u) {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const bool greedy = config_.greedy || config_.temperature == 0;
    const bool filtered = config_.top_k > 0 || config_.top_p < 1;
    if (!greedy && !filtered) {
        const std::int32_t token = k.draw(V_, logits, inverse_temperature_, u, weights_.data());
        if (token >= 0) return token;  // else there is no finite maximum: below
    }
    const std::int32_t best = k.argmax(V_, logits);
    if (best < 0 || logits[best] == -infinity<T>) return -1;
    if (greedy) return best;
    std::copy_n(logits, V_, kept_.data());
    if (kept_[best] == infinity<T>)  // those that are certain share equally
        for (Index j = 0; j < V_; ++j) kept_[j] = kept_[j] == infinity<T> ? T(0) : -infinity<T>;
    if (filtered) drop_unlikely();
    return k.draw(V_, kept_.data(), inverse_temperature_, u, weights_.data());
}

// kept_ becomes -inf where top_k or top_p drops the token.
template <class T>
void Sampler<T>::drop_unlikely() {
    for (Index j = 0; j < V_; ++j) order_[j] = j;
    const Index keep = config_.top_k > 0 ? std::min(config_.top_k, V_) : V_;
    const auto likelier = [this](Index a, Index b) { return kept_[a] > kept_[b] || (kept_[a] == kept_[b] && a < b); };
    std::partial_sort(order_.data(), order_.data() + keep, order_.data() + V_, likelier);
    for (Index j = keep; j < V_; ++j) kept_[order_[j]] = -infinity<T>;
    if (config_.top_p == 1) return;
    std::copy_n(kept_.data(), V_, weights_.data());
    active_kernels<T>().softmax(1, V_, weights_.data());
    double reached = 0;
    Index nucleus = 0;
    while (nucleus < keep && reached < config_.top_p) reached += static_cast<double>(weights_[order_[nucleus++]]);
    for (Index j = nucleus; j < keep; ++j) kept_[order_[j]] = -infinity<T>;
}

template class Sampler<float>;
template class Sampler<double>;

}  // namespace rnnfast
