// Waiting for a model's weights: interruptible, and refused where the thread would wait for itself.
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <vector>

#include "rnnfast/poll.hpp"

namespace rnnfast {

using WeightsMutex = std::shared_timed_mutex;

/// The mutexes that this thread holds, for reading or for writing.
inline std::vector<const WeightsMutex*>& held() {
    thread_local std::vector<const WeightsMutex*> mutexes;
    return mutexes;
}

/// Holds the mutex as `Lock` (std::shared_lock or std::unique_lock) does. A call that comes out of a poll's hook while
/// this thread holds it (a signal handler that uses the model, say) throws std::runtime_error instead of waiting for
/// ever.
template <class Lock>
class WeightsLock {
public:
    WeightsLock(WeightsMutex& mutex, Poll& poll) : mutex_(&mutex), lock_(mutex, std::defer_lock) {
        if (std::find(held().begin(), held().end(), mutex_) != held().end())
            throw std::runtime_error("this model is at work: the call comes from inside another one of this thread");
        while (!lock_.try_lock_for(std::chrono::milliseconds(10))) poll();
        held().push_back(mutex_);
    }
    ~WeightsLock() { held().erase(std::find(held().begin(), held().end(), mutex_)); }
    WeightsLock(const WeightsLock&) = delete;
    WeightsLock& operator=(const WeightsLock&) = delete;

private:
    const WeightsMutex* mutex_;
    Lock lock_;
};

using ReadLock = WeightsLock<std::shared_lock<WeightsMutex>>;
using WriteLock = WeightsLock<std::unique_lock<WeightsMutex>>;

}  // namespace rnnfast
