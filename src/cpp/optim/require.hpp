// The checks of an optimiser's settings.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "core/check.hpp"

namespace rnnfast {

inline void require(bool fine, const char* field, const std::string& value, const char* expected) {
    if (!fine)
        throw std::invalid_argument(std::string("optimizer: ") + field + " is " + value + ", expected " + expected);
}
inline void require(bool fine, const char* field, double value, const char* expected) {
    require(fine, field, number(value), expected);
}
inline void require(bool fine, const char* field, std::int64_t value, const char* expected) {
    require(fine, field, std::to_string(value), expected);
}

}  // namespace rnnfast
