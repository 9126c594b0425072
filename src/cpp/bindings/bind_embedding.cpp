#include "bindings.hpp"
#include "rnnfast/embedding_layer.hpp"

namespace rnnfast::bindings {
namespace {

// Tokens are copied: another thread may change the caller's between the check and the look-up.

template <class T>
Array<T> forward(const EmbeddingLayer<T>& layer, const Tokens& tokens, Index num_threads) {
    expect_dimensions("tokens", tokens, 1, "(rows,)");
    const Index rows = tokens.shape(0);
    const Tokens own = copy(tokens);
    Array<T> y = empty<T>({rows, layer.embedding_size()});
    T* const y_data = y.mutable_data();
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        layer.forward(rows, own.data(), y_data, num_threads, poll);
    }
    return y;
}

template <class T>
Array<T> backward(const EmbeddingLayer<T>& layer, const Tokens& tokens, const Array<T>& dy, Index num_threads) {
    expect_dimensions("tokens", tokens, 1, "(rows,)");
    const Index rows = tokens.shape(0);
    expect_shape("dy", dy, {rows, layer.embedding_size()}, "(rows, E)");
    const Tokens own = copy(tokens);
    Array<T> dW = empty<T>({layer.vocab_size(), layer.embedding_size()});
    T* const dW_data = dW.mutable_data();
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        layer.backward(rows, own.data(), dy.data(), dW_data, num_threads, poll);
    }
    return dW;
}

template <class T>
void bind(py::module_& m, const char* name) {
    const auto array = [](const char* argument) { return py::arg(argument).noconvert(); };
    using Layer = EmbeddingLayer<T>;
    py::class_<Layer, Trainable<T>>(m, name)
        .def(py::init([](Index vocab_size, Index embedding_size, std::uint64_t seed) {
                 Poll poll = python_poll();
                 const py::gil_scoped_release release;
                 return Layer(vocab_size, embedding_size, seed, poll);
             }),
             py::arg("vocab_size"), py::arg("embedding_size"), py::arg("seed"))
        .def("forward", forward<T>, array("tokens"), py::arg("num_threads"))
        .def("backward", backward<T>, array("tokens"), array("dy"), py::arg("num_threads"));
}

}  // namespace

void bind_embedding(py::module_& m) {
    bind<float>(m, "EmbeddingF32");
    bind<double>(m, "EmbeddingF64");
}

}  // namespace rnnfast::bindings
