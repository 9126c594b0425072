// The rows of a batch that a thread takes through time: rows never wait for each other.
#pragma once

#include <algorithm>

#include "core/products.hpp"
#include "rnnfast/packing.hpp"
#include "rnnfast/poll.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

/// How many threads share a batch: fewer than 8 rows each would leave the products' tiles empty.
inline Index sharers_of_batch(Index batch, const Threads& threads) noexcept {
    return std::clamp<Index>(batch / 8, 1, threads.count());
}

/// The steps of the first `rows` sequences, together.
inline Index steps_of_rows(const Packing& packing, Index rows) noexcept {
    Index sum = 0;
    for (Index t = 0; t < packing.steps; ++t) sum += std::min(rows, packing.count(t));
    return sum;
}

/// Where the batch is cut so that the sequences before it have `part` of the `parts` of all steps.
inline Index cut_of_batch(const Packing& packing, Index part, Index parts) noexcept {
    if (!packing.begins) return packing.batch * part / parts;
    const Index wanted = packing.rows() * part / parts;
    Index below = 0, enough = packing.batch;
    while (below < enough) {
        const Index middle = (below + enough) / 2;
        if (steps_of_rows(packing, middle) < wanted)
            below = middle + 1;
        else
            enough = middle;
    }
    return enough;
}

/// Rank's rows; none where it is not among the sharers.
inline Threads::Range share_of_batch(const Packing& packing, const Threads& threads, Index rank) noexcept {
    const Index sharers = sharers_of_batch(packing.batch, threads);
    if (rank >= sharers) return {packing.batch, packing.batch};
    return {cut_of_batch(packing, rank, sharers), cut_of_batch(packing, rank + 1, sharers)};
}

/// Those of `rows` whose sequences still run at step t: the first ones.
inline Threads::Range running(const Packing& packing, Threads::Range rows, Index t) noexcept {
    return {rows.begin, std::clamp(packing.count(t), rows.begin, rows.end)};
}

/// body(rows) for blocks of the rows whose elementwise parts, H units wide, end soon enough for the polls between them.
template <class Body>
void in_row_blocks(Threads::Range rows, Index H, Body body) {
    const Index step = std::max<Index>(64, (Index{1} << 17) / H);
    for (Index row = rows.begin; row < rows.end; row += step) body(Threads::Range{row, std::min(rows.end, row + step)});
}

}  // namespace rnnfast
