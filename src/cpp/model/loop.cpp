#include "model/loop.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "model/tokens.hpp"
#include "rnnfast/random.hpp"

namespace rnnfast {
namespace {

template <class T>
std::string why_undrawable(const T* logits, Index V) {
    const std::int32_t best = active_kernels<T>().argmax(V, logits);
    if (best < 0 || logits[best] == -std::numeric_limits<T>::infinity()) return "the logits hold a nan or only -inf";
    return "bans, bias, penalties, min_length and constraint leave no token that can be drawn";
}

void check_constraint(const GenerateOptions& options, Index V) {
    const Constraint& c = *options.constraint;
    if (c.vocab_size() != V || c.length() != options.length)
        throw std::invalid_argument("constraint is for " + std::to_string(c.vocab_size()) + " tokens and length " +
                                    std::to_string(c.length()) + ", expected " + std::to_string(V) + " and " +
                                    std::to_string(options.length));
    if (!options.stop.empty() || options.stop_when || options.min_length > 0)
        throw std::invalid_argument("constraint is given with stop or min_length: it alone says where a stream ends");
}

}  // namespace

void check_generation(const GenerateOptions& options, const std::vector<Stream>& streams, Index V) {
    at_least("generate: length", options.length, 0);
    at_least("generate: min_length", options.min_length, 0);
    check(options.sampler);
    check(options.sampler, V);
    (void)Stops(options.stop, V);
    if (options.constraint) check_constraint(options, V);
    check_token("initial_token", options.initial_token, V);
    for (std::size_t i = 0; i < streams.size(); ++i) {
        const Stream& s = streams[i];
        const auto row = static_cast<Index>(i);
        if (s.prompt_length > 0) check_tokens("prompt", 1, s.prompt_length, s.prompt, V, row);
        if (s.history_length > 0) check_tokens("state.recent", 1, s.history_length, s.history, V, row);
    }
}

template <class T>
void Loop<T>::join(std::vector<Joining> streams) {
    std::vector<Index> from;
    for (Index row = 0; row < stepper_.rows(); ++row) from.push_back(row);
    from.resize(from.size() + streams.size(), -1);
    stepper_.rearrange(from);
    for (Joining& joining : streams) {
        stepper_.load(static_cast<Index>(cursors_.size()), joining.h, joining.c, joining.stride);
        cursors_.push_back(std::move(joining.cursor));
    }
}

template <class T>
void Loop<T>::move_to(Loop& other) {
    std::vector<Joining> streams;
    const Index rows = stepper_.rows();
    for (Index row = 0; row < rows; ++row)
        streams.push_back({std::move(cursors_[static_cast<std::size_t>(row)]), stepper_.h(row), stepper_.c(row),
                           rows * stepper_.hidden_size()});
    other.join(std::move(streams));
    staying_.clear();
    leave();
}

template <class T>
void Loop<T>::remove(Index row) {
    staying_.clear();
    for (Index other = 0; other < stepper_.rows(); ++other)
        if (other != row) staying_.push_back(other);
    leave();
}

// Only `staying_` rows stay, in their order.
template <class T>
void Loop<T>::leave() {
    stepper_.rearrange(staying_);
    for (std::size_t row = 0; row < staying_.size(); ++row)
        if (const auto old = static_cast<std::size_t>(staying_[row]); old != row)
            cursors_[row] = std::move(cursors_[old]);
    cursors_.erase(cursors_.begin() + static_cast<std::ptrdiff_t>(staying_.size()), cursors_.end());
}

template <class T>
Draw<T> Loop<T>::draw(Cursor<T>& cursor, const T* logits) {
    Rules<T>& rules = *cursor.rules;
    DrawContext<T> context;
    if (rules.config.has_penalties()) context.history = &*cursor.history;
    if (cursor.constraint) {
        context.allowed = cursor.constraint->allowed(cursor.state, cursor.length - cursor.drawn, allowed_.data());
    } else if (cursor.drawn + 1 < cursor.min_length && rules.stops.any()) {
        std::fill_n(allowed_.data(), allowed_.size(), ~std::uint64_t{0});
        rules.stops.forbid(cursor.matched, allowed_.data());
        context.allowed = allowed_.data();
    }
    const T u = random_uniform<T>(cursor.key, cursor.position, Purpose::sampling);
    const std::int32_t token = rules.sampler(logits, u, context);
    const Index step = cursor.drawn;
    if (token < 0) return {cursor.id, step, -1, logits, true};
    if (cursor.history) cursor.history->add(token);
    cursor.last = token;
    ++cursor.drawn;
    ++cursor.position;
    bool ends = rules.stops.advance(cursor.matched, token) || cursor.drawn == cursor.length;
    if (cursor.constraint) {
        cursor.state = cursor.constraint->next(cursor.state, token);
        ends |= cursor.constraint->is_end(cursor.state);
    }
    return {cursor.id, step, token, logits, ends};
}

template <class T>
SamplingError Loop<T>::undrawable(const Draw<T>& draw) const {
    return {"stream " + std::to_string(draw.id) + ", step " + std::to_string(draw.step) + ": " +
                why_undrawable(draw.logits, V_),
            draw.id, draw.step};
}

template class Loop<float>;
template class Loop<double>;

}  // namespace rnnfast
