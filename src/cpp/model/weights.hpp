// The parameters of a layer that has its own, the lock over them, and what must follow a change.
#pragma once

#include <atomic>
#include <cstdint>
#include <stdexcept>

#include "model/lock.hpp"
#include "rnnfast/parameters.hpp"
#include "rnnfast/trainable.hpp"

namespace rnnfast {

template <class T>
struct Trainable<T>::Weights {
    explicit Weights(const std::vector<ParameterShape>& shapes) : parameters(shapes) {}
    virtual ~Weights() = default;
    Weights(const Weights&) = delete;
    Weights& operator=(const Weights&) = delete;

    /// Takes the parameters as they are now: packs them. Once done for_backward, always so.
    virtual void prepare(bool for_backward) = 0;

    void ready_for_backward(Poll& poll) {
        if (prepared_for_backward) return;
        const WriteLock lock(mutex, poll);
        prepare(true);
        prepared_for_backward = true;
    }

    /// With the mutex held.
    void expect_no_change_since(std::uint64_t forward) const {
        if (forward != changes) throw std::logic_error("backward: the parameters have changed since forward");
    }

    /// Multiply-adds of so many rows forward.
    double work(Index rows) const { return static_cast<double>(parameters.flat().size()) * static_cast<double>(rows); }

    Parameters<T> parameters;
    std::atomic<bool> prepared_for_backward{false};
    std::uint64_t changes = 0;
    mutable WeightsMutex mutex;
};

}  // namespace rnnfast
