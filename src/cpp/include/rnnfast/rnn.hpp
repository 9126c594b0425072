// One layer of the basic recurrent network (Elman 1990) over a whole sequence, forward and backward.
//
//   a = x W + h(t-1) R + b   [H]
//   h = tanh(a) or relu(a)
//
// Everything is row-major and time-major. Arrays are the caller's; none may overlap another unless said. Shapes are
// those of a batch whose sequences all run through T steps; where they do not, rnnfast/packing.hpp says which rows
// there are.
#pragma once

#include "rnnfast/buffer.hpp"
#include "rnnfast/index.hpp"
#include "rnnfast/layer_input.hpp"
#include "rnnfast/packing.hpp"
#include "rnnfast/poll.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

/// relu(a) = 0 > a ? 0 : a: NaN stays NaN, and -0 stays -0. Its slope at 0 is 0.
enum class Nonlinearity { tanh, relu };

/// What backward writes. dW [D, H], dR [H, H], db [H] are added to; dx [T, N, D] is written, null where not wanted (and
/// for tokens). dh [N, H]: in, the gradient on each sequence's final state; out, on its initial state.
template <class T>
struct RnnGradients {
    T* dW;
    T* dR;
    T* db;
    T* dx;
    T* dh;
};

template <class T>
class Rnn {
public:
    /// D and H at least 1, else std::invalid_argument.
    Rnn(Index input_size, Index hidden_size, Nonlinearity nonlinearity);

    Index input_size() const noexcept { return D_; }
    Index hidden_size() const noexcept { return H_; }

    /// Takes new weights: W [D, H], R [H, H], b [H]. Copies them into the layout that the kernels read, but b is
    /// always, and W for tokens, read from where it is: keep them alive and unchanged until the next prepare.
    /// `tokens_only`: the input will be tokens, which spares the copy of W. `for_backward` makes the transposed copies;
    /// once made they are kept up to date. Throws std::bad_alloc. Must come before forward and backward, and none of
    /// the three checks more than it says: sizes, pointers and tokens are the caller's.
    void prepare(const T* W, const T* R, const T* b, bool tokens_only, bool for_backward, Threads& threads);

    /// h [T + 1, N, H]: slot 0 in, the rest out; it is all that backward needs.
    /// Throws only what `poll` throws; h is then partly written.
    void forward(const Packing& packing, LayerInput<T> x, T* h, Threads& threads, Poll& poll) const;

    /// One time step: h_prev [N, H] -> h [N, H]. The same bits as forward's. Throws only what `poll` throws.
    void step(Index batch, LayerInput<T> x, const T* h_prev, T* h, Poll& poll) const;

    /// Numbers of scratch (worthless after the call) that backward needs.
    Index backward_scratch(const Packing& packing) const noexcept;

    /// After forward with the same weights. da [T, N, H]: in, the gradient on h[1:] from above; out, on a.
    /// Throws only what `poll` throws; the outputs are then partly written.
    void backward(const Packing& packing, LayerInput<T> x, const T* h, T* da, const RnnGradients<T>& gradients,
                  T* scratch, Threads& threads, Poll& poll) const;

private:
    void step_rows(Index rows, const std::int32_t* tokens, const T* h_prev, T* h, Poll& poll) const;

    Index D_, H_;
    Nonlinearity nonlinearity_;
    const T* W_ = nullptr;
    const T* b_ = nullptr;
    Buffer<T> W_panels_, R_panels_, W_transposed_, R_transposed_;
};

extern template class Rnn<float>;
extern template class Rnn<double>;

}  // namespace rnnfast
