// Which of the T x N places of a batch are computed, and where states begin and end.
#pragma once

#include <vector>

#include "rnnfast/index.hpp"
#include "rnnfast/packing.hpp"

namespace rnnfast {

/// Cuts the N streams of a batch at the resets of their state and drops what lies behind their lengths. The pieces, the
/// segments, are sequences of different lengths: `packing` holds them in the order of falling length.
class Segments {
public:
    /// Every stream is one segment of T steps, in the order given.
    Segments(Index steps, Index batch);

    /// lengths [N], each 0 to T, null: T. reset [T, N], row-major: not 0 where the state before the step is zeros,
    /// null: nowhere. Throws std::invalid_argument where a length is out of range, std::bad_alloc.
    Segments(Index steps, Index batch, const Index* lengths, const unsigned char* reset);

    Segments(const Segments&) = delete;
    Segments& operator=(const Segments&) = delete;
    Segments(Segments&&) noexcept = default;
    Segments& operator=(Segments&&) noexcept = default;

    Index steps() const noexcept { return steps_; }
    Index batch() const noexcept { return batch_; }
    const Packing& packing() const noexcept { return packing_; }

    /// The packed rows are the T x N places as they lie; the maps below but `reversed` are then empty.
    bool whole() const noexcept { return packing_.begins == nullptr; }

    /// [packing().rows()] the place t * N + n of each packed row.
    const std::vector<Index>& places() const noexcept { return places_; }

    /// [packing().batch] the stream whose state the segment begins with, or ends with; -1: none.
    const std::vector<Index>& heads() const noexcept { return heads_; }
    const std::vector<Index>& tails() const noexcept { return tails_; }

    /// [packing().rows()] the packed row at the same distance from its segment's other end.
    std::vector<Index> reversed() const;

    /// Where segment s's final state lies in an array of states (packing.hpp).
    Index final_row(Index segment) const noexcept;

private:
    Index length(Index segment) const noexcept { return whole() ? packing_.steps : lengths_[at(segment)]; }
    static std::size_t at(Index i) noexcept { return static_cast<std::size_t>(i); }

    Index steps_, batch_;
    Packing packing_;
    std::vector<Index> begins_, lengths_, places_, heads_, tails_;
};

}  // namespace rnnfast
