// Tokens on their way in: checked, and laid out time-major.
#pragma once

#include <cstdint>

#include "rnnfast/index.hpp"

namespace rnnfast {

/// Throws std::invalid_argument unless -1 <= token < V.
void check_token(const char* argument, std::int32_t token, Index V);

/// The same for tokens [rows, steps]; names the first that is not, by its row counted from `first_row`.
void check_tokens(const char* argument, Index rows, Index steps, const std::int32_t* tokens, Index V,
                  Index first_row = 0);

/// [rows, steps] -> [steps, rows], for rows order[0], order[1] ...; null order: 0, 1 ...
void to_time_major(Index rows, Index steps, Index row_stride, const std::int32_t* in, const Index* order,
                   std::int32_t* out) noexcept;

}  // namespace rnnfast
