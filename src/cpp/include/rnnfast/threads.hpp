// The threads that a long native call works with.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <vector>

#include "rnnfast/index.hpp"
#include "rnnfast/poll.hpp"

namespace rnnfast {

/// How many processors this process may use, at least 1.
Index available_processors() noexcept;

/// `requested` where it is not 0; else what RNNFAST_NUM_THREADS in the environment says, where it is set and not empty;
/// else so many of the available processors that each has at least about a millisecond's work, at full speed, of the
/// call's (or training step's) `multiply_adds`: 1 for small work.
/// Throws std::invalid_argument where either is not from 1 to 1024 (requested: from 0).
Index choose_threads(Index requested, double multiply_adds);

/// Some threads, lent from a pool that is made at first use and that a fork leaves behind: the child makes its own.
/// (But what another thread was at work on when the process was forked is of no use to the child.) Every call has a
/// crew of its own, so nothing is shared between two of them; no result depends on the count. A thread keeps the
/// processors that its first user was allowed, and stays with the pool for the process's life.
/// Make one for each call, in the calling thread, which is thread 0 of the crew. One of count 1 costs nothing.
class Threads {
public:
    /// Throws std::invalid_argument where count is less than 1 or more than 1024, std::runtime_error where the system
    /// gives fewer.
    explicit Threads(Index count = 1);
    ~Threads();
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;

    Index count() const noexcept { return count_; }

    /// body(rank, poll) at the same time for every rank from 0 to count - 1, rank 0 in the calling thread with the
    /// caller's poll; returns when all are done. Throws what the lowest of the failing ranks threw: the others end at
    /// their next poll or meeting. Throws std::runtime_error in a child that was forked in the midst of it. With more
    /// than one thread all run in the kernels' floating-point mode. body must not run the same crew.
    template <class Body>
    void run(Poll& poll, Body&& body) {
        if (count_ == 1) return void(body(Index{0}, poll));
        using B = std::remove_reference_t<Body>;
        run_all(
            poll, [](void* b, Index rank, Poll& own) { (*static_cast<B*>(b))(rank, own); },
            const_cast<void*>(static_cast<const void*>(&body)));
    }

    /// Inside run, called by every rank with its poll: returns when all have called it. Throws what the poll throws.
    void meet(Poll& poll);

    /// The part of [0, n) that is rank's: of nearly equal size, cut at multiples of `step`.
    struct Range {
        Index begin, end;
        Index size() const noexcept { return end - begin; }
    };
    Range share(Index n, Index step, Index rank) const noexcept {
        const Index steps = (n + step - 1) / step;
        const Index begin = steps * rank / count_ * step, end = steps * (rank + 1) / count_ * step;
        return {begin < n ? begin : n, end < n ? end : n};
    }

    class Worker;  ///< a thread of the pool

private:
    using Task = void (*)(void* body, Index rank, Poll& poll);
    void run_all(Poll& poll, Task task, void* body);
    template <class Work>
    void attempt(Index rank, Work work) noexcept;
    void work(Index rank, Poll& poll) noexcept;
    void recruit();

    Index count_;
    unsigned forks_ = 0;  // of this process when the workers were lent
    std::vector<Worker*> workers_;

    // One run.
    Task task_ = nullptr;
    void* body_ = nullptr;
    std::vector<std::exception_ptr> errors_;
    std::atomic<bool> stopped_{false};
    std::atomic<Index> running_{0};

    // meet(): how many are there, and how often all were.
    std::atomic<Index> arrived_{0};
    std::atomic<std::uint64_t> meetings_{0};
};

}  // namespace rnnfast
