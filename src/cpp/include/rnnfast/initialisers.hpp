// Initial weights, the same bits on every machine: counter-based random numbers, and no BLAS or LAPACK.
#pragma once

#include "rnnfast/index.hpp"
#include "rnnfast/poll.hpp"
#include "rnnfast/random.hpp"

namespace rnnfast {

/// data [n]: uniform within +-limit; element e draws at position e.
template <class T>
void uniform(Index n, double limit, RandomKey key, T* data, Poll& poll);

/// data [rows, columns]: uniform within +-sqrt(6 / (rows + columns)) (Glorot & Bengio 2010).
template <class T>
void glorot_uniform(Index rows, Index columns, RandomKey key, T* data, Poll& poll);

/// data [rows, columns], rows at most columns: of length 1 and at right angles to each other (Saxe et al. 2014);
/// element e draws at positions 12 e to 12 e + 11. Takes rows^2 * columns multiply-adds. Throws std::bad_alloc.
template <class T>
void orthonormal_rows(Index rows, Index columns, RandomKey key, T* data, Poll& poll);

}  // namespace rnnfast
