// How the threads divide flat arrays among them.
#pragma once

#include "rnnfast/threads.hpp"

namespace rnnfast {

/// body(part, first number, how many) for every part (which has a size n), each thread for its own numbers of it:
/// whole cache lines.
template <class Parts, class Body>
void in_shares(const Parts& parts, Threads& threads, Body body) {
    Poll none;
    threads.run(none, [&](Index rank, Poll&) {
        for (const auto& part : parts) {
            const auto own = threads.share(part.n, 16, rank);
            body(part, own.begin, own.size());
        }
    });
}

}  // namespace rnnfast
