// Tokens by descending key.
#pragma once

#include <algorithm>
#include <limits>

#include "core/dispatch.hpp"
#include "sampling/radix_sort.hpp"

namespace rnnfast {

/// The largest key first, of equal ones the lowest token; a key of -inf is no part of it. No NaN.
template <class T>
class Ranking {
public:
    explicit Ranking(Index V) : V_(V), keys_(V), larger_(V), tokens_(V), order_(V), sort_(V) {}

    Index size() const noexcept { return size_; }

    /// The token at place k.
    std::int32_t operator[](Index k) const noexcept { return order_[k]; }

    /// Ranks tokens by keys [V].
    void rank(const T* keys) noexcept {
        size_ = 0;
        for (Index j = 0; j < V_; ++j) {  // no branch: what is no part of it is overwritten by the next
            keys_[size_] = keys[j];
            tokens_[size_] = static_cast<std::int32_t>(j);
            size_ += keys[j] > -std::numeric_limits<T>::infinity();
        }
        // So many are ranked more quickly by comparing each with each, a vector of them at a time.
        if (size_ <= std::min(few, 16 * active_kernels<T>().lanes))
            count();
        else
            sort();
    }

private:
    static constexpr Index few = 128;

    void count() noexcept {
        active_kernels<T>().count_larger(size_, keys_.data(), larger_.data());
        std::int32_t equal[few] = {};  // to each place, how many have it already
        for (Index i = 0; i < size_; ++i) {
            const auto place = static_cast<Index>(larger_[i]);
            order_[place + equal[place]++] = tokens_[i];
        }
    }

    void sort() noexcept {
        sort_.clear();
        for (Index i = 0; i < size_; ++i) sort_.push(-keys_[i], tokens_[i]);
        sort_.sort();
        for (Index k = 0; k < size_; ++k) order_[k] = sort_[k];
    }

    Index V_, size_ = 0;
    Buffer<T> keys_, larger_;
    Buffer<std::int32_t> tokens_, order_;
    RadixSort<T> sort_;
};

}  // namespace rnnfast
