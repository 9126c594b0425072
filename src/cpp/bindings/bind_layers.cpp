#include "bindings.hpp"
#include "rnnfast/dense.hpp"
#include "rnnfast/elementwise.hpp"
#include "rnnfast/loss.hpp"

namespace rnnfast::bindings {
namespace {

template <class T>
Array<T> apply(void (*function)(Index, const T*, T*), const Array<T>& x) {
    Array<T> out = empty<T>({x.shape(), x.shape() + x.ndim()});
    const py::gil_scoped_release release;
    function(x.size(), x.data(), out.mutable_data());
    return out;
}

template <class T>
void expect_dense(const Array<T>& x, const Array<T>& W) {
    expect_dimensions("W", W, 2, "(D, V)");
    expect_dimensions("x", x, 2, "(rows, D)");
    expect_shape("x", x, {x.shape(0), W.shape(0)}, "(rows, D)");
}

template <class T>
Array<T> dense_forward(const Array<T>& x, const Array<T>& W, const Array<T>& b, Index num_threads) {
    expect_dense(x, W);
    expect_shape("b", b, {W.shape(1)}, "(V,)");
    Array<T> y = empty<T>({x.shape(0), W.shape(1)});
    Poll poll = python_poll();
    const py::gil_scoped_release release;
    Dense<T> dense(W.shape(0), W.shape(1));
    Threads threads(num_threads);
    dense.prepare(W.data(), b.data(), false, threads);
    dense.forward(x.shape(0), x.data(), y.mutable_data(), threads, poll);
    return y;
}

template <class T>
py::tuple dense_backward(const Array<T>& dy, const Array<T>& x, const Array<T>& W, Index num_threads) {
    expect_dense(x, W);
    const Index rows = x.shape(0), D = W.shape(0), V = W.shape(1);
    expect_shape("dy", dy, {rows, V}, "(rows, V)");
    Array<T> dx = empty<T>({rows, D}), dW = zeros<T>({D, V}), db = zeros<T>({V});
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        Dense<T> dense(D, V);
        Threads threads(num_threads);
        dense.prepare(W.data(), nullptr, true, threads);
        Buffer<T> scratch(dense.backward_scratch(rows));
        dense.backward(rows, x.data(), dy.data(), dx.mutable_data(), dW.mutable_data(), db.mutable_data(),
                       scratch.data(), threads, poll);
    }
    return py::make_tuple(dx, dW, db);
}

template <class T>
py::tuple cross_entropy_of(const Array<T>& logits, const Tokens& targets, double scale, Index num_threads) {
    expect_dimensions("logits", logits, 2, "(rows, V)");
    const Index rows = logits.shape(0), V = logits.shape(1);
    if (V < 1) throw py::value_error("logits has no columns, expected (rows, V) with V at least 1");
    expect_shape("targets", targets, {rows}, "(rows,)");
    for (Index i = 0; i < rows; ++i)
        if (targets.at(i) < -1 || targets.at(i) >= V)
            throw py::value_error("targets has " + std::to_string(targets.at(i)) + ", expected -1 to " +
                                  std::to_string(V - 1));
    Array<T> gradient = copy(logits);
    LossSums sums;
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        Threads threads(num_threads);
        cross_entropy_gradient(rows, V, targets.data(), static_cast<T>(scale), gradient.mutable_data(), sums, threads,
                               poll);
    }
    return py::make_tuple(sums.loss, sums.count, sums.correct, gradient);
}

// (sum of squares, gradient)
template <class T>
py::tuple squared_error_of(const Array<T>& predictions, const Array<T>& targets, double scale) {
    expect_shape("targets", targets, Shape(predictions.shape(), predictions.shape() + predictions.ndim()),
                 "as predictions");
    Array<T> gradient = copy(predictions);
    double sum = 0;
    Poll poll = python_poll();
    {
        T* const data = gradient.mutable_data();
        const py::gil_scoped_release release;
        sum = squared_error_gradient(targets.size(), targets.data(), static_cast<T>(scale), data, poll);
    }
    return py::make_tuple(sum, gradient);
}

template <class T>
Array<T> softmax_of(const Array<T>& logits, Index num_threads) {
    expect_dimensions("logits", logits, 2, "(rows, V)");
    if (logits.shape(1) < 1) throw py::value_error("logits has no columns, expected (rows, V) with V at least 1");
    Array<T> probabilities = copy(logits);
    Poll poll = python_poll();
    const py::gil_scoped_release release;
    Threads threads(num_threads);
    softmax(logits.shape(0), logits.shape(1), probabilities.mutable_data(), threads, poll);
    return probabilities;
}

template <class T>
void bind(py::module_& m) {
    const auto array = [](const char* name) { return py::arg(name).noconvert(); };
    const auto threads = py::arg("num_threads") = 1;
    m.def("exp", [](const Array<T>& x) { return apply<T>(exp<T>, x); }, array("x"));
    m.def("log", [](const Array<T>& x) { return apply<T>(log<T>, x); }, array("x"));
    m.def("sigmoid", [](const Array<T>& x) { return apply<T>(sigmoid<T>, x); }, array("x"));
    m.def("tanh", [](const Array<T>& x) { return apply<T>(tanh<T>, x); }, array("x"));
    m.def("dense_forward", dense_forward<T>, array("x"), array("W"), array("b"), threads);
    m.def("dense_backward", dense_backward<T>, array("dy"), array("x"), array("W"), threads);
    m.def("cross_entropy", cross_entropy_of<T>, array("logits"), array("targets"), py::arg("scale"), threads);
    m.def("squared_error", squared_error_of<T>, array("predictions"), array("targets"), py::arg("scale"));
    m.def("softmax", softmax_of<T>, array("logits"), threads);
}

}  // namespace

void bind_layers(py::module_& m) {
    bind<float>(m);
    bind<double>(m);
}

}  // namespace rnnfast::bindings
