// A dense layer with parameters of its own, for nets that are put together outside.
#pragma once

#include <cstdint>

#include "rnnfast/index.hpp"
#include "rnnfast/trainable.hpp"

namespace rnnfast {

/// parameters(): W [inputs, outputs], b [outputs].
template <class T>
class DenseLayer : public Trainable<T> {
public:
    /// W Glorot-uniform as `seed` decides, b zero. Sizes at least 1, else std::invalid_argument; throws std::bad_alloc.
    DenseLayer(Index input_size, Index output_size, std::uint64_t seed, Poll& poll);

    Index input_size() const noexcept;
    Index output_size() const noexcept;

    /// x [rows, inputs] -> y [rows, outputs]. Returns what backward asks for: which change of the parameters it was.
    /// num_threads: 0 for as many as pay.
    std::uint64_t forward(Index rows, const T* x, T* y, Index num_threads, Poll& poll) const;

    /// dx [rows, inputs], dW [inputs, outputs] and db [outputs] are written. Throws std::logic_error where parameters
    /// have changed since forward, std::bad_alloc and what `poll` throws.
    void backward(std::uint64_t forward, Index rows, const T* x, const T* dy, T* dx, T* dW, T* db, Index num_threads,
                  Poll& poll) const;

private:
    struct Impl;
    Impl* impl_;  // the base's weights
    explicit DenseLayer(std::shared_ptr<Impl> impl);
};

extern template class DenseLayer<float>;
extern template class DenseLayer<double>;

}  // namespace rnnfast
