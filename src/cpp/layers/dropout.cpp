#include "layers/dropout.hpp"

#include <algorithm>
#include <cmath>

namespace rnnfast {
namespace {

constexpr Index elements_of_a_block = 8;  // of 32 bits, the low half of each word first

// Eight columns from a multiple of 8 on share a block of random bits.
template <class T>
void drop_row(double threshold, T scale, RandomKey key, Index place, Index columns, T* x) noexcept {
    const Index blocks = (columns + elements_of_a_block - 1) / elements_of_a_block;
    for (Index block = 0; block < blocks; ++block) {
        const RandomBlock words =
            random_block(key, static_cast<std::uint64_t>(place * blocks + block), Purpose::dropout);
        const Index first = block * elements_of_a_block, count = std::min(elements_of_a_block, columns - first);
        for (Index k = 0; k < count; ++k) {
            const auto bits = static_cast<std::uint32_t>(words.words[k / 2] >> (k % 2 * 32));
            x[first + k] = static_cast<double>(bits) < threshold ? T(0) : x[first + k] * scale;
        }
    }
}

}  // namespace

template <class T>
void apply_dropout(double rate, RandomKey key, const std::vector<Index>& places, Index rows, Index columns, T* x,
                   Threads& threads, Poll& poll) {
    constexpr Index work_of_a_number = 32;  // in multiply-adds
    const double threshold = std::ldexp(rate, 32);
    const T scale = static_cast<T>(1 / (1 - rate));
    threads.run(poll, [&](Index rank, Poll& own) {
        const auto part = threads.share(rows, 1, rank);
        for (Index row = part.begin; row < part.end; ++row) {
            own(work_of_a_number * columns);
            drop_row(threshold, scale, key, places.empty() ? row : places[static_cast<std::size_t>(row)], columns,
                     x + row * columns);
        }
    });
}

template void apply_dropout(double, RandomKey, const std::vector<Index>&, Index, Index, float*, Threads&, Poll&);
template void apply_dropout(double, RandomKey, const std::vector<Index>&, Index, Index, double*, Threads&, Poll&);

}  // namespace rnnfast
