#include "rnnfast/embedding_layer.hpp"

#include <algorithm>

#include "core/float_control.hpp"
#include "model/initialise.hpp"
#include "model/tokens.hpp"
#include "model/weights.hpp"
#include "rnnfast/embedding.hpp"

namespace rnnfast {

template <class T>
struct EmbeddingLayer<T>::Impl : Trainable<T>::Weights {
    explicit Impl(const Embedding<T>& layer)
        : Trainable<T>::Weights({{"W", {layer.vocab_size(), layer.embedding_size()}}}), embedding(layer) {}

    void prepare(bool) override {}  // rows are read where they are

    const T* W() const { return this->parameters.views()[0].data; }

    // Multiply-adds that take as long as so many rows.
    double row_work(Index rows) const {
        return static_cast<double>(rows) * static_cast<double>(embedding.embedding_size());
    }

    Embedding<T> embedding;
};

template <class T>
EmbeddingLayer<T>::EmbeddingLayer(Index vocab_size, Index embedding_size, std::uint64_t seed, Poll& poll)
    : EmbeddingLayer(std::make_shared<Impl>(Embedding<T>(vocab_size, embedding_size))) {
    const FloatScope scope;
    initialise(impl_->parameters, seed, 0, poll);
}

template <class T>
EmbeddingLayer<T>::EmbeddingLayer(std::shared_ptr<Impl> impl) : Trainable<T>(impl), impl_(impl.get()) {}

template <class T>
Index EmbeddingLayer<T>::vocab_size() const noexcept {
    return impl_->embedding.vocab_size();
}

template <class T>
Index EmbeddingLayer<T>::embedding_size() const noexcept {
    return impl_->embedding.embedding_size();
}

template <class T>
void EmbeddingLayer<T>::forward(Index rows, const std::int32_t* tokens, T* y, Index num_threads, Poll& poll) const {
    check_tokens("tokens", 1, rows, tokens, vocab_size());
    Threads threads(choose_threads(num_threads, impl_->row_work(rows)));
    const ReadLock lock(impl_->mutex, poll);
    impl_->embedding.forward(rows, tokens, impl_->W(), y, threads, poll);
}

template <class T>
void EmbeddingLayer<T>::backward(Index rows, const std::int32_t* tokens, const T* dy, T* dW, Index num_threads,
                                 Poll& poll) const {
    check_tokens("tokens", 1, rows, tokens, vocab_size());
    Threads threads(choose_threads(num_threads, impl_->row_work(rows)));
    std::fill_n(dW, vocab_size() * embedding_size(), T(0));
    impl_->embedding.backward(rows, tokens, dy, dW, threads, poll);
}

template class EmbeddingLayer<float>;
template class EmbeddingLayer<double>;

}  // namespace rnnfast
