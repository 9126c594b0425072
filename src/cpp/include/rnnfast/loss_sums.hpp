// What losses are summed up in.
#pragma once

#include <cstdint>

namespace rnnfast {

/// Sums over the rows whose target counts.
struct LossSums {
    double loss = 0;         ///< nats
    std::int64_t count = 0;  ///< targets that count: not -1
    std::int64_t correct =
        0;  ///< rows whose largest logit (the first of equals) is the target's, but with a NaN or inf

    LossSums& operator+=(const LossSums& other) noexcept {
        loss += other.loss;
        count += other.count;
        correct += other.correct;
        return *this;
    }
};

}  // namespace rnnfast
