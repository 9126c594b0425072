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
Filters<T>::Filters(const SamplerConfig& config, Index V)
    : config_(config), V_(V), probabilities_(V), likeliest_(V), most_typical_(V) {
    const T min_p = static_cast<T>(config.min_p);
    active_kernels<T>().log(1, &min_p, &log_min_p_);
}

template <class T>
void Filters<T>::operator()(T* x, T most) {
    sorted_ = false;
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
    for (Index j = 0; j < V_; ++j) x[j] = distance(j) < limit ? -infinity<T> : x[j];
}

template <class T>
void Filters<T>::keep_top_k(T* x) {
    sort_likeliest_first(x);
    for (Index k = config_.top_k; k < likeliest_.size(); ++k) x[likeliest_[k]] = -infinity<T>;
}

// -log p_j - H = E[log p] - log p_j = E[x - m] - (x_j - m): the logarithm of the sum cancels.
template <class T>
void Filters<T>::keep_typical(T* x, T most) {
    make_probabilities(x);
    const double expected = folded_sum(V_, [&](Index j) {
        return probabilities_[j] > 0 ? static_cast<double>(probabilities_[j]) * static_cast<double>(x[j] - most) : 0;
    });
    const T mean = static_cast<T>(expected);
    most_typical_.clear();
    for (Index j = 0; j < V_; ++j)
        most_typical_.push(std::abs(mean - (x[j] - most)), static_cast<std::int32_t>(j), x[j] > -infinity<T>);
    most_typical_.sort();
    keep_first(most_typical_, config_.typical_p, x);
}

template <class T>
void Filters<T>::keep_top_p(T* x) {
    make_probabilities(x);
    sort_likeliest_first(x);
    keep_first(likeliest_, config_.top_p, x);
}

template <class T>
void Filters<T>::keep_min_p(T* x) const {
    active_kernels<T>().keep_at_least(V_, largest(V_, x), log_min_p_, x);
}

template <class T>
void Filters<T>::make_probabilities(const T* x) {
    std::copy_n(x, V_, probabilities_.data());
    active_kernels<T>().softmax(1, V_, probabilities_.data());
}

// Once a call: filters between do not change the order of those that stay.
template <class T>
void Filters<T>::sort_likeliest_first(const T* x) {
    if (sorted_) return;
    sorted_ = true;
    likeliest_.clear();
    for (Index j = 0; j < V_; ++j) likeliest_.push(-x[j], static_cast<std::int32_t>(j), x[j] > -infinity<T>);
    likeliest_.sort();
}

// Keeps tokens in that order until their probability reaches p; those that have been dropped before have none.
template <class T>
void Filters<T>::keep_first(const RadixSort<T>& order, double p, T* x) const {
    Index k = 0;
    for (double reached = 0; reached < p && k < order.size(); ++k)
        reached += static_cast<double>(probabilities_[order[k]]);
    for (; k < order.size(); ++k) x[order[k]] = -infinity<T>;
}

template class Filters<float>;
template class Filters<double>;

}  // namespace rnnfast
