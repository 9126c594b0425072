// Initial weights, the same on every machine: counter-based random numbers, and no BLAS or LAPACK. Element e of
// parameter k draws at (seed, stream k, position e); an orthonormal one at positions 12 e to 12 e + 11.
#include "model/initialise.hpp"

#include <algorithm>
#include <cmath>

#include "rnnfast/buffer.hpp"
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
void initialise(Parameters<T>& parameters, std::uint64_t seed, Index forget_gate, Poll& poll) {
    const std::vector<T*> places = parameters.places_in(parameters.flat());
    for (std::size_t k = 0; k < places.size(); ++k) {
        const ParameterView<T>& p = parameters.views()[k];
        const std::string kind = p.name.substr(p.name.rfind('.') + 1);
        if (kind == "W" || kind == "projection")
            glorot_uniform(p, places[k], {seed, k}, poll);
        else if (kind == "R")
            orthonormal_rows(p, places[k], {seed, k}, poll);
        else if (kind == "b" && p.name != "dense.b")
            std::fill_n(places[k] + forget_gate, forget_gate, T(1));
    }
}

template void initialise(Parameters<float>&, std::uint64_t, Index, Poll&);
template void initialise(Parameters<double>&, std::uint64_t, Index, Poll&);

}  // namespace rnnfast
