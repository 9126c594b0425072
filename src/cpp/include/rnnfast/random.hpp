// Counter-based random numbers: Philox4x64-10 (Salmon et al. 2011), bit for bit
// numpy.random.Philox(key=[seed, stream], counter=[position, purpose, 0, 0]), which increments the counter before its
// first block. The same numbers whatever the threads, the batch and the order of drawing.
#pragma once

#include <cstdint>

#include "rnnfast/index.hpp"

namespace rnnfast {

/// Keeps draws for different ends apart.
enum class Purpose : std::uint64_t { sampling = 0, initialisation = 1, shuffling = 2, dropout = 3 };

struct RandomKey {
    std::uint64_t seed;
    std::uint64_t stream;
};

struct RandomBlock {
    std::uint64_t words[4];
};

/// The block at `position`.
RandomBlock random_block(RandomKey key, std::uint64_t position, Purpose purpose) noexcept;

/// Its first word.
std::uint64_t random_word(RandomKey key, std::uint64_t position, Purpose purpose) noexcept;

/// Uniform in [0, 1): 53 bits for double, 24 for float.
template <class T>
T random_uniform(RandomKey key, std::uint64_t position, Purpose purpose) noexcept;

/// order [n]: the numbers 0 to n - 1 shuffled (Fisher & Yates), by purpose `shuffling`.
void random_permutation(RandomKey key, Index n, Index* order) noexcept;

}  // namespace rnnfast
