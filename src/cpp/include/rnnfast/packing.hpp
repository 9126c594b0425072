// Sequences of different lengths without their padding.
#pragma once

#include "rnnfast/index.hpp"

namespace rnnfast {

/// `batch` sequences in the order of falling length, so that those which still run at a step are the first ones. Arrays
/// over time hold no row for the others: step t has the rows from begin(t), one for each of its count(t) sequences.
/// Arrays of states (h, c) begin with the `batch` initial states: the states before step t start at row before(t),
/// those after it at row batch + begin(t).
struct Packing {
    Index steps = 0;
    Index batch = 0;
    const Index* begins = nullptr;  ///< [steps + 1], the caller's; null: all sequences run through all steps

    Index begin(Index t) const noexcept { return begins ? begins[t] : t * batch; }
    Index count(Index t) const noexcept { return begin(t + 1) - begin(t); }
    Index rows() const noexcept { return begin(steps); }
    Index before(Index t) const noexcept { return t == 0 ? 0 : batch + begin(t - 1); }
};

}  // namespace rnnfast
