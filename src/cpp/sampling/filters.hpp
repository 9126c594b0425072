// Filters: each keeps some tokens and makes the logits of all others -inf.
#pragma once

#include "rnnfast/buffer.hpp"
#include "rnnfast/sampler.hpp"

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
    struct Candidate {
        T key;  // the smallest go first, of equals the lowest id
        std::int32_t id;
    };
    static bool later(const Candidate& a, const Candidate& b) noexcept {
        return a.key > b.key || (a.key == b.key && a.id > b.id);
    }

    void keep_top_n_sigma(T* x, T most) const;
    void keep_top_k(T* x);
    void keep_typical(T* x, T most);
    void keep_top_p(T* x);
    void keep_min_p(T* x) const;
    void make_probabilities(const T* x);
    template <class Key>
    void make_candidates(const T* x, Key key);
    void keep_first(T* x, double p);

    SamplerConfig config_;
    Index V_;
    T log_min_p_ = 0;
    Buffer<T> probabilities_;
    Buffer<Candidate> candidates_;
    Index count_ = 0;  // of candidates
};

extern template class Filters<float>;
extern template class Filters<double>;

}  // namespace rnnfast
