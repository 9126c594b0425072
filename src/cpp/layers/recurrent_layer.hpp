// Any cell as a layer: its parameters as a list, its activations as one struct.
#pragma once

#include <variant>
#include <vector>

#include "rnnfast/gru.hpp"
#include "rnnfast/lstm.hpp"
#include "rnnfast/parameters.hpp"
#include "rnnfast/rnn.hpp"
#include "rnnfast/stack.hpp"

namespace rnnfast {

/// At least so many numbers; what the buffer held is lost where it grows.
template <class T>
T* of_size(Buffer<T>& buffer, Index size) {
    if (buffer.size() < size) buffer = Buffer<T>(size);
    return buffer.data();
}

/// What a cell's forward leaves for its backward; packing.hpp says how the rows lie.
template <class T>
struct CellMemory {
    Buffer<T> h;      ///< [batch + rows, P]
    Buffer<T> c;      ///< [batch + rows, H], of the LSTM
    Buffer<T> gates;  ///< [rows, G H] and what else the LSTM leaves, not of the basic RNN
    Buffer<T> u;      ///< [rows, H], of the GRU
};

/// Where the gradients of a layer go; dx may be null.
template <class T>
struct CellGradients {
    T* const* parameters;
    T* dx;
    T* dh;
    T* dc;
};

template <class T>
class RecurrentLayer {
public:
    /// One of the stack's, which reads input_size numbers.
    RecurrentLayer(const StackConfig& config, Index input_size);

    /// W, R, b and what else the cell has.
    std::vector<ParameterShape> parameters() const;

    /// Makes room for what forward leaves. Throws std::bad_alloc.
    void make_room(const Packing& packing, CellMemory<T>& memory) const;

    void prepare(const T* const* parameters, bool tokens, bool for_backward, Threads& threads);
    void forward(const Packing& packing, LayerInput<T> x, CellMemory<T>& memory, Threads& threads, Poll& poll) const;

    Index backward_scratch(const Packing& packing) const noexcept;

    /// dh_out [rows, P]: the gradient on h from above, destroyed.
    void backward(const Packing& packing, LayerInput<T> x, T* dh_out, CellMemory<T>& memory,
                  const CellGradients<T>& gradients, T* scratch, Threads& threads, Poll& poll) const;

    Index step_scratch(Index batch) const noexcept;
    void step(Index t, Index batch, LayerInput<T> x, const T* h_prev, T* h, T* c, T* scratch, Poll& poll) const;

private:
    Index D_, H_;
    std::variant<Rnn<T>, Gru<T>, Lstm<T>> cell_;
};

extern template class RecurrentLayer<float>;
extern template class RecurrentLayer<double>;

}  // namespace rnnfast
