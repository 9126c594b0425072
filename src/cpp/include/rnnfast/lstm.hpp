// One LSTM layer over a whole sequence, forward and backward.
//
//   a = x W + h(t-1) R + b   [4H], in the order i f g o
//   i, f, o = sigmoid(a_i, a_f, a_o)   g = tanh(a_g)   c = f c(t-1) + i g   h = o tanh(c)
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

/// What backward writes. dW [D, 4H], dR [H, 4H], db [4H] are added to; dx [T, N, D] is written, null where not wanted
/// (and for tokens). dh and dc [N, H]: in, the gradient on each sequence's final state; out, on its initial state.
template <class T>
struct LstmGradients {
    T* dW;
    T* dR;
    T* db;
    T* dx;
    T* dh;
    T* dc;
};

template <class T>
class Lstm {
public:
    /// D and H at least 1, else std::invalid_argument; throws std::bad_alloc.
    Lstm(Index input_size, Index hidden_size);

    Index input_size() const noexcept { return D_; }
    Index hidden_size() const noexcept { return H_; }

    /// Takes new weights: W [D, 4H], R [H, 4H], b [4H]. Copies them into the layout that the kernels read, but b is
    /// always, and W for tokens, read from where it is: keep them alive and unchanged until the next prepare.
    /// `tokens_only`: the input will be tokens, which spares the copy of W. `for_backward` makes the transposed copies;
    /// once made they are kept up to date. Throws std::bad_alloc. Must come before all that follows, and none of these
    /// checks more than it says: sizes, pointers and tokens are the caller's.
    void prepare(const T* W, const T* R, const T* b, bool tokens_only, bool for_backward, Threads& threads);

    /// h and c [T + 1, N, H]: slot 0 in, the rest out. gates [T, N, 4H] out: the workspace for backward.
    /// Throws only what `poll` throws; h, c and gates are then partly written.
    void forward(const Packing& packing, LayerInput<T> x, T* h, T* c, T* gates, Threads& threads, Poll& poll) const;

    /// Time step t: h_prev and c_prev [N, H] -> h and c [N, H]; c may be c_prev. gates [N, 4H] is written, too. The
    /// same bits as forward's; odd steps go through the weights backwards, so that some are still in the cache. Throws
    /// only what `poll` throws.
    void step(Index t, Index batch, LayerInput<T> x, const T* h_prev, const T* c_prev, T* h, T* c, T* gates,
              Poll& poll) const;

    /// Numbers of scratch (worthless after the call) that backward needs.
    Index backward_scratch(const Packing& packing) const noexcept;

    /// After forward with the same weights. dh_out [T, N, H] is the gradient on h[1:] from above. gates: in, forward's;
    /// out, the gradient on a. Throws only what `poll` throws; the outputs are then partly written.
    void backward(const Packing& packing, LayerInput<T> x, const T* h, const T* c, const T* dh_out, T* gates,
                  const LstmGradients<T>& gradients, T* scratch, Threads& threads, Poll& poll) const;

private:
    struct Part;  // of a time step: some rows, some blocks of units
    void step_part(const Part& part, LayerInput<T> x, const T* h_prev, const T* c_prev, T* h, T* c, T* gates,
                   Poll& poll) const;

    Index D_, H_;
    const T* W_ = nullptr;
    const T* b_ = nullptr;
    Buffer<T> W_panels_, R_panels_, W_transposed_, R_transposed_;
};

extern template class Lstm<float>;
extern template class Lstm<double>;

}  // namespace rnnfast
