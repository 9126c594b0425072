#include "rnnfast/constraint.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>

#include "core/check.hpp"

namespace rnnfast {

Constraint::Constraint(Index states, Index V, const std::int32_t* next, const bool* accepting, std::int32_t start,
                       Index length)
    : states_(at_least("constraint: the number of states", states, 1)),
      V_(at_least("constraint: the vocabulary's size", V, 1)),
      words_((V + 63) / 64),
      length_(at_least("constraint: length", length, 1)),
      start_(start),
      next_(next, next + states * V),
      accepting_(accepting, accepting + states) {
    const auto check_state = [states](const char* name, std::int32_t state, std::int32_t least) {
        if (state < least || state >= states)
            throw std::invalid_argument("constraint: " + std::string(name) + " has " + std::to_string(state) +
                                        ", expected " + std::to_string(least) + " to " + std::to_string(states - 1));
    };
    check_state("start", start, 0);
    for (const std::int32_t state : next_) check_state("next_state", state, -1);
    find_ends();
    find_live();
    if (is_end(start_) || !live_[live_index(length_)][static_cast<std::size_t>(start_)]) refuse_unsatisfiable();
    make_masks();
}

void Constraint::find_ends() {
    is_end_ = accepting_;
    for (Index s = 0; s < states_; ++s)
        for (Index j = 0; j < V_; ++j)
            if (next_[at(static_cast<std::int32_t>(s), j)] >= 0) is_end_[static_cast<std::size_t>(s)] = false;
}

// Backwards from the end: with no token left a stream must be where it may end; with k left, at an end or a token away
// from where it can end within k - 1. There are finitely many sets of states: they repeat at last, mostly soon.
void Constraint::find_live() {
    std::vector<std::vector<std::int32_t>> followers;  // of each state, each once: far fewer than tokens
    for (Index s = 0; s < states_; ++s) {
        const std::int32_t* const row = next_.data() + s * V_;
        auto& own = followers.emplace_back(row, row + V_);
        std::sort(own.begin(), own.end());
        own.erase(std::unique(own.begin(), own.end()), own.end());
        if (own.front() < 0) own.erase(own.begin());
    }
    std::map<Set, std::size_t> seen;
    Set now = accepting_;
    for (std::size_t k = 0;; ++k) {
        const auto [first, is_new] = seen.emplace(now, k);
        if (!is_new) {
            period_ = k - first->second;
            return;
        }
        live_.push_back(now);
        if (static_cast<Index>(k) == length_) return;
        const Set& before = live_.back();
        for (std::size_t s = 0; s < followers.size(); ++s)
            now[s] = is_end_[s] || std::any_of(followers[s].begin(), followers[s].end(), [&](std::int32_t state) {
                         return before[static_cast<std::size_t>(state)];
                     });
    }
}

std::size_t Constraint::live_index(Index left) const noexcept {
    const auto k = static_cast<std::size_t>(left);
    if (k < live_.size()) return k;
    return live_.size() - period_ + (k - live_.size()) % period_;
}

void Constraint::make_masks() {
    constexpr std::size_t most_words = std::size_t{1} << 22;
    const auto rows = live_.size() * static_cast<std::size_t>(states_);
    if (rows > most_words / static_cast<std::size_t>(words_)) return;
    masks_.resize(rows * static_cast<std::size_t>(words_));
    std::uint64_t* mask = masks_.data();
    for (const Set& live : live_)
        for (std::int32_t s = 0; s < states_; ++s, mask += words_) write_mask(s, live, mask);
}

void Constraint::write_mask(std::int32_t state, const Set& live, std::uint64_t* mask) const noexcept {
    std::fill_n(mask, words_, 0);
    for (Index j = 0; j < V_; ++j) {
        const std::int32_t then = next_[at(state, j)];
        const bool may = then >= 0 && live[static_cast<std::size_t>(then)];
        mask[j / 64] |= std::uint64_t{may} << j % 64;
    }
}

const std::uint64_t* Constraint::allowed(std::int32_t state, Index left, std::uint64_t* scratch) const noexcept {
    const std::size_t k = live_index(left - 1);
    if (!masks_.empty()) {
        const auto row = k * static_cast<std::size_t>(states_) + static_cast<std::size_t>(state);
        return masks_.data() + row * static_cast<std::size_t>(words_);
    }
    write_mask(state, live_[k], scratch);
    return scratch;
}

// The shortest way from the start to a state that accepts: breadth first.
void Constraint::refuse_unsatisfiable() const {
    std::vector<Index> distance(static_cast<std::size_t>(states_), -1);
    std::vector<std::int32_t> queue{start_};
    distance[static_cast<std::size_t>(start_)] = 0;
    std::string reason = "no sequence of any length ends where it may";
    for (std::size_t i = 0; i < queue.size(); ++i) {
        const Index far = distance[static_cast<std::size_t>(queue[i])];
        if (accepting_[static_cast<std::size_t>(queue[i])] && (far > 0 || is_end(start_))) {
            reason = far == 0        ? "only the empty sequence is allowed"
                     : far > length_ ? "the shortest sequence has " + std::to_string(far) + " tokens"
                                     : "the shortest sequence has " + std::to_string(far) +
                                           " tokens and may go on, but none ends after just " + std::to_string(length_);
            break;
        }
        for (Index j = 0; j < V_; ++j) {
            const std::int32_t then = next_[at(queue[i], j)];
            if (then < 0 || distance[static_cast<std::size_t>(then)] >= 0) continue;
            distance[static_cast<std::size_t>(then)] = far + 1;
            queue.push_back(then);
        }
    }
    throw std::invalid_argument("constraint: nothing satisfies it within length " + std::to_string(length_) + ": " +
                                reason);
}

}  // namespace rnnfast
