// Inverted dropout (Srivastava et al. 2014): a number is zero with probability `rate`, else it is divided by 1 - rate.
// Masks are counter-based: an element's depends on its key, place and column only, never on the batch's packing or the
// threads, and backward draws them again.
#pragma once

#include <vector>

#include "rnnfast/poll.hpp"
#include "rnnfast/random.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

/// x [rows, columns] in place; row r is at place places[r], or r where places is empty.
template <class T>
void apply_dropout(double rate, RandomKey key, const std::vector<Index>& places, Index rows, Index columns, T* x,
                   Threads& threads, Poll& poll);

}  // namespace rnnfast
