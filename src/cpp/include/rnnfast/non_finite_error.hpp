#pragma once

#include <stdexcept>

namespace rnnfast {

/// A loss, gradient or logit that is not a finite number where one is needed.
struct NonFiniteError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace rnnfast
