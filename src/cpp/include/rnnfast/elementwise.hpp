// The elementary functions that the kernels use, over arrays: the same operations, and so the same bits, on every
// instruction set with FMA. With FMA and without, at most 2 ulp (sigmoid 3) from the exact result wherever that is a
// normal number; exact limits at +-inf; NaN in gives NaN out; subnormal numbers are zero, and a result below the
// smallest normal number is zero or that number.
#pragma once

#include "rnnfast/index.hpp"

namespace rnnfast {

/// out [n] = f(x [n]); out may be x.
template <class T>
void exp(Index n, const T* x, T* out);
template <class T>
void log(Index n, const T* x, T* out);
template <class T>
void sigmoid(Index n, const T* x, T* out);
template <class T>
void tanh(Index n, const T* x, T* out);

}  // namespace rnnfast
