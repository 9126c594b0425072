#include "rnnfast/threads.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

#include "core/float_control.hpp"

namespace rnnfast {
namespace {

inline void pause() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Waits for what comes soon: first awake, then giving way to others, for the processors may be fewer than the threads.
// Returns false where it has not come for long.
template <class Done>
bool wait_awake(Done done, int turns) noexcept {
    for (int turn = 0; turn < 2000; ++turn) {
        if (done()) return true;
        pause();
    }
    for (int turn = 0; turn < turns; ++turn) {
        if (done()) return true;
        std::this_thread::yield();
    }
    return done();
}

std::atomic<unsigned> forks{0};

constexpr Index most_threads = 1024;

Index checked(const char* name, const std::string& given, Index count) {
    if (count >= 1 && count <= most_threads) return count;
    throw std::invalid_argument(std::string(name) + " is " + given + ", expected 1 to " + std::to_string(most_threads));
}

}  // namespace

class Threads::Worker {
public:
    Worker() {
        // Signals are for the threads of the program, but those of a crash and of a profiler.
#if defined(__unix__) || defined(__APPLE__)
        sigset_t all, before;
        sigfillset(&all);
        for (const int own : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGPROF}) sigdelset(&all, own);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        struct Restore {
            const sigset_t* mask;
            ~Restore() { pthread_sigmask(SIG_SETMASK, mask, nullptr); }
        } restore{&before};
#endif
        std::thread(&Worker::live, this).detach();
    }

    // The crew's task is ready; acquire and release make it visible.
    void begin(Threads* crew, Index rank) noexcept {
        crew_ = crew;
        rank_ = rank;
        tasks_.fetch_add(1);
        if (asleep_.load()) {
            const std::lock_guard<std::mutex> lock(mutex_);
            awake_.notify_one();
        }
    }

private:
    void live() noexcept {
        for (std::uint64_t seen = 0;; ++seen) {
            const auto due = [&]() noexcept { return tasks_.load() != seen; };
            if (!wait_awake(due, 200)) {
                std::unique_lock<std::mutex> lock(mutex_);
                asleep_ = true;
                awake_.wait(lock, due);
                asleep_ = false;
            }
            Threads* const crew = crew_;
            Poll poll;
            poll.ended_ = &crew->stopped_;
            crew->work(rank_, poll);
            crew->running_.fetch_sub(1);  // the crew may be gone from here on
        }
    }

    Threads* crew_ = nullptr;
    Index rank_ = 0;
    std::atomic<std::uint64_t> tasks_{0};
    std::atomic<bool> asleep_{false};
    std::mutex mutex_;
    std::condition_variable awake_;
};

namespace {

// The workers that nobody uses. Never destroyed: they outlive the program's statics.
class Pool {
public:
    static Pool& instance() {
        static Pool* const first = make();
        (void)first;
        return *current;
    }

    Threads::Worker* lend() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (!idle_.empty()) {
                Threads::Worker* const worker = idle_.back();
                idle_.pop_back();
                return worker;
            }
            idle_.reserve(++made_);  // so that taking back cannot fail
        }
        return new Threads::Worker;
    }

    void take_back(Threads::Worker* worker) noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        idle_.push_back(worker);
    }

private:
    static Pool* make() {
        current = new Pool;
#if defined(__unix__) || defined(__APPLE__)
        // A child has none of the threads, and perhaps a locked mutex: it starts anew.
        pthread_atfork(nullptr, nullptr, [] {
            current = new Pool;
            forks.fetch_add(1);
        });
#endif
        return current;
    }

    static inline Pool* current = nullptr;
    std::mutex mutex_;
    std::vector<Threads::Worker*> idle_;
    std::size_t made_ = 0;
};

}  // namespace

Index available_processors() noexcept {
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
#endif
    const Index count = static_cast<Index>(std::thread::hardware_concurrency());
    return count > 0 ? count : 1;
}

Index choose_threads(Index requested, double multiply_adds) {
    if (requested != 0) return checked("num_threads", std::to_string(requested), requested);
    if (const char* text = std::getenv("RNNFAST_NUM_THREADS"); text && *text) {
        char* end = nullptr;
        const long long number = std::strtoll(text, &end, 10);
        return checked("RNNFAST_NUM_THREADS", text, *end == 0 ? static_cast<Index>(number) : 0);
    }
    constexpr double worth_a_thread = 1 << 27;
    const double pay = multiply_adds / worth_a_thread;
    const Index processors = std::min(available_processors(), most_threads);
    return pay < 2 ? 1 : pay < static_cast<double>(processors) ? static_cast<Index>(pay) : processors;
}

Threads::Threads(Index count) : count_(checked("num_threads", std::to_string(count), count)) {
    if (count > 1) recruit();
}

void Threads::recruit() {
    const unsigned now = forks.load();
    Pool& pool = Pool::instance();
    std::vector<Worker*> lent;
    errors_.resize(static_cast<std::size_t>(count_));
    lent.reserve(static_cast<std::size_t>(count_ - 1));
    try {
        while (static_cast<Index>(lent.size()) < count_ - 1) lent.push_back(pool.lend());
    } catch (const std::system_error& error) {
        for (Worker* worker : lent) pool.take_back(worker);
        throw std::runtime_error("num_threads is " + std::to_string(count_) + ", but the system gave only " +
                                 std::to_string(lent.size() + 1) + ": " + error.what());
    }
    workers_ = std::move(lent);
    forks_ = now;
}

Threads::~Threads() {
    if (workers_.empty() || forks_ != forks.load()) return;
    for (Worker* worker : workers_) Pool::instance().take_back(worker);
}

// Keeps what goes wrong, and tells the others.
template <class Work>
void Threads::attempt(Index rank, Work work) noexcept {
    try {
        work();
    } catch (const Poll::Ended&) {
    } catch (...) {
        errors_[static_cast<std::size_t>(rank)] = std::current_exception();
        stopped_ = true;
    }
}

void Threads::work(Index rank, Poll& poll) noexcept {
    const FloatScope scope;
    attempt(rank, [&] { task_(body_, rank, poll); });
}

void Threads::run_all(Poll& poll, Task task, void* body) {
    if (forks_ != forks.load()) recruit();
    task_ = task;
    body_ = body;
    stopped_ = false;
    arrived_ = 0;
    running_ = count_ - 1;
    poll.ended_ = &stopped_;
    for (Index rank = 1; rank < count_; ++rank) workers_[static_cast<std::size_t>(rank - 1)]->begin(this, rank);
    work(0, poll);
    const auto over = [this]() noexcept { return running_.load() == 0 || forks_ != forks.load(); };
    while (!wait_awake(over, 200))
        if (!stopped_) attempt(0, [&] { poll(); });
    poll.ended_ = nullptr;
    if (forks_ != forks.load()) throw std::runtime_error("the process was forked in the midst of a call with threads");
    if (!stopped_) return;
    std::exception_ptr first;
    for (std::exception_ptr& error : errors_) {
        if (!first) first = error;
        error = nullptr;
    }
    std::rethrow_exception(first);
}

void Threads::meet(Poll& poll) {
    if (count_ == 1) return;
    const std::uint64_t before = meetings_.load();
    if (arrived_.fetch_add(1) + 1 == count_) {
        arrived_ = 0;
        meetings_ = before + 1;
        return;
    }
    const auto over = [&]() noexcept {
        return meetings_.load() != before || stopped_.load() || forks_ != forks.load();
    };
    while (!wait_awake(over, 200)) poll();
    if (meetings_.load() == before) throw Poll::Ended();
}

}  // namespace rnnfast
