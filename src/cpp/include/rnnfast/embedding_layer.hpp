// An embedding with parameters of its own, for nets that are put together outside.
#pragma once

#include <cstdint>

#include "rnnfast/index.hpp"
#include "rnnfast/trainable.hpp"

namespace rnnfast {

/// parameters(): W [V, E].
template <class T>
class EmbeddingLayer : public Trainable<T> {
public:
    /// W Glorot-uniform as `seed` decides. Sizes at least 1, else std::invalid_argument; throws std::bad_alloc.
    EmbeddingLayer(Index vocab_size, Index embedding_size, std::uint64_t seed, Poll& poll);

    Index vocab_size() const noexcept;
    Index embedding_size() const noexcept;

    /// y [rows, E]: the rows of W that the tokens name, zeros for -1. num_threads: 0 for as many as pay. Throws
    /// std::invalid_argument for tokens outside [-1, V), and what `poll` throws.
    void forward(Index rows, const std::int32_t* tokens, T* y, Index num_threads, Poll& poll) const;

    /// dW [V, E] is written; tokens as in forward.
    void backward(Index rows, const std::int32_t* tokens, const T* dy, T* dW, Index num_threads, Poll& poll) const;

private:
    struct Impl;
    Impl* impl_;  // the base's weights
    explicit EmbeddingLayer(std::shared_ptr<Impl> impl);
};

extern template class EmbeddingLayer<float>;
extern template class EmbeddingLayer<double>;

}  // namespace rnnfast
