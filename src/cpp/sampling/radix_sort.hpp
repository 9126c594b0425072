// Sorting tokens by a floating-point key without a single branch on the keys: those of logits cannot be predicted.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "rnnfast/buffer.hpp"

namespace rnnfast {

/// Numbers in the order of their bits: key(a) < key(b) where a < b. Zeros are equal, and so are subnormal numbers where
/// arithmetic takes them for zeros. No NaN.
template <class T>
class RadixSort {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

public:
    explicit RadixSort(Index most) : items_(most), other_(most) {}

    void clear() noexcept { count_ = 0; }
    Index size() const noexcept { return count_; }

    /// Tokens come in ascending order.
    void push(T number, std::int32_t token) noexcept { items_[count_++] = {bits_in_order(number), token}; }

    /// The k-th token: before sort as pushed, after it by ascending number, equal ones by ascending token.
    std::int32_t operator[](Index k) const noexcept { return items_[k].token; }

    /// By digits of eight bits, the lowest first (Knuth, The Art of Computer Programming 3, 5.2.5).
    void sort() noexcept {
        constexpr int digits = sizeof(T), values = 256;
        std::array<std::array<Index, values>, digits> begin{};
        for (Index i = 0; i < count_; ++i)
            for (unsigned d = 0; d < digits; ++d) ++begin[d][digit(items_[i].bits, d)];
        for (unsigned d = 0; d < digits; ++d) {
            if (count_ > 0 && begin[d][digit(items_[0].bits, d)] == count_) continue;  // all alike
            Index at = 0;
            for (Index& count : begin[d]) at += std::exchange(count, at);
            for (Index i = 0; i < count_; ++i) other_[begin[d][digit(items_[i].bits, d)]++] = items_[i];
            std::swap(items_, other_);
        }
    }

private:
    struct Item {
        Bits bits;
        std::int32_t token;
    };

    static Bits bits_in_order(T number) noexcept {
        number += T(0);  // -0 becomes 0
        Bits bits;
        std::memcpy(&bits, &number, sizeof bits);
        constexpr Bits sign = Bits{1} << (8 * sizeof(T) - 1);
        return bits & sign ? ~bits : bits | sign;
    }
    static std::size_t digit(Bits bits, unsigned d) noexcept { return static_cast<std::size_t>(bits >> 8 * d & 255); }

    Buffer<Item> items_, other_;
    Index count_ = 0;
};

}  // namespace rnnfast
