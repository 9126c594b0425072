// One LSTM layer over a whole sequence, forward and backward.
//
//   a = x W + h(t-1) R + b   [4H], in the order i f g o
//   i, f, o = sigmoid(a_i, a_f, a_o)   g = tanh(a_g)   c = f c(t-1) + i g   h = o tanh(c)
//
// Everything is row-major and time-major. Arrays are the caller's; none may overlap another unless said. Shapes are
// those of a batch whose sequences all run through T steps; where they do not, rnnfast/packing.hpp says which rows
// there are. G is the number of gates with weights of their own, 4 or 3, and P the size of h: H but with a projection.
#pragma once

#include "rnnfast/buffer.hpp"
#include "rnnfast/index.hpp"
#include "rnnfast/layer_input.hpp"
#include "rnnfast/packing.hpp"
#include "rnnfast/poll.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

/// What an LSTM may have besides, in any combination.
struct LstmOptions {
    Index projection_size = 0;  ///< if not 0, P: h = (o tanh(c)) Q (Sak, Senior & Beaufays 2014)
    bool peephole = false;      ///< p_i c(t-1), p_f c(t-1), p_o c are added to a_i, a_f, a_o (Gers & Schmidhuber 2000)
    bool coupled = false;       ///< f = 1 - i, and the order is i g o (Greff et al. 2017)
};

/// W [D, G H], R [P, G H], b [G H]; peephole [(G - 1) H] in the order p_i p_f p_o, coupled p_i p_o; projection Q [H,
/// P]. The last two are null where there are none.
template <class T>
struct LstmWeights {
    const T* W;
    const T* R;
    const T* b;
    const T* peephole = nullptr;
    const T* projection = nullptr;
};

/// What backward writes. Those of the weights, of their shapes, are added to; dx [T, N, D] is written, null where not
/// wanted (and for tokens). dh [N, P] and dc [N, H]: in, the gradient on each sequence's final state; out, on its
/// initial state.
template <class T>
struct LstmGradients {
    T* dW;
    T* dR;
    T* db;
    T* dx;
    T* dh;
    T* dc;
    T* dpeephole = nullptr;
    T* dprojection = nullptr;
};

template <class T>
class Lstm {
public:
    /// D and H at least 1, projection_size at least 0, else std::invalid_argument.
    Lstm(Index input_size, Index hidden_size, const LstmOptions& options = {});

    Index input_size() const noexcept { return D_; }
    Index hidden_size() const noexcept { return H_; }
    Index output_size() const noexcept { return P_; }  ///< P
    Index gates_size() const noexcept { return G_; }   ///< G H
    const LstmOptions& options() const noexcept { return options_; }

    /// Takes new weights. Copies them into the layout that the kernels read, but b and peephole are always, and W for
    /// tokens, read from where they are: keep them alive and unchanged until the next prepare. `tokens_only`: the input
    /// will be tokens, which spares the copy of W. `for_backward` makes the transposed copies; once made they are kept
    /// up to date. Throws std::bad_alloc. Must come before all that follows, and none of these checks more than it
    /// says: sizes, pointers and tokens are the caller's.
    void prepare(const LstmWeights<T>& weights, bool tokens_only, bool for_backward, Threads& threads);

    /// Numbers that `rows` rows (all time steps') leave in `gates` for backward: the gates [rows, G H], then, with a
    /// projection, o tanh(c) [rows, H].
    Index workspace(Index rows) const noexcept { return rows * (G_ + (projects() ? H_ : 0)); }

    /// h [T + 1, N, P] and c [T + 1, N, H]: slot 0 in, the rest out. gates [workspace(T N)] out.
    /// Throws only what `poll` throws; h, c and gates are then partly written.
    void forward(const Packing& packing, LayerInput<T> x, T* h, T* c, T* gates, Threads& threads, Poll& poll) const;

    /// Time step t: h_prev [N, P] and c_prev [N, H] -> h and c; c may be c_prev. gates [workspace(N)] is written, too.
    /// The same bits as forward's; odd steps go through the weights backwards, so that some are still in the cache.
    /// Throws only what `poll` throws.
    void step(Index t, Index batch, LayerInput<T> x, const T* h_prev, const T* c_prev, T* h, T* c, T* gates,
              Poll& poll) const;

    /// Numbers of scratch (worthless after the call) that backward needs.
    Index backward_scratch(const Packing& packing) const noexcept;

    /// After forward with the same weights. dh_out [T, N, P] is the gradient on h[1:] from above. gates: in, forward's;
    /// out, the gradient on a [T, N, G H]. Throws only what `poll` throws; the outputs are then partly written.
    void backward(const Packing& packing, LayerInput<T> x, const T* h, const T* c, const T* dh_out, T* gates,
                  const LstmGradients<T>& gradients, T* scratch, Threads& threads, Poll& poll) const;

private:
    bool projects() const noexcept { return options_.projection_size > 0; }
    bool has_options() const noexcept { return projects() || options_.peephole || options_.coupled; }

    struct Step;          // the arrays of a time step
    struct StepBackward;  // of a time step backward
    struct Part;          // of a time step: some rows, some blocks of units
    struct Scratch;
    void step_fused(const Part& part, const Step& step, Poll& poll) const;
    void step_with_options(Threads::Range rows, const Step& step, Poll& poll) const;
    void step_backward_with_options(Index rows, const StepBackward& step, Poll& poll) const;
    void add_peephole_gradient(const Packing& packing, const T* c, const T* da, T* dpeephole, Threads::Range units,
                               Poll& poll) const;

    Index D_, H_, P_, G_;
    LstmOptions options_;
    const T* W_ = nullptr;
    const T* b_ = nullptr;
    const T* peephole_ = nullptr;
    Buffer<T> W_panels_, R_panels_, Q_panels_, W_transposed_, R_transposed_, Q_transposed_;
};

extern template class Lstm<float>;
extern template class Lstm<double>;

}  // namespace rnnfast
