// Initial weights, the same on every machine: counter-based random numbers, and no BLAS or LAPACK. Element e of
// parameter k draws at (seed, stream k, position e); an orthonormal one at positions 12 e to 12 e + 11.
#include <algorithm>
#include <cmath>

#include "model/network.hpp"
#include "rnnfast/random.hpp"

namespace rnnfast {
namespace {

// Glorot & Bengio 2010: uniform within sqrt(6 / (rows + columns)).
template <class T>
void glorot_uniform(const ParameterView<T>& p, T* data, RandomKey key, Poll& poll) {
    const double limit = std::sqrt(6.0 / static_cast<double>(p.shape[0] + p.shape[1]));
    for (Index e = 0; e < p.size; ++e) {
        if (e % p.shape[1] == 0) poll();
        const double u = random_uniform<double>(key, static_cast<std::uint64_t>(e), Purpose::initialisation);
        data[e] = static_cast<T>(limit * (2 * u - 1));
    }
}

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

// Rows with orthonormal directions (Saxe et al. 2014): modified Gram-Schmidt over rows of nearly normal numbers, each
// the sum of 12 uniform ones (Irwin-Hall), which needs no logarithm.
template <class T>
void orthonormal_rows(const ParameterView<T>& p, T* data, RandomKey key, Poll& poll) {
    const Index rows = p.shape[0], columns = p.shape[1];
    Buffer<double> work(p.size);
    for (Index e = 0; e < p.size; ++e) {
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
    for (Index e = 0; e < p.size; ++e) data[e] = static_cast<T>(work[e]);
}

}  // namespace

template <class T>
void initialise(Network<T>& network, Poll& poll) {
    const Index H = network.config.hidden_size;
    std::uint64_t stream = 0;
    const auto next_key = [&] { return RandomKey{network.config.seed, stream++}; };
    const auto in = [&network](const ParameterView<T>& p) { return network.in(network.flat, p); };
    for (Index l = 0; l < network.config.num_layers; ++l) {
        glorot_uniform(network.W(l), in(network.W(l)), next_key(), poll);
        orthonormal_rows(network.R(l), in(network.R(l)), next_key(), poll);
        next_key();
        std::fill_n(in(network.b(l)) + H, H, T(1));
    }
    glorot_uniform(network.dense_W(), in(network.dense_W()), next_key(), poll);
}

template void initialise(Network<float>&, Poll&);
template void initialise(Network<double>&, Poll&);

}  // namespace rnnfast
