#include "bindings.hpp"
#include "rnnfast/dense_layer.hpp"

namespace rnnfast::bindings {
namespace {

// (y, what backward asks for)
template <class T>
py::tuple forward(const DenseLayer<T>& layer, const Array<T>& x, Index num_threads) {
    expect_dimensions("x", x, 2, "(rows, D)");
    const Index rows = x.shape(0);
    expect_shape("x", x, {rows, layer.input_size()}, "(rows, D)");
    Array<T> y = empty<T>({rows, layer.output_size()});
    T* const y_data = y.mutable_data();
    Poll poll = python_poll();
    std::uint64_t changes = 0;
    {
        const py::gil_scoped_release release;
        changes = layer.forward(rows, x.data(), y_data, num_threads, poll);
    }
    return py::make_tuple(y, changes);
}

// (dx, dW, db)
template <class T>
py::tuple backward(const DenseLayer<T>& layer, std::uint64_t changes, const Array<T>& x, const Array<T>& dy,
                   Index num_threads) {
    const Index D = layer.input_size(), V = layer.output_size();
    expect_dimensions("x", x, 2, "(rows, D)");
    const Index rows = x.shape(0);
    expect_shape("x", x, {rows, D}, "(rows, D)");
    expect_shape("dy", dy, {rows, V}, "(rows, V)");
    Array<T> dx = empty<T>({rows, D}), dW = empty<T>({D, V}), db = empty<T>({V});
    T *const dx_data = dx.mutable_data(), *const dW_data = dW.mutable_data(), *const db_data = db.mutable_data();
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        layer.backward(changes, rows, x.data(), dy.data(), dx_data, dW_data, db_data, num_threads, poll);
    }
    return py::make_tuple(dx, dW, db);
}

template <class T>
void bind(py::module_& m, const char* name) {
    const auto array = [](const char* argument) { return py::arg(argument).noconvert(); };
    using Layer = DenseLayer<T>;
    py::class_<Layer, Trainable<T>>(m, name)
        .def(py::init([](Index input_size, Index output_size, std::uint64_t seed) {
                 Poll poll = python_poll();
                 const py::gil_scoped_release release;
                 return Layer(input_size, output_size, seed, poll);
             }),
             py::arg("input_size"), py::arg("output_size"), py::arg("seed"))
        .def("forward", forward<T>, array("x"), py::arg("num_threads"))
        .def("backward", backward<T>, py::arg("changes"), array("x"), array("dy"), py::arg("num_threads"));
}

}  // namespace

void bind_dense(py::module_& m) {
    bind<float>(m, "DenseF32");
    bind<double>(m, "DenseF64");
}

}  // namespace rnnfast::bindings
