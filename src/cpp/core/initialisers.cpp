// The numbers of the initialisers. Uniform element e draws at position e, an orthonormal one at positions 12 e to
// 12 e + 11.
#include "rnnfast/initialisers.hpp"

#include <cmath>

#include "core/float_control.hpp"
#include "rnnfast/buffer.hpp"

namespace rnnfast {

template <class T>
void uniform(Index n, double limit, RandomKey key, T* data, Poll& poll) {
    constexpr Index block = 256;
    const FloatScope scope;
    for (Index e = 0; e < n; ++e) {
        if (e % block == 0) poll();
        const double u = random_uniform<double>(key, static_cast<std::uint64_t>(e), Purpose::initialisation);
        data[e] = static_cast<T>(limit * (2 * u - 1));
    }
}

template <class T>
void glorot_uniform(Index rows, Index columns, RandomKey key, T* data, Poll& poll) {
    uniform(rows * columns, std::sqrt(6.0 / static_cast<double>(rows + columns)), key, data, poll);
}

namespace {

// In 16 partial sums, so that it does not depend on how the compiler vectorises it.
double dot(Index n, const double* x, const double* y) {
    double sums[16] = {};
    Index j = 0;
    for (; j + 16 <= n; j += 16)
        for (Index k = 0; k < 16; ++k) sums[k] += x[j + k] * y[j + k];
    for (Index k = 0; j + k < n; ++k) sums[k] += x[j + k] * y[j + k];
    for (int half = 8; half > 0; half /= 2)
        for (int k = 0; k < half; ++k) sums[k] += sums[k + half];
    return sums[0];
}

}  // namespace

// Rows with orthonormal directions (Saxe et al. 2014): modified Gram-Schmidt over rows of nearly normal numbers, each
// the sum of 12 uniform ones (Irwin-Hall), which needs no logarithm.
template <class T>
void orthonormal_rows(Index rows, Index columns, RandomKey key, T* data, Poll& poll) {
    const FloatScope scope;
    Buffer<double> work(rows * columns);
    for (Index e = 0; e < rows * columns; ++e) {
        if (e % columns == 0) poll();
        double sum = 0;
        for (Index k = 0; k < 12; ++k)
            sum += random_uniform<double>(key, static_cast<std::uint64_t>(12 * e + k), Purpose::initialisation);
        work[e] = sum - 6;
    }
    for (Index i = 0; i < rows; ++i) {
        double* row = work.data() + i * columns;
        for (Index j = 0; j < i; ++j) {
            poll();
            const double* other = work.data() + j * columns;
            const double along = dot(columns, row, other);
            for (Index k = 0; k < columns; ++k) row[k] -= along * other[k];
        }
        const double length = std::sqrt(dot(columns, row, row));
        for (Index k = 0; k < columns; ++k) row[k] /= length;
    }
    for (Index e = 0; e < rows * columns; ++e) data[e] = static_cast<T>(work[e]);
}

template void uniform(Index, double, RandomKey, float*, Poll&);
template void glorot_uniform(Index, Index, RandomKey, float*, Poll&);
template void orthonormal_rows(Index, Index, RandomKey, float*, Poll&);
template void uniform(Index, double, RandomKey, double*, Poll&);
template void glorot_uniform(Index, Index, RandomKey, double*, Poll&);
template void orthonormal_rows(Index, Index, RandomKey, double*, Poll&);

}  // namespace rnnfast
