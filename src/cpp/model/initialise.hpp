// Initial weights.
#pragma once

#include <cstdint>

#include "rnnfast/parameters.hpp"
#include "rnnfast/poll.hpp"

namespace rnnfast {

/// Parameters by their names: W Glorot-uniform, R with orthonormal rows; all others stay as they are, zeros, but the
/// numbers from `forget_gate` to twice that of the layers' b, which become 1 (0: none).
template <class T>
void initialise(Parameters<T>& parameters, std::uint64_t seed, Index forget_gate, Poll& poll);

}  // namespace rnnfast
