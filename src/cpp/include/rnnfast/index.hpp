// The type of every size and index: signed, so that a negative size can be seen and refused.
#pragma once

#include <cstddef>

namespace rnnfast {

using Index = std::ptrdiff_t;

}  // namespace rnnfast
