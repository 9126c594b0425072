#include "rnnfast/embedding.hpp"

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "core/products.hpp"

namespace rnnfast {

template <class T>
Embedding<T>::Embedding(Index vocab_size, Index embedding_size)
    : V_(at_least("Embedding: vocab_size", vocab_size, 1)),
      E_(at_least("Embedding: embedding_size", embedding_size, 1)),
      zeros_(embedding_size) {}

template <class T>
void Embedding<T>::forward(Index rows, const std::int32_t* tokens, const T* W, T* y, Threads& threads,
                           Poll& poll) const {
    const FloatScope scope;
    threads.run(poll, [&](Index rank, Poll& own) {
        const auto part = threads.share(rows, 1, rank);
        in_blocks(part.size(), E_, own, [&](Index row, Index count) {
            active_kernels<T>().gather(count, E_, tokens + part.begin + row, W, zeros_.data(),
                                       y + (part.begin + row) * E_);
        });
    });
}

template <class T>
void Embedding<T>::backward(Index rows, const std::int32_t* tokens, const T* dy, T* dW, Threads& threads,
                            Poll& poll) const {
    const FloatScope scope;
    threads.run(poll, [&](Index rank, Poll& own) {
        const auto columns = threads.share(E_, 16, rank);  // of all rows, so that no sum is split
        in_blocks(rows, columns.size(), own, [&](Index row, Index count) {
            active_kernels<T>().scatter_add(count, columns.size(), E_, tokens + row, dy + row * E_ + columns.begin,
                                            dW + columns.begin);
        });
    });
}

template class Embedding<float>;
template class Embedding<double>;

}  // namespace rnnfast
