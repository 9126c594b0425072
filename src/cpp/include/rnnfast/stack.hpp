// Recurrent layers on top of each other, of any cell, in one direction or both, with dropout between them.
//
// The output of layer l, or of its two directions side by side, is the input of layer l + 1. The reverse direction
// reads each segment from its end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "rnnfast/index.hpp"
#include "rnnfast/layer_input.hpp"
#include "rnnfast/lstm.hpp"
#include "rnnfast/parameters.hpp"
#include "rnnfast/poll.hpp"
#include "rnnfast/random.hpp"
#include "rnnfast/segments.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

enum class Cell { rnn_tanh, rnn_relu, gru, gru_reset_before, lstm };

struct StackConfig {
    Cell cell = Cell::lstm;
    Index input_size = 1;        ///< D
    Index hidden_size = 1;       ///< H
    Index num_layers = 1;        ///< L
    bool bidirectional = false;  ///< two directions a layer
    bool tokens = false;         ///< the input will be tokens below D
    double dropout = 0;          ///< of the inputs of all layers but the first
    double input_dropout = 0;    ///< of the first layer's, which must not be tokens
    LstmOptions lstm = {};       ///< of Cell::lstm alone
};

/// States of all layers and directions, arrays of the caller's: h [L * directions, N, P], P the size of a cell's h (H
/// but with a projection), and c [L * directions, N, H], null but for LSTM.
template <class T>
struct StackState {
    T* h = nullptr;
    T* c = nullptr;
};

template <class T>
class RecurrentLayer;
template <class T>
class StackWorkspace;

template <class T>
class Stack {
public:
    /// Throws std::invalid_argument for sizes less than 1 or absurd (more than 2^31 - 1 inputs,
    /// 2^24 units or 2^16 layers), and for rates outside [0, 1).
    explicit Stack(const StackConfig& config);
    ~Stack();
    Stack(Stack&&) noexcept;
    Stack& operator=(Stack&&) noexcept;

    const StackConfig& config() const noexcept { return config_; }
    Index directions() const noexcept { return config_.bidirectional ? 2 : 1; }
    Index h_size() const noexcept {  ///< P
        return has_c() && config_.lstm.projection_size > 0 ? config_.lstm.projection_size : config_.hidden_size;
    }
    Index output_size() const noexcept { return directions() * h_size(); }
    Index num_states() const noexcept { return config_.num_layers * directions(); }
    bool has_c() const noexcept { return config_.cell == Cell::lstm; }

    /// What prepare and backward take, in their order: layers.0.W, layers.0.R, layers.0.b, layers.0.reverse.W, ...
    const std::vector<ParameterShape>& parameters() const noexcept { return parameters_; }

    /// Takes new weights, and reads some where they are: keep them alive and unchanged until the next prepare.
    /// `for_backward` makes the transposed copies; once made they are kept up to date. Throws std::bad_alloc.
    void prepare(const std::vector<T*>& parameters, bool for_backward, Threads& threads);

    /// x as it lies, T x N rows, from the state in `workspace`; its outputs and final state stay there. `masks` draws
    /// the dropout's masks; none: no dropout. Throws only what `poll` throws; `workspace` is then of no use.
    void forward(LayerInput<T> x, std::optional<RandomKey> masks, StackWorkspace<T>& workspace, Threads& threads,
                 Poll& poll) const;

    /// After forward with the same weights and a workspace for training, once. dy [rows, output_size]: the gradient on
    /// the outputs' packed rows, destroyed. The parameters' gradients are added to. dx [rows, D] on the packed rows,
    /// null where not wanted, and for tokens. state: in, the gradient on the final state, null for zeros; out, on the
    /// initial one.
    void backward(T* dy, const std::vector<T*>& gradients, T* dx, StackState<T> state, StackWorkspace<T>& workspace,
                  Threads& threads, Poll& poll) const;

    /// Numbers of scratch that step needs.
    Index step_scratch(Index batch) const noexcept;

    /// Time step t of `batch` streams, x of one step: from h_prev and c to h [L, batch, P] and c [L, batch, H]; c is
    /// null where has_c() is false. The same bits as forward's. Only for one direction.
    void step(Index t, Index batch, LayerInput<T> x, const T* h_prev, T* h, T* c, T* scratch, Poll& poll) const;

private:
    friend class StackWorkspace<T>;
    std::size_t index(Index layer, Index direction) const noexcept {
        return static_cast<std::size_t>(layer * directions() + direction);
    }
    Index layer_input_size(Index layer) const noexcept { return layer == 0 ? config_.input_size : output_size(); }
    double layer_dropout(Index layer) const noexcept { return layer == 0 ? config_.input_dropout : config_.dropout; }

    StackConfig config_;
    std::vector<RecurrentLayer<T>> layers_;  // by index()
    std::vector<ParameterShape> parameters_;
};

/// What forward leaves for backward, and what both work in. For one forward, or many one after the other. Memory is
/// allocated where it is first needed.
template <class T>
class StackWorkspace {
public:
    /// `stack` must outlive it. The state is zeros. Throws std::bad_alloc.
    StackWorkspace(const Stack<T>& stack, Segments segments);
    ~StackWorkspace();
    StackWorkspace(const StackWorkspace&) = delete;
    StackWorkspace& operator=(const StackWorkspace&) = delete;

    const Segments& segments() const noexcept { return segments_; }

    /// The next forward's, from an undefined state. Throws std::bad_alloc where the memory is too small and cannot
    /// grow.
    void set_segments(Segments segments);

    /// For whole segments: the next forward takes so many steps, at most as many as the constructor's.
    void set_steps(Index steps);

    /// The state that forward begins with: the caller's, as StackState has them; zeros; or where the last forward
    /// ended (this for whole segments). Null pointers stand for zeros.
    void load_state(const T* h, const T* c);
    void zero_state() { load_state(nullptr, nullptr); }
    void carry_state();

    /// The state that forward ended with.
    void store_state(T* h, T* c) const;

    /// The outputs' packed rows [rows, output_size].
    const T* outputs() const noexcept { return outputs_; }

private:
    friend class Stack<T>;
    struct Layer;

    LayerInput<T> pack(LayerInput<T> x, Threads& threads, Poll& poll);
    LayerInput<T> reverse(LayerInput<T> x, Index columns, Buffer<T>& memory, Threads& threads, Poll& poll);
    RandomKey mask_key(Index layer) const noexcept;

    // The stream that each segment begins with, or ends with, in a direction; empty: its own.
    const std::vector<Index>& starts(Index direction) const noexcept;
    const std::vector<Index>& ends(Index direction) const noexcept { return starts(1 - direction); }

    const Stack<T>* stack_;
    Segments segments_;
    std::vector<Index> reversed_;
    std::optional<RandomKey> masks_;
    std::vector<Layer> layers_;
    const T* outputs_ = nullptr;
    Buffer<std::int32_t> tokens_[2];
    Buffer<T> x_, dx_[2], dx_reverse_, dh_out_, dh_, dc_, scratch_;
};

extern template class Stack<float>;
extern template class Stack<double>;
extern template class StackWorkspace<float>;
extern template class StackWorkspace<double>;

}  // namespace rnnfast
