// The rows of a batch that a thread takes through time: rows never wait for each other.
#pragma once

#include <algorithm>

#include "core/products.hpp"
#include "rnnfast/poll.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

/// How many threads share a batch: fewer than 8 rows each would leave the products' tiles empty.
inline Index sharers_of_batch(Index batch, const Threads& threads) noexcept {
    return std::clamp<Index>(batch / 8, 1, threads.count());
}

/// Rank's rows; none where it is not among the sharers.
inline Threads::Range share_of_batch(Index batch, const Threads& threads, Index rank) noexcept {
    const Index sharers = sharers_of_batch(batch, threads);
    if (rank >= sharers) return {batch, batch};
    return {batch * rank / sharers, batch * (rank + 1) / sharers};
}

/// body(rows) for blocks of the rows whose elementwise parts, H units wide, end soon enough for the polls between them.
template <class Body>
void in_row_blocks(Threads::Range rows, Index H, Body body) {
    const Index step = std::max<Index>(64, (Index{1} << 17) / H);
    for (Index row = rows.begin; row < rows.end; row += step) body(Threads::Range{row, std::min(rows.end, row + step)});
}

}  // namespace rnnfast
