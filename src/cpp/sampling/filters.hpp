// Filters: each keeps some tokens and makes the logits of all others -inf.
#pragma once

#include "rnnfast/buffer.hpp"
#include "rnnfast/sampler.hpp"
#include "sampling/ranking.hpp"

namespace rnnfast {

template <class T>
class Filters {
public:
    /// Whether any filter of the configuration drops anything.
    static bool any(const SamplerConfig& config);

    Filters(const SamplerConfig& config, Index V);

    /// All of them, on logits x [V] of which `most` is the largest: finite, and no x is NaN. One token at least stays.
    void operator()(T* x, T most);

private:
    void keep_top_n_sigma(T* x, T most) const;
    void keep_top_k(T* x);
    void keep_typical(T* x, T most);
    void keep_top_p(T* x);
    void keep_min_p(T* x, T most) const;
    void make_probabilities(const T* x);
    bool keep_top_p_of_some(T* x);
    void rank_likeliest_first(const T* x);
    bool keep_share(const Ranking<T>& order, double p, T* x);
    void keep_first(const Ranking<T>& order, Index count, T* x);

    SamplerConfig config_;
    Index V_;
    T log_min_p_ = 0;
    Buffer<T> probabilities_, scratch_;
    Ranking<T> likeliest_, most_typical_;
    bool ranked_ = false;  // whether likeliest_ is of this call
};

extern template class Filters<float>;
extern template class Filters<double>;

}  // namespace rnnfast
