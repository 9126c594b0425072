// What a stream must look like: a finite automaton over tokens.
#pragma once

#include <cstdint>
#include <vector>

#include "rnnfast/index.hpp"

namespace rnnfast {

/// An automaton compiled for streams of a length. A stream ends where the automaton accepts and has no way on, or after
/// `length` tokens, and then it accepts: tokens after which that is out of reach are never allowed, so that no stream
/// is ever stuck.
class Constraint {
public:
    /// next [states, V]: the state after a token, -1 where it is forbidden; accepting [states]: whether a stream may
    /// end there. Throws std::invalid_argument for states out of range, and where no stream of such a length exists:
    /// the message says how long the shortest is.
    Constraint(Index states, Index V, const std::int32_t* next, const bool* accepting, std::int32_t start,
               Index length);

    Index vocab_size() const noexcept { return V_; }
    Index length() const noexcept { return length_; }
    std::int32_t start() const noexcept { return start_; }

    std::int32_t next(std::int32_t state, std::int32_t token) const noexcept { return next_[at(state, token)]; }

    /// Whether a stream ends there, however many tokens are left.
    bool is_end(std::int32_t state) const noexcept { return is_end_[static_cast<std::size_t>(state)]; }

    /// The mask (as DrawContext has it) of the tokens that may come next where `left` may still come, at least 1.
    /// `scratch` [(V + 63) / 64] may hold it.
    const std::uint64_t* allowed(std::int32_t state, Index left, std::uint64_t* scratch) const noexcept;

private:
    using Set = std::vector<bool>;  // of states

    std::size_t at(std::int32_t state, Index token) const noexcept {
        return static_cast<std::size_t>(state * V_ + token);
    }
    void find_ends();
    void find_live();
    void make_masks();
    std::size_t live_index(Index left) const noexcept;
    void write_mask(std::int32_t state, const Set& live, std::uint64_t* mask) const noexcept;
    void refuse_unsatisfiable() const;

    Index states_, V_, words_, length_;
    std::int32_t start_;
    std::vector<std::int32_t> next_;  // [states, V]
    Set accepting_, is_end_;
    std::vector<Set> live_;  // [k]: from which states a stream can end within k more tokens; then they repeat
    std::size_t period_ = 0;
    std::vector<std::uint64_t> masks_;  // [live, states, words], empty where that is too much
};

}  // namespace rnnfast
