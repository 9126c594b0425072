// A dense layer: y = x W + b over rows.
#pragma once

#include "rnnfast/buffer.hpp"
#include "rnnfast/index.hpp"
#include "rnnfast/poll.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

template <class T>
class Dense {
public:
    /// Sizes at least 1, else std::invalid_argument; throws std::bad_alloc. `transposed`: W and dW are [outputs,
    /// inputs] below, as an embedding that shares its weights has them.
    Dense(Index input_size, Index output_size, bool transposed = false);

    Index input_size() const noexcept { return inputs_; }
    Index output_size() const noexcept { return outputs_; }

    /// Takes new weights: W [inputs, outputs] is copied; b [outputs] is read where it is: keep it alive and unchanged
    /// until the next prepare. Throws std::bad_alloc. Must come before forward and backward.
    void prepare(const T* W, const T* b, bool for_backward, Threads& threads);

    /// x [rows, inputs] -> y [rows, outputs].
    void forward(Index rows, const T* x, T* y, Threads& threads, Poll& poll) const;

    /// Numbers of scratch (worthless after the call) that backward needs.
    Index backward_scratch(Index rows) const noexcept;

    /// dx [rows, inputs] is written; dW [inputs, outputs] and db [outputs] are added to.
    void backward(Index rows, const T* x, const T* dy, T* dx, T* dW, T* db, T* scratch, Threads& threads,
                  Poll& poll) const;

private:
    Index inputs_, outputs_;
    bool is_transposed_;
    const T* b_ = nullptr;
    Buffer<T> panels_, transposed_;
};

extern template class Dense<float>;
extern template class Dense<double>;

}  // namespace rnnfast
