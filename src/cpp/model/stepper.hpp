// One time step of the network after another, for streams that come and go.
#pragma once

#include <vector>

#include "model/network.hpp"

namespace rnnfast {

/// p + n, or null where p is: the c of a cell that has none.
template <class T>
T* part_of(T* p, Index n) noexcept {
    return p ? p + n : nullptr;
}

/// The states of some streams, a row each. No number of a row depends on the others, or on its place among them.
template <class T>
class Stepper {
public:
    /// At most `capacity` rows; none so far.
    Stepper(const Network<T>& network, Index capacity);

    Index rows() const noexcept { return rows_; }
    Index hidden_size() const noexcept { return network_.config.hidden_size; }

    /// Row r becomes what row from[r] was; where that is -1, it is to be loaded.
    void rearrange(const std::vector<Index>& from);

    /// A row's state from, and to, one stream of a caller's arrays [L, N, H]: h and c are its first layer's, `stride`
    /// lies between layers. c is null where the cell has none; load takes zeros where h is null.
    void load(Index row, const T* h, const T* c, Index stride);
    void store(Index row, T* h, T* c, Index stride) const;

    /// Where a row's first layer is, of layers rows() * hidden_size() apart: as load takes it.
    const T* h(Index row) const noexcept { return h_.data() + row * hidden_size(); }
    const T* c(Index row) const noexcept { return part_of(c_.data(), row * hidden_size()); }

    /// All rows through all layers; inputs [rows].
    void step(const std::int32_t* inputs, Poll& poll);

    /// [rows, V], of the last step; the caller may write to them.
    T* logits(Poll& poll);

private:
    Index slot() const noexcept { return rows_ * network_.config.hidden_size; }

    const Network<T>& network_;
    Index rows_ = 0, steps_ = 0;
    Buffer<T> h_, c_, next_h_, next_c_;  // [L, rows, H]; c only where the cell has one
    Buffer<T> embedded_, scratch_, logits_;
    Threads alone_;
};

extern template class Stepper<float>;
extern template class Stepper<double>;

}  // namespace rnnfast
