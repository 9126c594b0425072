// Argument checks of the public entry points. Messages name the argument, what came and what was expected.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>

#include "rnnfast/index.hpp"

namespace rnnfast {

/// A number as a person would write it.
inline std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", value);
    return text;
}

inline Index at_least(const char* argument, Index value, Index least) {
    if (value < least)
        throw std::invalid_argument(std::string(argument) + " is " + std::to_string(value) + ", expected at least " +
                                    std::to_string(least));
    return value;
}

inline Index at_most(const char* argument, Index value, Index most) {
    if (value > most)
        throw std::invalid_argument(std::string(argument) + " is " + std::to_string(value) + ", expected at most " +
                                    std::to_string(most));
    return value;
}

}  // namespace rnnfast
