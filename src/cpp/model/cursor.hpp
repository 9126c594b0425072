// Where one stream is in its prompt and its output, and by what rules it draws.
#pragma once

#include <optional>

#include "model/stops.hpp"
#include "rnnfast/language_model.hpp"
#include "rnnfast/random.hpp"

namespace rnnfast {

/// How streams draw and when they end: one for each thread, for a sampler holds scratch.
template <class T>
struct Rules {
    Rules(const GenerateOptions& options, Index V)
        : sampler(options.sampler, V),
          stops(options.stop, V),
          length(options.length),
          min_length(options.min_length),
          penalty_window(options.sampler.penalty_window),
          has_penalties(options.sampler.has_penalties()) {}

    Sampler<T> sampler;
    Stops stops;
    Index length, min_length, penalty_window;
    bool has_penalties;
};

/// One stream. Nothing in it knows of any other.
template <class T>
struct Cursor {
    /// `stream`'s prompt and `initial_token` must stay where they are until they have been read.
    Cursor(Rules<T>& rules_, Index id_, const Stream& stream, const std::int32_t& initial_token,
           std::uint64_t position_, Index V)
        : rules(&rules_),
          id(id_),
          key{stream.seed, stream.stream},
          position(position_),
          next(stream.prompt_length > 0 ? stream.prompt : &initial_token),
          unread(stream.prompt_length > 0 ? stream.prompt_length : 1),
          matched(rules_.stops.begin()) {
        if (!rules->has_penalties) return;
        history.emplace(V, rules->penalty_window);
        for (Index t = 0; t < stream.history_length; ++t) history->add(stream.history[t]);
        for (Index t = 0; t < unread; ++t) history->add(next[t]);
    }

    /// The next input: of the prompt, then what was drawn last.
    std::int32_t read() { return unread > 0 ? (--unread, *next++) : last; }
    bool draws() const { return unread == 0; }

    Rules<T>* rules;
    Index id;  ///< the caller's number for it
    RandomKey key;
    std::uint64_t position;
    const std::int32_t* next;
    Index unread;
    std::int32_t last = -1;
    Index drawn = 0;
    Stops::Matched matched;
    std::optional<History> history;  // where there are penalties
};

}  // namespace rnnfast
