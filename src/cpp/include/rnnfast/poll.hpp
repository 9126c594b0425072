// How a long native call stays interruptible.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

namespace rnnfast {

/// Called often inside long calls; passes the call on to `hook` about every `interval`. The hook may throw: the long
/// call then ends with that exception and leaves parameters, optimiser and caller's arrays as its documentation says.
/// While the hook runs, the floating-point control register is what it was when the Poll was made.
/// Not thread-safe; make one for each call, in the calling thread.
class Poll {
public:
    using Clock = std::chrono::steady_clock;

    /// Never calls anything.
    Poll() = default;

    /// `hook` is kept; null is the same as none.
    explicit Poll(std::function<void()> hook, std::chrono::milliseconds interval = std::chrono::milliseconds(20));

    /// Calls the hook if it is due. Throws what the hook throws.
    void operator()() {
        if (ended_ && ended_->load(std::memory_order_relaxed)) throw Ended();
        if (hook_ && Clock::now() >= due_) call();
    }

    /// The same, for calls so frequent that a look at the clock would cost too much: it looks when `work` numbers
    /// (multiply-adds, say) have come to some millions since it last did.
    void operator()(std::int64_t work) {
        constexpr std::int64_t patience = std::int64_t{1} << 22;
        work_ += work;
        if (work_ < patience) return;
        work_ = 0;
        (*this)();
    }

    /// The same, due or not: before what cannot be taken back.
    void now() {
        if (hook_) call();
    }

private:
    friend class Threads;
    struct Ended {};  // what ends one thread of a call where another one has failed

    void call();

    std::function<void()> hook_;
    std::chrono::milliseconds interval_{};
    Clock::time_point due_{};
    std::int64_t work_ = 0;
    std::uint64_t callers_control_ = 0;
    const std::atomic<bool>* ended_ = nullptr;  // of the call with threads that it is in
};

}  // namespace rnnfast
