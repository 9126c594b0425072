#include "rnnfast/constraint.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include "core/check.hpp"

namespace rnnfast {

// Backwards from the end: with no token left a stream must be where it may end; with k left, at an end or a token away
// from where it can end within k - 1. Each level is made of the one before by what changed in it, so that a state costs
// as often as it changes: mostly once. There are finitely many sets of states: they repeat at last, mostly soon.
class Constraint::Compiler {
public:
    Compiler(Automaton& automaton, const std::int32_t* table, Poll& poll)
        : a_(automaton), table_(table), words_(static_cast<std::size_t>(automaton.words)), poll_(poll) {}

    void compile() {
        check_states();
        find_classes();
        find_ends();
        find_edges();
        find_levels();
        sort_changes();
        make_masks();
    }

private:
    struct Change {
        std::int32_t state;
        std::size_t level;
    };

    static constexpr std::size_t most_changes = std::size_t{1} << 24;

    static std::size_t index(std::int32_t state) { return static_cast<std::size_t>(state); }

    void check_states() const {
        for (Index s = 0; s < a_.states; ++s, poll_(a_.V))
            for (Index j = 0; j < a_.V; ++j)
                if (const std::int32_t then = table_[s * a_.V + j]; then < -1 || then >= a_.states)
                    throw std::invalid_argument("constraint: next_state has " + std::to_string(then) +
                                                ", expected -1 to " + std::to_string(a_.states - 1));
    }

    void find_classes() {
        std::vector<std::uint64_t> hashes(index(static_cast<std::int32_t>(a_.V)));
        for (Index s = 0; s < a_.states; ++s, poll_(a_.V))
            for (std::size_t j = 0; j < hashes.size(); ++j)
                hashes[j] = mix(table_[s * a_.V + static_cast<Index>(j)]) ^ (hashes[j] * 0x9e3779b97f4a7c15);
        std::vector<Index> members;                                          // the first of each class
        std::unordered_map<std::uint64_t, std::vector<std::int32_t>> alike;  // classes by their hashes
        for (Index j = 0; j < a_.V; ++j, poll_(1)) {
            auto& candidates = alike[hashes[static_cast<std::size_t>(j)]];
            const auto same = std::find_if(candidates.begin(), candidates.end(),
                                           [&](std::int32_t c) { return is_same_column(j, members[index(c)]); });
            if (same != candidates.end()) {
                a_.class_of.push_back(*same);
                continue;
            }
            candidates.push_back(static_cast<std::int32_t>(members.size()));
            a_.class_of.push_back(candidates.back());
            members.push_back(j);
        }
        a_.classes = static_cast<Index>(members.size());
        for (Index s = 0; s < a_.states; ++s)
            for (const Index member : members) a_.next.push_back(table_[s * a_.V + member]);
        if (a_.classes * a_.words > a_.V) return;  // a mask is made as quickly token by token
        a_.class_members.resize(members.size() * words_);
        for (std::size_t j = 0; j < a_.class_of.size(); ++j)
            a_.class_members[index(a_.class_of[j]) * words_ + j / 64] |= std::uint64_t{1} << j % 64;
    }

    bool is_same_column(Index a, Index b) {
        poll_(a_.states);
        for (Index s = 0; s < a_.states; ++s)
            if (table_[s * a_.V + a] != table_[s * a_.V + b]) return false;
        return true;
    }

    void find_ends() {
        a_.is_end = a_.accepting;
        for (std::int32_t s = 0; s < a_.states; ++s, poll_(a_.classes)) {
            const std::int32_t* const row = a_.next.data() + a_.at(s, 0);
            if (std::any_of(row, row + a_.classes, [](std::int32_t then) { return then >= 0; }))
                a_.is_end[index(s)] = false;
        }
    }

    // From where edges lead into each state, once for each class of tokens.
    void find_edges() {
        first_edge_.assign(index(static_cast<std::int32_t>(a_.states)) + 1, 0);
        for (const std::int32_t then : a_.next)
            if (then >= 0) ++first_edge_[index(then) + 1];
        for (std::size_t s = 1; s < first_edge_.size(); ++s) first_edge_[s] += first_edge_[s - 1];
        edges_.resize(first_edge_.back());
        std::vector<std::size_t> free(first_edge_);
        for (std::int32_t s = 0; s < a_.states; ++s, poll_(a_.classes))
            for (Index c = 0; c < a_.classes; ++c)
                if (const std::int32_t then = a_.next[a_.at(s, c)]; then >= 0) edges_[free[index(then)]++] = s;
    }

    void find_levels() {
        live_ = a_.accepting;
        std::vector<std::int32_t> ways(live_.size());  // tokens that lead from a state to a live one
        std::vector<std::int32_t> changed, touched;
        for (std::int32_t s = 0; s < a_.states; ++s) {
            if (live_[index(s)]) changed.push_back(s);
            touched.push_back(s);
        }
        Set is_touched(live_.size(), true);
        std::unordered_map<std::uint64_t, std::size_t> seen;  // hashes of sets, and their levels
        std::uint64_t hash = 0;
        for (std::size_t k = 0;; ++k) {
            for (const std::int32_t s : changed) {
                changes_.push_back({s, k});
                hash ^= mix(s);
            }
            const auto [same, is_new] = seen.emplace(hash, k);
            if (!is_new && is_level(same->second)) {
                a_.period = k - same->second;
                while (!changes_.empty() && changes_.back().level == k) changes_.pop_back();
                a_.levels = k;
                return;
            }
            a_.levels = k + 1;
            if (static_cast<Index>(k) == a_.length) return;
            if (changes_.size() > most_changes)
                throw std::length_error(
                    "constraint: where a sequence can end changes with every token that is left, "
                    "too often to be compiled for length " +
                    std::to_string(a_.length));
            for (const std::int32_t s : changed) {
                const std::int32_t more = live_[index(s)] ? 1 : -1;
                for (std::size_t i = first_edge_[index(s)]; i < first_edge_[index(s) + 1]; ++i) {
                    const std::size_t before = index(edges_[i]);
                    ways[before] += more;
                    if (is_touched[before]) continue;
                    is_touched[before] = true;
                    touched.push_back(edges_[i]);
                }
                poll_(static_cast<std::int64_t>(first_edge_[index(s) + 1] - first_edge_[index(s)]) + 1);
            }
            changed.clear();
            for (const std::int32_t s : touched) {
                const bool now = a_.is_end[index(s)] || ways[index(s)] > 0;
                if (now != live_[index(s)]) changed.push_back(s);
                live_[index(s)] = now;
                is_touched[index(s)] = false;
            }
            poll_(static_cast<std::int64_t>(touched.size()) + 1);
            touched.clear();
        }
    }

    // The bits of a state in the hash of a set (the finaliser of splitmix64, Steele et al. 2014).
    static std::uint64_t mix(std::int32_t state) noexcept {
        std::uint64_t z = (static_cast<std::uint64_t>(state) + 1) * 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    // Whether what is live now is what was live at a level: of all changes since then each has been undone.
    bool is_level(std::size_t level) const {
        Set odd(live_.size());
        for (auto change = changes_.rbegin(); change != changes_.rend() && change->level > level; ++change)
            odd[index(change->state)] = !odd[index(change->state)];
        return std::none_of(odd.begin(), odd.end(), [](bool is_odd) { return is_odd; });
    }

    void sort_changes() {
        a_.first.assign(live_.size() + 1, 0);
        for (const Change& change : changes_) ++a_.first[index(change.state) + 1];
        for (std::size_t s = 1; s < a_.first.size(); ++s) a_.first[s] += a_.first[s - 1];
        a_.changes.resize(changes_.size());
        std::vector<std::size_t> free(a_.first);
        for (const Change& change : changes_) a_.changes[free[index(change.state)]++] = change.level;
    }

    // A state's mask changes where a state that it leads to does.
    void make_masks() {
        constexpr std::size_t most_runs = std::size_t{1} << 22;
        std::map<std::vector<std::uint64_t>, std::uint32_t> known;
        std::vector<std::uint64_t> mask(words_);
        std::vector<std::size_t> levels;
        for (std::int32_t s = 0; s < a_.states; ++s) {
            a_.first_run.push_back(a_.runs.size());
            levels.assign(1, 0);
            for (Index c = 0; c < a_.classes; ++c)
                if (const std::int32_t then = a_.next[a_.at(s, c)]; then >= 0)
                    for (std::size_t i = a_.first[index(then)]; i < a_.first[index(then) + 1]; ++i)
                        levels.push_back(a_.changes[i]);
            std::sort(levels.begin(), levels.end());
            levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
            for (const std::size_t level : levels) {
                a_.write_mask(s, level, mask.data());
                const auto [place, is_new] = known.emplace(mask, static_cast<std::uint32_t>(known.size()));
                if (is_new) a_.masks.insert(a_.masks.end(), mask.begin(), mask.end());
                a_.runs.push_back({static_cast<std::uint32_t>(level), place->second});
                poll_(a_.V);
            }
            if (a_.runs.size() + a_.masks.size() > most_runs) {
                a_.runs.clear();
                a_.masks.clear();
                return;
            }
        }
        a_.first_run.push_back(a_.runs.size());
    }

    Automaton& a_;
    const std::int32_t* table_;  // [states, V]
    std::size_t words_;
    Poll& poll_;
    std::vector<std::size_t> first_edge_;
    std::vector<std::int32_t> edges_;
    Set live_;
    std::vector<Change> changes_;  // level by level
};

Constraint::Constraint(Index states, Index V, const std::int32_t* next, const bool* accepting, std::int32_t start,
                       Index length, Poll& poll)
    : start_(start) {
    at_least("constraint: the number of states", states, 1);
    at_least("constraint: the vocabulary's size", V, 1);
    at_least("constraint: length", length, 0);
    auto automaton = std::make_shared<Automaton>();
    automaton->states = states;
    automaton->V = V;
    automaton->words = (V + 63) / 64;
    automaton->length = length;
    automaton->accepting.assign(accepting, accepting + states);
    Compiler(*automaton, next, poll).compile();
    automaton_ = std::move(automaton);
    check_start();
}

Constraint::Constraint(Index states, Index V, const std::int32_t* next, const bool* accepting, std::int32_t start,
                       Index length)
    : Constraint([&] {
          Poll none;
          return Constraint(states, V, next, accepting, start, length, none);
      }()) {}

Constraint::Constraint(std::shared_ptr<const Automaton> automaton, std::int32_t start)
    : automaton_(std::move(automaton)), start_(start) {
    check_start();
}

Constraint Constraint::at(std::int32_t start) const { return Constraint(automaton_, start); }

void Constraint::check_start() const {
    const Automaton& a = *automaton_;
    if (start_ < 0 || start_ >= a.states)
        throw std::invalid_argument("constraint: start has " + std::to_string(start_) + ", expected 0 to " +
                                    std::to_string(a.states - 1));
    if ((is_end(start_) && a.length > 0) || !a.is_live(start_, a.level(a.length))) refuse_unsatisfiable();
}

std::size_t Constraint::Automaton::level(Index left) const noexcept {
    const auto k = static_cast<std::size_t>(left);
    return k < levels ? k : levels - period + (k - levels) % period;
}

bool Constraint::Automaton::is_live(std::int32_t state, std::size_t k) const noexcept {
    const auto s = static_cast<std::size_t>(state);
    const std::size_t *const begin = changes.data() + first[s], *const end = changes.data() + first[s + 1];
    if (end - begin <= 1) return begin != end && *begin <= k;
    return (std::upper_bound(begin, end, k) - begin) % 2 != 0;
}

void Constraint::Automaton::write_mask(std::int32_t state, std::size_t k, std::uint64_t* mask) const noexcept {
    std::fill_n(mask, words, 0);
    const auto may_come = [&](Index token_class) {
        const std::int32_t then = next[at(state, token_class)];
        return then >= 0 && is_live(then, k);
    };
    if (class_members.empty()) {
        for (Index j = 0; j < V; ++j)
            mask[j / 64] |= std::uint64_t{may_come(class_of[static_cast<std::size_t>(j)])} << j % 64;
        return;
    }
    for (Index c = 0; c < classes; ++c) {
        if (!may_come(c)) continue;
        for (Index w = 0; w < words; ++w) mask[w] |= class_members[static_cast<std::size_t>(c * words + w)];
    }
}

const std::uint64_t* Constraint::allowed(std::int32_t state, Index left, std::uint64_t* scratch) const noexcept {
    const Automaton& a = *automaton_;
    const std::size_t k = a.level(left - 1), s = static_cast<std::size_t>(state);
    if (a.runs.empty()) {
        a.write_mask(state, k, scratch);
        return scratch;
    }
    const Run* const begin = a.runs.data() + a.first_run[s];
    const Run* const end = a.runs.data() + a.first_run[s + 1];
    const Run* const after =
        std::upper_bound(begin, end, k, [](std::size_t level, const Run& run) { return level < run.from; });
    return a.masks.data() + (after - 1)->mask * static_cast<std::size_t>(a.words);
}

// The shortest way from the start to a state that accepts: breadth first.
void Constraint::refuse_unsatisfiable() const {
    const Automaton& a = *automaton_;
    std::vector<Index> distance(static_cast<std::size_t>(a.states), -1);
    std::vector<std::int32_t> queue{start_};
    distance[static_cast<std::size_t>(start_)] = 0;
    std::string reason = "no sequence of any length ends where it may";
    for (std::size_t i = 0; i < queue.size(); ++i) {
        const Index far = distance[static_cast<std::size_t>(queue[i])];
        if (a.accepting[static_cast<std::size_t>(queue[i])] && (far > 0 || is_end(start_))) {
            reason = far == 0 ? "only the empty sequence is allowed"
                     : far > a.length
                         ? "the shortest sequence has " + std::to_string(far) + " tokens"
                         : "the shortest sequence has " + std::to_string(far) +
                               " tokens and may go on, but none ends after just " + std::to_string(a.length);
            break;
        }
        for (Index c = 0; c < a.classes; ++c) {
            const std::int32_t then = a.next[a.at(queue[i], c)];
            if (then < 0 || distance[static_cast<std::size_t>(then)] >= 0) continue;
            distance[static_cast<std::size_t>(then)] = far + 1;
            queue.push_back(then);
        }
    }
    throw std::invalid_argument("constraint: nothing satisfies it within length " + std::to_string(a.length) + ": " +
                                reason);
}

}  // namespace rnnfast
