// What a recurrent layer reads.
#pragma once

#include <cstdint>

namespace rnnfast {

/// Either tokens [T, N], where a token stands for its one-hot vector and -1 for zeros, or dense numbers [T, N, D]. The
/// other pointer is null.
template <class T>
struct LayerInput {
    const std::int32_t* tokens = nullptr;
    const T* dense = nullptr;
};

}  // namespace rnnfast
