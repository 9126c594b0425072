#include "model/tokens.hpp"

#include <stdexcept>
#include <string>

namespace rnnfast {
namespace {

[[noreturn]] void refuse(const std::string& what, std::int32_t token, Index V) {
    throw std::invalid_argument(what + " is " + std::to_string(token) + ", expected a token from 0 to " +
                                std::to_string(V - 1) + ", or -1 for none");
}

}  // namespace

void check_token(const char* argument, std::int32_t token, Index V) {
    if (token < -1 || token >= V) refuse(argument, token, V);
}

void check_tokens(const char* argument, Index rows, Index steps, const std::int32_t* tokens, Index V, Index first_row) {
    for (Index i = 0; i < rows * steps; ++i)
        if (tokens[i] < -1 || tokens[i] >= V)
            refuse(std::string(argument) + "[" + std::to_string(first_row + i / steps) + ", " +
                       std::to_string(i % steps) + "]",
                   tokens[i], V);
}

void to_time_major(Index rows, Index steps, Index row_stride, const std::int32_t* in, const Index* order,
                   std::int32_t* out) noexcept {
    for (Index n = 0; n < rows; ++n) {
        const std::int32_t* row = in + (order ? order[n] : n) * row_stride;
        for (Index t = 0; t < steps; ++t) out[t * rows + n] = row[t];
    }
}

}  // namespace rnnfast
