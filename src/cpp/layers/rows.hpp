// Copies between arrays whose rows lie in another order.
#pragma once

#include <algorithm>
#include <vector>

#include "rnnfast/index.hpp"
#include "rnnfast/poll.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

/// Some columns of an array: row r begins at data + r * stride.
template <class T>
struct Rows {
    T* data;
    Index stride;
    T* operator[](Index row) const noexcept { return data + row * stride; }
};

/// body(row) for all rows, shared out among the threads.
template <class Body>
void for_rows(Index rows, Index columns, Threads& threads, Poll& poll, Body body) {
    threads.run(poll, [&](Index rank, Poll& own) {
        const auto part = threads.share(rows, 1, rank);
        for (Index row = part.begin; row < part.end; ++row) {
            own(columns);
            body(row);
        }
    });
}

/// to[row] = from[places[row]], or from[row] where places is empty.
template <class T>
void gather_rows(const std::vector<Index>& places, Index rows, Index columns, Rows<const T> from, Rows<T> to,
                 Threads& threads, Poll& poll) {
    for_rows(rows, columns, threads, poll, [&](Index row) {
        std::copy_n(from[places.empty() ? row : places[static_cast<std::size_t>(row)]], columns, to[row]);
    });
}

/// to[places[row]] = from[row], or to[row] where places is empty.
template <class T>
void scatter_rows(const std::vector<Index>& places, Index rows, Index columns, Rows<const T> from, Rows<T> to,
                  Threads& threads, Poll& poll) {
    for_rows(rows, columns, threads, poll, [&](Index row) {
        std::copy_n(from[row], columns, to[places.empty() ? row : places[static_cast<std::size_t>(row)]]);
    });
}

}  // namespace rnnfast
