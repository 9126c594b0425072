// What a LanguageModel owns.
#pragma once

#include <atomic>
#include <memory>

#include "model/lock.hpp"
#include "model/network.hpp"

namespace rnnfast {

template <class T>
struct LanguageModel<T>::Impl {
    explicit Impl(const LanguageModelConfig& config) : network(config) {}

    Network<T> network;
    OptimizerState<T> optimizer;
    std::uint64_t epochs_begun = 0;
    std::shared_ptr<void> training_memory;  // of the last fit (model/fit.cpp); `fitting` guards it

    // Readers of any of the above hold a ReadLock, writers a WriteLock; one fit at a time is `fitting`.
    mutable WeightsMutex weights;
    std::atomic_flag fitting = ATOMIC_FLAG_INIT;
};

}  // namespace rnnfast
