// What a LanguageModel owns.
#pragma once

#include <mutex>
#include <shared_mutex>

#include "model/network.hpp"

namespace rnnfast {

template <class T>
struct LanguageModel<T>::Impl {
    explicit Impl(const LanguageModelConfig& config) : network(config) {}

    Network<T> network;
    OptimizerState<T> optimizer;
    std::uint64_t epochs_begun = 0;

    // Readers of the weights hold `weights` shared, writers alone; one fit at a time holds `fitting`.
    mutable std::shared_mutex weights;
    std::mutex fitting;
};

/// Throws std::invalid_argument where tokens [rows, steps] has one outside -1 to V - 1; names the first.
void check_tokens(const char* argument, Index rows, Index steps, const std::int32_t* tokens, Index V);

/// [rows, steps] -> [steps, rows], for rows order[0], order[1] ...; null order: 0, 1 ...
void to_time_major(Index rows, Index steps, Index row_stride, const std::int32_t* in, const Index* order,
                   std::int32_t* out) noexcept;

}  // namespace rnnfast
