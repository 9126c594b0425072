// What filters compute is the same on every instruction set: exponentials and logarithms by the kernels, sums along
// logits in 16 partial sums, all else in plain C++ of the baseline.
#include "sampling/filters.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/dispatch.hpp"
#include "core/folded_sum.hpp"

namespace rnnfast {
namespace {

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

template <class T>
T largest(Index n, const T* x) {
    return x[active_kernels<T>().argmax(n, x)];
}

}  // namespace

template <class T>
bool Filters<T>::any(const SamplerConfig& c) {
    return c.top_n_sigma > 0 || c.top_k > 0 || c.typical_p < 1 || c.top_p < 1 || c.min_p > 0;
}

template <class T>
Filters<T>::Filters(const SamplerConfig& config, Index V) : config_(config), V_(V), probabilities_(V), candidates_(V) {
    const T min_p = static_cast<T>(config.min_p);
    active_kernels<T>().log(1, &min_p, &log_min_p_);
}

template <class T>
void Filters<T>::operator()(T* x, T most) {
    if (config_.top_n_sigma > 0) keep_top_n_sigma(x, most);
    if (config_.top_k > 0) keep_top_k(x);
    if (config_.typical_p < 1) keep_typical(x, most);
    if (config_.top_p < 1) keep_top_p(x);
    if (config_.min_p > 0) keep_min_p(x);
}

// Distances from the largest logit, so that no sum overflows where the logits themselves are huge and near each other;
// where it does overflow, all stay.
template <class T>
void Filters<T>::keep_top_n_sigma(T* x, T most) const {
    const auto distance = [x, most](Index j) { return static_cast<double>(x[j] - most); };
    const auto counts = [x](Index j) { return x[j] > -infinity<T>; };
    Index n = 0;
    for (Index j = 0; j < V_; ++j) n += counts(j);
    const auto count = static_cast<double>(n);
    const double mean = folded_sum(V_, [&](Index j) { return counts(j) ? distance(j) : 0; }) / count;
    const double variance = folded_sum(V_,
                                       [&](Index j) {
                                           const double d = counts(j) ? distance(j) - mean : 0;
                                           return d * d;
                                       }) /
                            count;
    const double limit = -config_.top_n_sigma * std::sqrt(variance);
    for (Index j = 0; j < V_; ++j)
        if (distance(j) < limit) x[j] = -infinity<T>;
}

template <class T>
void Filters<T>::keep_top_k(T* x) {
    make_candidates(x, [x](Index j) { return -x[j]; });
    if (count_ <= config_.top_k) return;
    Candidate* const first = candidates_.data();
    std::nth_element(first, first + config_.top_k, first + count_,
                     [](const Candidate& a, const Candidate& b) { return later(b, a); });
    for (Index c = config_.top_k; c < count_; ++c) x[first[c].id] = -infinity<T>;
}

// -log p_j - H = E[log p] - log p_j = E[x - m] - (x_j - m): the logarithm of the sum cancels.
template <class T>
void Filters<T>::keep_typical(T* x, T most) {
    make_probabilities(x);
    const double expected = folded_sum(V_, [&](Index j) {
        return probabilities_[j] > 0 ? static_cast<double>(probabilities_[j]) * static_cast<double>(x[j] - most) : 0;
    });
    const T mean = static_cast<T>(expected);
    make_candidates(x, [=](Index j) { return std::abs(mean - (x[j] - most)); });
    keep_first(x, config_.typical_p);
}

template <class T>
void Filters<T>::keep_top_p(T* x) {
    make_probabilities(x);
    make_candidates(x, [x](Index j) { return -x[j]; });
    keep_first(x, config_.top_p);
}

template <class T>
void Filters<T>::keep_min_p(T* x) const {
    const T most = largest(V_, x);
    for (Index j = 0; j < V_; ++j)
        if (x[j] - most < log_min_p_) x[j] = -infinity<T>;
}

template <class T>
void Filters<T>::make_probabilities(const T* x) {
    std::copy_n(x, V_, probabilities_.data());
    active_kernels<T>().softmax(1, V_, probabilities_.data());
}

// Of the tokens that are kept so far.
template <class T>
template <class Key>
void Filters<T>::make_candidates(const T* x, Key key) {
    count_ = 0;
    for (Index j = 0; j < V_; ++j) {
        candidates_[count_] = {key(j), static_cast<std::int32_t>(j)};
        count_ += x[j] > -infinity<T>;
    }
}

// Keeps candidates, the first ones first, until their probability reaches p. A heap sorts no more than it must.
template <class T>
void Filters<T>::keep_first(T* x, double p) {
    Candidate* const first = candidates_.data();
    Candidate* last = first + count_;
    std::make_heap(first, last, later);
    for (double reached = 0; reached < p && last > first; --last) {
        std::pop_heap(first, last, later);
        reached += static_cast<double>(probabilities_[last[-1].id]);
    }
    for (const Candidate* dropped = first; dropped < last; ++dropped) x[dropped->id] = -infinity<T>;
}

template class Filters<float>;
template class Filters<double>;

}  // namespace rnnfast
