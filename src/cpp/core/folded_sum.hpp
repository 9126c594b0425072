// A sum along a vector outside the kernels: in the order that the kernels' sums have.
#pragma once

#include "rnnfast/index.hpp"

namespace rnnfast {

/// term(0) + ... + term(n - 1): term j goes into partial sum j mod 16, and the 16 are folded 8, 4, 2, 1.
template <class Term>
double folded_sum(Index n, Term term) {
    double partial[16] = {};
    for (Index j = 0; j < n; ++j) partial[j % 16] += term(j);
    for (Index half = 8; half > 0; half /= 2)
        for (Index k = 0; k < half; ++k) partial[k] += partial[k + half];
    return partial[0];
}

}  // namespace rnnfast
