// Token sequences that end a stream.
#pragma once

#include <cstdint>
#include <vector>

#include "rnnfast/index.hpp"

namespace rnnfast {

/// Looks for several sequences at once, as Knuth, Morris & Pratt (1977) look for one: each draw costs the same however
/// long they are.
class Stops {
public:
    Stops() = default;

    /// Throws std::invalid_argument for an empty sequence and for tokens that are not in the vocabulary.
    Stops(const std::vector<std::vector<std::int32_t>>& sequences, Index V);

    bool any() const noexcept { return !patterns_.empty(); }

    /// How much of each sequence the last tokens of a stream are.
    using Matched = std::vector<Index>;
    Matched begin() const { return Matched(patterns_.size(), 0); }

    /// One more token; returns whether it ends a sequence.
    bool advance(Matched& matched, std::int32_t token) const;

    /// Takes those tokens out of a DrawContext's mask that would end a sequence.
    void forbid(const Matched& matched, std::uint64_t* allowed) const;

private:
    struct Pattern {
        std::vector<std::int32_t> tokens;
        std::vector<Index> shorter;  // [k]: the longest proper prefix of tokens[0:k] that is also its end
    };
    std::vector<Pattern> patterns_;
};

}  // namespace rnnfast
