// An embedding: a token takes its row of a table.
#pragma once

#include <cstdint>

#include "rnnfast/buffer.hpp"
#include "rnnfast/index.hpp"
#include "rnnfast/poll.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

template <class T>
class Embedding {
public:
    /// V tokens, rows of E numbers; both at least 1, else std::invalid_argument; throws std::bad_alloc.
    Embedding(Index vocab_size, Index embedding_size);

    Index vocab_size() const noexcept { return V_; }
    Index embedding_size() const noexcept { return E_; }

    /// y [rows, E] = W [V, E] by token; zeros for the token -1. Tokens are not checked.
    void forward(Index rows, const std::int32_t* tokens, const T* W, T* y, Threads& threads, Poll& poll) const;

    /// dW [V, E] += dy [rows, E], rows ascending.
    void backward(Index rows, const std::int32_t* tokens, const T* dy, T* dW, Threads& threads, Poll& poll) const;

private:
    Index V_, E_;
    Buffer<T> zeros_;
};

extern template class Embedding<float>;
extern template class Embedding<double>;

}  // namespace rnnfast
