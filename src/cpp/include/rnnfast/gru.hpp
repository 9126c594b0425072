// One GRU layer over a whole sequence, forward and backward.
//
//   a = x W + b   [3H], in the order r z n, to which the state's part is added
//   r, z = sigmoid(a_r + h(t-1) R_r, a_z + h(t-1) R_z)   h = (1 - z) n + z h(t-1)
//   reset after the recurrent product (cuDNN, PyTorch):   n = tanh(a_n + r u),   u = h(t-1) R_n + b_Rn
//   reset before it (Cho et al. 2014):                    n = tanh(a_n + u R_n), u = r h(t-1)
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

/// What backward writes. dW [D, 3H], dR [H, 3H], db [3H] and, with reset after, db_Rn [H] are added to; dx [T, N, D] is
/// written, null where not wanted (and for tokens). dh [N, H]: in, the gradient on each sequence's final state; out, on
/// its initial state.
template <class T>
struct GruGradients {
    T* dW;
    T* dR;
    T* db;
    T* db_Rn;
    T* dx;
    T* dh;
};

template <class T>
class Gru {
public:
    /// D and H at least 1, else std::invalid_argument.
    Gru(Index input_size, Index hidden_size, bool reset_after);

    Index input_size() const noexcept { return D_; }
    Index hidden_size() const noexcept { return H_; }
    bool reset_after() const noexcept { return reset_after_; }

    /// Takes new weights: W [D, 3H], R [H, 3H], b [3H] and, with reset after, b_Rn [H]. Copies them into the layout
    /// that the kernels read, but b and b_Rn are always, and W for tokens, read from where they are: keep them alive
    /// and unchanged until the next prepare. `tokens_only`: the input will be tokens, which spares the copy of W.
    /// `for_backward` makes the transposed copies; once made they are kept up to date. Throws std::bad_alloc. Must come
    /// before forward and backward, and none of the three checks more than it says: sizes, pointers and tokens are the
    /// caller's.
    void prepare(const T* W, const T* R, const T* b, const T* b_Rn, bool tokens_only, bool for_backward,
                 Threads& threads);

    /// h [T + 1, N, H]: slot 0 in, the rest out. gates [T, N, 3H] and u [T, N, H] out: the workspace for backward.
    /// Throws only what `poll` throws; h, gates and u are then partly written.
    void forward(const Packing& packing, LayerInput<T> x, T* h, T* gates, T* u, Threads& threads, Poll& poll) const;

    /// One time step: h_prev [N, H] -> h [N, H]; gates [N, 3H] and u [N, H] are written, too. The same bits as
    /// forward's. Throws only what `poll` throws.
    void step(Index batch, LayerInput<T> x, const T* h_prev, T* h, T* gates, T* u, Poll& poll) const;

    /// Numbers of scratch (worthless after the call) that backward needs.
    Index backward_scratch(const Packing& packing) const noexcept;

    /// After forward with the same weights. dh_out [T, N, H] is the gradient on h[1:] from above. gates: in, forward's;
    /// out, the gradient on a. u: in, forward's; out, with reset after, the gradient on it.
    /// Throws only what `poll` throws; the outputs are then partly written.
    void backward(const Packing& packing, LayerInput<T> x, const T* h, const T* dh_out, T* gates, T* u,
                  const GruGradients<T>& gradients, T* scratch, Threads& threads, Poll& poll) const;

private:
    void step_rows(Index rows, const std::int32_t* tokens, const T* h_prev, T* h, T* gates, T* u, Poll& poll) const;

    Index D_, H_;
    bool reset_after_;
    const T* W_ = nullptr;
    const T* b_ = nullptr;
    const T* b_Rn_ = nullptr;
    Buffer<T> W_panels_, R_rz_panels_, R_n_panels_, W_transposed_, R_rz_transposed_, R_n_transposed_;
};

extern template class Gru<float>;
extern template class Gru<double>;

}  // namespace rnnfast
