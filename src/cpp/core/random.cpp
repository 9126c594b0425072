#include "rnnfast/random.hpp"

#include <utility>

namespace rnnfast {
namespace {

struct Wide {
    std::uint64_t high, low;
};

Wide multiply(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using Uint128 = unsigned __int128;
    const Uint128 product = static_cast<Uint128>(a) * b;
    return {static_cast<std::uint64_t>(product >> 64), static_cast<std::uint64_t>(product)};
}

}  // namespace

RandomBlock random_block(RandomKey key, std::uint64_t position, Purpose purpose) noexcept {
    constexpr std::uint64_t multiplier0 = 0xD2E7470EE14C6C93, multiplier1 = 0xCA5A826395121157;
    constexpr std::uint64_t weyl0 = 0x9E3779B97F4A7C15, weyl1 = 0xBB67AE8584CAA73B;
    // NumPy increments the 256-bit counter before its first block; the carry may reach the second word.
    std::uint64_t x0 = position + 1, x1 = static_cast<std::uint64_t>(purpose) + (x0 == 0), x2 = 0, x3 = 0;
    for (int round = 0; round < 10; ++round) {
        const Wide a = multiply(multiplier0, x0), b = multiply(multiplier1, x2);
        x0 = b.high ^ x1 ^ key.seed;
        x1 = b.low;
        x2 = a.high ^ x3 ^ key.stream;
        x3 = a.low;
        key.seed += weyl0;
        key.stream += weyl1;
    }
    return {{x0, x1, x2, x3}};
}

std::uint64_t random_word(RandomKey key, std::uint64_t position, Purpose purpose) noexcept {
    return random_block(key, position, purpose).words[0];
}

template <>
double random_uniform(RandomKey key, std::uint64_t position, Purpose purpose) noexcept {
    return static_cast<double>(random_word(key, position, purpose) >> 11) * 0x1p-53;
}

template <>
float random_uniform(RandomKey key, std::uint64_t position, Purpose purpose) noexcept {
    return static_cast<float>(random_word(key, position, purpose) >> 40) * 0x1p-24f;
}

void random_permutation(RandomKey key, Index n, Index* order) noexcept {
    for (Index k = 0; k < n; ++k) order[k] = k;
    for (Index k = n - 1; k > 0; --k) {
        const auto position = static_cast<std::uint64_t>(k);
        const std::uint64_t word = random_word(key, position, Purpose::shuffling);
        std::swap(order[k], order[static_cast<Index>(multiply(word, position + 1).high)]);
    }
}

}  // namespace rnnfast
