// Where one stream is in its prompt and its output, and by what rules it draws.
#pragma once

#include <optional>

#include "model/stops.hpp"
#include "rnnfast/language_model.hpp"
#include "rnnfast/random.hpp"

namespace rnnfast {

/// How streams draw and what ends them: one for each thread, for a sampler holds scratch.
template <class T>
struct Rules {
    Rules(const GenerateOptions& options, Index V)
        : config(options.sampler), stop(options.stop), sampler(options.sampler, V), stops(options.stop, V) {}

    SamplerConfig config;
    std::vector<std::vector<std::int32_t>> stop;
    Sampler<T> sampler;
    Stops stops;
    bool used = true;  // a session's mark
};

/// What a session tells of a stream: where that leaves its tokens.
struct Output {
    std::uint64_t seed = 0;
    std::vector<std::int32_t> tokens = {};
    bool ended = false;
};

/// One stream. Nothing in it knows of any other.
template <class T>
struct Cursor {
    /// `options` are of the rules, too; its initial_token and the stream's prompt must stay where they are until they
    /// have been read.
    Cursor(Rules<T>& rules_, const GenerateOptions& options, Index id_, const Stream& stream, std::uint64_t position_,
           Index V)
        : rules(&rules_),
          length(options.length),
          min_length(options.min_length),
          id(id_),
          key{stream.seed, stream.stream},
          position(position_),
          next(stream.prompt_length > 0 ? stream.prompt : &options.initial_token),
          unread(stream.prompt_length > 0 ? stream.prompt_length : 1),
          matched(rules_.stops.begin()),
          constraint(options.constraint),
          state(constraint ? constraint->start() : 0) {
        if (!rules->config.has_penalties() && stream.history_length == 0) return;
        history.emplace(rules->config, V);
        for (Index t = 0; t < stream.history_length; ++t) history->add(stream.history[t]);
        for (Index t = 0; t < unread; ++t) history->add(next[t]);
    }

    /// The next input: of the prompt, then what was drawn last.
    std::int32_t read() { return unread > 0 ? (--unread, *next++) : last; }
    bool draws() const { return unread == 0; }

    /// With one token of the prompt unread: from now on the prompt may be gone.
    void release_prompt() {
        last = *next;
        unread = 0;
    }

    Rules<T>* rules;
    Index length, min_length;
    Index id;  ///< the caller's number for it
    RandomKey key;
    std::uint64_t position;
    const std::int32_t* next;
    Index unread;
    std::int32_t last = -1;
    Index drawn = 0;
    Stops::Matched matched;
    std::shared_ptr<const Constraint> constraint;
    std::int32_t state;                 // of the constraint
    std::optional<History<T>> history;  // where there are penalties, or were before this call
    Output* output = nullptr;           // of a session
};

}  // namespace rnnfast
