// What a stream must look like: a finite automaton over tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "rnnfast/index.hpp"
#include "rnnfast/poll.hpp"

namespace rnnfast {

/// An automaton compiled for streams of a length. A stream ends where the automaton accepts and has no way on, or after
/// `length` tokens, and then it accepts: tokens after which that is out of reach are never allowed, so that no stream
/// is ever stuck. Copies share what is compiled; it never changes.
class Constraint {
public:
    /// next [states, V]: the state after a token, -1 where it is forbidden; accepting [states]: whether a stream may
    /// end there. Throws std::invalid_argument for states out of range, and where no stream of such a length exists:
    /// the message says how long the shortest is. Throws std::length_error where it would take too much memory, and
    /// what the poll's hook throws.
    Constraint(Index states, Index V, const std::int32_t* next, const bool* accepting, std::int32_t start, Index length,
               Poll& poll);
    Constraint(Index states, Index V, const std::int32_t* next, const bool* accepting, std::int32_t start,
               Index length);

    /// The same automaton from another state; throws as the constructor.
    Constraint at(std::int32_t start) const;

    Index vocab_size() const noexcept { return automaton_->V; }
    Index length() const noexcept { return automaton_->length; }
    std::int32_t start() const noexcept { return start_; }

    std::int32_t next(std::int32_t state, std::int32_t token) const noexcept {
        return automaton_->next[automaton_->at(state, automaton_->class_of[static_cast<std::size_t>(token)])];
    }

    /// Whether a stream ends there, however many tokens are left.
    bool is_end(std::int32_t state) const noexcept { return automaton_->is_end[static_cast<std::size_t>(state)]; }

    /// The mask (as DrawContext has it) of the tokens that may come next where `left` may still come, at least 1.
    /// `scratch` [(V + 63) / 64] may hold it.
    const std::uint64_t* allowed(std::int32_t state, Index left, std::uint64_t* scratch) const noexcept;

private:
    using Set = std::vector<bool>;  // of states

    // From level `from` on, until the state's next one: masks[mask].
    struct Run {
        std::uint32_t from, mask;
    };

    struct Automaton {
        std::size_t at(std::int32_t state, Index token_class) const noexcept {
            return static_cast<std::size_t>(state * classes + token_class);
        }
        std::size_t level(Index left) const noexcept;
        bool is_live(std::int32_t state, std::size_t level) const noexcept;
        void write_mask(std::int32_t state, std::size_t level, std::uint64_t* mask) const noexcept;

        Index states, V, words, length;
        // Tokens that lead from each state to the same one are a class: tables are as small as the rules are simple.
        Index classes = 0;
        std::vector<std::int32_t> class_of;        // [V]
        std::vector<std::uint64_t> class_members;  // [classes, words], masks; empty where classes are many
        std::vector<std::int32_t> next;            // [states, classes]
        Set accepting, is_end;
        // A state is live at level k where a stream can end within k more tokens. Few states change from level to
        // level: those of state s are changes[first[s]] to changes[first[s + 1]], ascending, and it begins dead.
        std::vector<std::size_t> first, changes;
        std::size_t levels = 0, period = 1;  // of the last `period` levels any number may follow
        // What the sampler looks up, small enough for the caches: the masks that differ, [., words], and where a
        // state's changes: runs[first_run[s]] to runs[first_run[s + 1]]. Empty where that is too much.
        std::vector<std::uint64_t> masks;
        std::vector<Run> runs;
        std::vector<std::size_t> first_run;
    };
    class Compiler;

    explicit Constraint(std::shared_ptr<const Automaton> automaton, std::int32_t start);
    void check_start() const;
    [[noreturn]] void refuse_unsatisfiable() const;

    std::shared_ptr<const Automaton> automaton_;
    std::int32_t start_;
};

/// The automaton of the token sequences that satisfy two, given as for Constraint, breadth first from the pair of
/// starts, which is state 0; only what can be reached.
struct ConstraintProduct {
    std::vector<std::int32_t> next;                             // [states, V]
    std::vector<std::pair<std::int32_t, std::int32_t>> states;  // the pair that each state is
};

/// Throws std::length_error where it has more than `most_states`, and what the poll's hook throws. States must be in
/// range.
ConstraintProduct multiply(Index V, const std::int32_t* first, std::int32_t first_start, const std::int32_t* second,
                           std::int32_t second_start, Index second_states, Index most_states, Poll& poll);

}  // namespace rnnfast
