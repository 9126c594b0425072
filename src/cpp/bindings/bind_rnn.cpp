#include "layer_call.hpp"
#include "rnnfast/rnn.hpp"

namespace rnnfast::bindings {
namespace {

Nonlinearity nonlinearity_of(const std::string& name) {
    if (name == "tanh") return Nonlinearity::tanh;
    if (name == "relu") return Nonlinearity::relu;
    throw py::value_error("nonlinearity is '" + name + "', expected 'tanh' or 'relu'");
}

template <class T>
Array<T> rnn_forward(const py::array& x, const Array<T>& W, const Array<T>& R, const Array<T>& b, const Array<T>& h0,
                     const std::string& nonlinearity, Index num_threads) {
    const LayerCall<T> call(x, W, R, b, 1);
    const Index N = call.batch, H = call.H;
    expect_shape("h0", h0, {N, H}, "(N, H)");
    Rnn<T> rnn(call.D, H, nonlinearity_of(nonlinearity));
    Array<T> h = empty<T>({call.steps + 1, N, H});
    std::copy_n(h0.data(), N * H, h.mutable_data());
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        Threads threads(num_threads);
        rnn.prepare(W.data(), R.data(), b.data(), call.x.tokens != nullptr, false, threads);
        rnn.forward(call.steps, N, call.x, h.mutable_data(), threads, poll);
    }
    return h;
}

template <class T>
py::dict rnn_backward(const Array<T>& dh_out, const py::array& x, const Array<T>& h, const Array<T>& W,
                      const Array<T>& R, const Array<T>& b, const Array<T>& dh_last, const std::string& nonlinearity,
                      Index num_threads) {
    const LayerCall<T> call(x, W, R, b, 1);
    const Index steps = call.steps, N = call.batch, D = call.D, H = call.H;
    expect_shape("dh_out", dh_out, {steps, N, H}, "(T, N, H)");
    expect_shape("h", h, {steps + 1, N, H}, "(T + 1, N, H)");
    expect_shape("dh_last", dh_last, {N, H}, "(N, H)");
    Rnn<T> rnn(D, H, nonlinearity_of(nonlinearity));
    Array<T> dW = zeros<T>({D, H}), dR = zeros<T>({H, H}), db = zeros<T>({H});
    Array<T> da = copy(dh_out), dh0 = copy(dh_last);
    Array<T> dx = call.x.dense ? empty<T>({steps, N, D}) : empty<T>({0});
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        Threads threads(num_threads);
        rnn.prepare(W.data(), R.data(), b.data(), call.x.tokens != nullptr, true, threads);
        Buffer<T> scratch(rnn.backward_scratch(steps, N));
        const RnnGradients<T> gradients{dW.mutable_data(), dR.mutable_data(), db.mutable_data(),
                                        call.x.dense ? dx.mutable_data() : nullptr, dh0.mutable_data()};
        rnn.backward(steps, N, call.x, h.data(), da.mutable_data(), gradients, scratch.data(), threads, poll);
    }
    py::dict result;
    result["dx"] = call.x.dense ? py::object(dx) : py::none();
    result["dW"] = dW;
    result["dR"] = dR;
    result["db"] = db;
    result["dh0"] = dh0;
    return result;
}

template <class T>
void bind(py::module_& m) {
    const auto array = [](const char* name) { return py::arg(name).noconvert(); };
    m.def("rnn_forward", rnn_forward<T>, array("x"), array("W"), array("R"), array("b"), array("h0"),
          py::arg("nonlinearity"), py::arg("num_threads") = 1);
    m.def("rnn_backward", rnn_backward<T>, array("dh_out"), array("x"), array("h"), array("W"), array("R"), array("b"),
          array("dh_last"), py::arg("nonlinearity"), py::arg("num_threads") = 1);
}

}  // namespace

void bind_rnn(py::module_& m) {
    bind<float>(m);
    bind<double>(m);
}

}  // namespace rnnfast::bindings
