#include "model/stops.hpp"

#include <stdexcept>
#include <string>

namespace rnnfast {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

Stops::Stops(const std::vector<std::vector<std::int32_t>>& sequences, Index V) {
    for (const auto& tokens : sequences) {
        if (tokens.empty()) throw std::invalid_argument("stop has an empty sequence, expected at least one token");
        for (const std::int32_t token : tokens)
            if (token < 0 || token >= V)
                throw std::invalid_argument("stop has token " + std::to_string(token) + ", expected 0 to " +
                                            std::to_string(V - 1));
        Pattern pattern{tokens, std::vector<Index>(tokens.size(), 0)};
        for (std::size_t k = 2; k < tokens.size(); ++k) {
            Index prefix = pattern.shorter[k - 1];
            while (prefix > 0 && tokens[at(prefix)] != tokens[k - 1]) prefix = pattern.shorter[at(prefix)];
            pattern.shorter[k] = prefix + (tokens[at(prefix)] == tokens[k - 1]);
        }
        patterns_.push_back(std::move(pattern));
    }
}

bool Stops::advance(Matched& matched, std::int32_t token) const {
    bool ended = false;
    for (std::size_t p = 0; p < patterns_.size(); ++p) {
        const Pattern& pattern = patterns_[p];
        Index& prefix = matched[p];
        if (at(prefix) == pattern.tokens.size()) prefix = 0;  // it ended the stream before: a new one begins
        while (prefix > 0 && pattern.tokens[at(prefix)] != token) prefix = pattern.shorter[at(prefix)];
        prefix += pattern.tokens[at(prefix)] == token;
        ended |= at(prefix) == pattern.tokens.size();
    }
    return ended;
}

void Stops::forbid(const Matched& matched, std::uint64_t* allowed) const {
    for (std::size_t p = 0; p < patterns_.size(); ++p) {
        const auto last = static_cast<std::uint64_t>(patterns_[p].tokens.back());
        if (at(matched[p]) + 1 == patterns_[p].tokens.size()) allowed[last / 64] &= ~(std::uint64_t{1} << last % 64);
    }
}

}  // namespace rnnfast
