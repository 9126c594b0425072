#include <stdexcept>
#include <string>
#include <unordered_map>

#include "rnnfast/constraint.hpp"

namespace rnnfast {

ConstraintProduct multiply(Index V, const std::int32_t* first, std::int32_t first_start, const std::int32_t* second,
                           std::int32_t second_start, Index second_states, Index most_states, Poll& poll) {
    ConstraintProduct product;
    std::unordered_map<Index, std::int32_t> numbers;
    const auto number = [&](std::int32_t a, std::int32_t b) {
        const auto [entry, is_new] =
            numbers.emplace(a * second_states + b, static_cast<std::int32_t>(product.states.size()));
        if (is_new) {
            if (static_cast<Index>(product.states.size()) >= most_states)
                throw std::length_error("the product of the constraints has more than " + std::to_string(most_states) +
                                        " states");
            product.states.emplace_back(a, b);
        }
        return entry->second;
    };
    number(first_start, second_start);
    for (std::size_t i = 0; i < product.states.size(); ++i, poll(16 * V)) {
        const auto [a, b] = product.states[i];
        for (Index j = 0; j < V; ++j) {
            const std::int32_t then_a = first[a * V + j], then_b = second[b * V + j];
            product.next.push_back(then_a < 0 || then_b < 0 ? -1 : number(then_a, then_b));
        }
    }
    return product;
}

}  // namespace rnnfast
