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

// The least T that is not less than x: the numbers of T below it are those below x.
template <class T>
T round_up(double x) {
    const T nearest = static_cast<T>(x);
    return static_cast<double>(nearest) < x ? std::nextafter(nearest, infinity<T>) : nearest;
}

}  // namespace

template <class T>
bool Filters<T>::any(const SamplerConfig& c) {
    return c.top_n_sigma > 0 || c.top_k > 0 || c.typical_p < 1 || c.top_p < 1 || c.min_p > 0;
}

template <class T>
Filters<T>::Filters(const SamplerConfig& config, Index V)
    : config_(config), V_(V), probabilities_(V), scratch_(V), likeliest_(V), most_typical_(V) {
    const T min_p = static_cast<T>(config.min_p);
    active_kernels<T>().log(1, &min_p, &log_min_p_);
}

template <class T>
void Filters<T>::operator()(T* x, T most) {
    ranked_ = false;
    if (config_.top_n_sigma > 0) keep_top_n_sigma(x, most);
    if (config_.top_k > 0) keep_top_k(x);
    if (config_.typical_p < 1) keep_typical(x, most);
    if (config_.top_p < 1) keep_top_p(x);
    if (config_.min_p > 0) keep_min_p(x, config_.typical_p < 1 ? largest(V_, x) : most);  // others keep the largest
}

// Where the sums overflow, all stay.
template <class T>
void Filters<T>::keep_top_n_sigma(T* x, T most) const {
    const auto& k = active_kernels<T>();
    const double deviation = std::sqrt(k.variance(V_, x, most));
    k.keep_at_least(V_, most, round_up<T>(-config_.top_n_sigma * deviation), x);
}

template <class T>
void Filters<T>::keep_top_k(T* x) {
    if (config_.top_k >= V_) return;
    rank_likeliest_first(x);
    keep_first(likeliest_, std::min(config_.top_k, likeliest_.size()), x);
}

// -log p_j - H = E[log p] - log p_j = E[x - m] - (x_j - m): the logarithm of the sum cancels.
template <class T>
void Filters<T>::keep_typical(T* x, T most) {
    make_probabilities(x);
    const double expected = folded_sum(V_, [&](Index j) {
        return probabilities_[j] > 0 ? static_cast<double>(probabilities_[j]) * static_cast<double>(x[j] - most) : 0;
    });
    const T mean = static_cast<T>(expected);
    for (Index j = 0; j < V_; ++j)  // -inf where x is
        scratch_[j] = -std::abs(mean - (x[j] - most));
    most_typical_.rank(scratch_.data());
    keep_share(most_typical_, config_.typical_p, x);
}

template <class T>
void Filters<T>::keep_top_p(T* x) {
    make_probabilities(x);
    if (!ranked_ && keep_top_p_of_some(x)) return;
    rank_likeliest_first(x);
    keep_share(likeliest_, config_.top_p, x);
}

// Those less likely than (1 - p) / V have less than 1 - p together, so that the others reach p: only these are ranked.
// Where rounding denies them that, nothing changes and the answer is false.
template <class T>
bool Filters<T>::keep_top_p_of_some(T* x) {
    const T least = static_cast<T>((1 - config_.top_p) / static_cast<double>(V_));
    T lowest = infinity<T>;
    for (Index j = 0; j < V_; ++j) lowest = probabilities_[j] >= least && x[j] < lowest ? x[j] : lowest;
    for (Index j = 0; j < V_; ++j) scratch_[j] = x[j] >= lowest ? x[j] : -infinity<T>;
    likeliest_.rank(scratch_.data());
    return keep_share(likeliest_, config_.top_p, x);
}

template <class T>
void Filters<T>::keep_min_p(T* x, T most) const {
    active_kernels<T>().keep_at_least(V_, most, log_min_p_, x);
}

template <class T>
void Filters<T>::make_probabilities(const T* x) {
    std::copy_n(x, V_, probabilities_.data());
    active_kernels<T>().softmax(1, V_, probabilities_.data());
}

// Once a call: filters between do not change the order of those that stay.
template <class T>
void Filters<T>::rank_likeliest_first(const T* x) {
    if (!ranked_) likeliest_.rank(x);
    ranked_ = true;
}

// Keeps tokens in that order until their probability reaches p, which is the answer; those that have been dropped
// before have none. Where all of them do not reach it, nothing changes.
template <class T>
bool Filters<T>::keep_share(const Ranking<T>& order, double p, T* x) {
    Index k = 0;
    double reached = 0;
    for (; reached < p && k < order.size(); ++k) reached += static_cast<double>(probabilities_[order[k]]);
    if (reached < p) return false;
    keep_first(order, k, x);
    return true;
}

template <class T>
void Filters<T>::keep_first(const Ranking<T>& order, Index count, T* x) {
    for (Index k = 0; k < count; ++k) scratch_[k] = x[order[k]];
    std::fill_n(x, V_, -infinity<T>);
    for (Index k = 0; k < count; ++k) x[order[k]] = scratch_[k];
}

template class Filters<float>;
template class Filters<double>;

}  // namespace rnnfast
