#include "rnnfast/segments.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/check.hpp"

namespace rnnfast {
namespace {

struct Segment {
    Index stream, from, length;
    bool head, tail;  // the stream's first, from its given state on; its last
};

std::vector<Segment> cut(Index steps, Index batch, const Index* lengths, const unsigned char* reset) {
    std::vector<Segment> segments;
    for (Index n = 0; n < batch; ++n) {
        const Index length = lengths ? lengths[n] : steps;
        if (length < 0 || length > steps)
            throw std::invalid_argument("lengths[" + std::to_string(n) + "] is " + std::to_string(length) +
                                        ", expected 0 to " + std::to_string(steps));
        const auto resets = [&](Index t) { return reset && reset[t * batch + n] != 0; };
        Index from = 0;
        bool head = length == 0 || !resets(0);
        for (Index t = 1; t < length; ++t) {
            if (!resets(t)) continue;
            segments.push_back({n, from, t - from, head, false});
            from = t;
            head = false;
        }
        segments.push_back({n, from, length - from, head, true});
    }
    std::stable_sort(segments.begin(), segments.end(),
                     [](const Segment& a, const Segment& b) { return a.length > b.length; });
    return segments;
}

}  // namespace

Segments::Segments(Index steps, Index batch)
    : steps_(at_least("the number of steps", steps, 0)), batch_(at_least("the batch size", batch, 0)) {
    packing_ = {steps, batch, nullptr};
}

Segments::Segments(Index steps, Index batch, const Index* lengths, const unsigned char* reset)
    : Segments(steps, batch) {
    const std::vector<Segment> segments = cut(steps, batch, lengths, reset);
    const auto stays_whole = [steps](const Segment& s) { return s.head && s.length == steps; };
    if (std::all_of(segments.begin(), segments.end(), stays_whole)) return;
    packing_.steps = segments.empty() ? 0 : segments.front().length;
    packing_.batch = static_cast<Index>(segments.size());
    for (const Segment& s : segments) {
        lengths_.push_back(s.length);
        heads_.push_back(s.head ? s.stream : -1);
        tails_.push_back(s.tail ? s.stream : -1);
    }
    Index running = packing_.batch;
    for (Index t = 0; t < packing_.steps; ++t) {
        begins_.push_back(static_cast<Index>(places_.size()));
        while (running > 0 && lengths_[at(running - 1)] <= t) --running;
        for (Index s = 0; s < running; ++s) {
            const Segment& segment = segments[at(s)];
            places_.push_back((segment.from + t) * batch + segment.stream);
        }
    }
    begins_.push_back(static_cast<Index>(places_.size()));
    packing_.begins = begins_.data();
}

std::vector<Index> Segments::reversed() const {
    std::vector<Index> rows(at(packing_.rows()));
    for (Index t = 0; t < packing_.steps; ++t)
        for (Index s = 0; s < packing_.count(t); ++s)
            rows[at(packing_.begin(t) + s)] = packing_.begin(length(s) - 1 - t) + s;
    return rows;
}

Index Segments::final_row(Index segment) const noexcept {
    const Index steps = length(segment);
    return steps == 0 ? segment : packing_.batch + packing_.begin(steps - 1) + segment;
}

}  // namespace rnnfast
