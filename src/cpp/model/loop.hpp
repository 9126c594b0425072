// The generation loop: cell, dense layer, draw, feedback, for some streams together.
#pragma once

#include <vector>

#include "core/products.hpp"
#include "model/cursor.hpp"
#include "model/stepper.hpp"

namespace rnnfast {

/// Throws std::invalid_argument where a length, token, sampler or stop is out of range.
void check_generation(const GenerateOptions& options, const std::vector<Stream>& streams, Index V);

/// What one draw gave.
template <class T>
struct Draw {
    Index id;            ///< the stream
    Index step;          ///< of it, from 0
    std::int32_t token;  ///< -1: there is none to draw
    const T* logits;     ///< [V], that it was drawn from
    bool last;           ///< the stream ends with it
};

template <class T>
class Loop {
public:
    /// For at most `capacity` streams. Throws std::bad_alloc.
    Loop(const Network<T>& network, Index capacity)
        : stepper_(network, capacity), V_(network.config.vocab_size), inputs_(capacity), allowed_((V_ + 63) / 64) {}

    bool empty() const noexcept { return cursors_.empty(); }
    const std::vector<Cursor<T>>& cursors() const noexcept { return cursors_; }

    /// Streams join, each with its state as Stepper::load takes it.
    struct Joining {
        Cursor<T> cursor;
        const T* h;
        const T* c;
        Index stride;
    };
    void join(std::vector<Joining> streams);

    /// With one token of each prompt unread: from now on the prompts may be gone.
    void release_prompts() {
        for (Cursor<T>& cursor : cursors_) cursor.release_prompt();
    }

    /// All of them leave for another loop that has room for them.
    void move_to(Loop& other);

    /// The state of a stream in its row: before its last token is read.
    void store(Index row, T* h, T* c, Index stride) const { stepper_.store(row, h, c, stride); }

    /// Takes a stream out.
    void remove(Index row);

    /// One time step of all streams, and a draw of those that have read their prompts: emit(row, Draw), which returns
    /// whether it ends the stream. Those that have ended leave, after emit. Throws what the poll throws and what emit
    /// throws: the loop is then of no use.
    template <class Emit>
    void step(Emit emit, Poll& poll);

    /// What a draw without a token means.
    SamplingError undrawable(const Draw<T>& draw) const;

private:
    Draw<T> draw(Cursor<T>& cursor, const T* logits);
    void leave();

    Stepper<T> stepper_;
    Index V_;
    std::vector<Cursor<T>> cursors_;  // by row
    Buffer<std::int32_t> inputs_;
    Buffer<std::uint64_t> allowed_;  // a mask of tokens
    std::vector<Index> staying_;     // rows
};

template <class T>
template <class Emit>
void Loop<T>::step(Emit emit, Poll& poll) {
    bool any_draws = false;
    for (std::size_t row = 0; row < cursors_.size(); ++row) {
        inputs_[static_cast<Index>(row)] = cursors_[row].read();
        any_draws |= cursors_[row].draws();
    }
    stepper_.step(inputs_.data(), poll);
    if (!any_draws) return;
    const T* const logits = stepper_.logits(poll);
    staying_.clear();
    for (Index row = 0; row < stepper_.rows(); ++row) {
        Cursor<T>& cursor = cursors_[static_cast<std::size_t>(row)];
        poll(elementary_work * V_);
        bool ended = false;
        if (cursor.draws()) {
            const Draw<T> drawn = draw(cursor, logits + row * V_);
            ended = emit(row, drawn) || drawn.last;
        }
        if (!ended) staying_.push_back(row);
    }
    if (static_cast<Index>(staying_.size()) < stepper_.rows()) leave();
}

extern template class Loop<float>;
extern template class Loop<double>;

}  // namespace rnnfast
