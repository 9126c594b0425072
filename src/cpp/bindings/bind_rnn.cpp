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
                     const std::string& nonlinearity, Index num_threads, const BatchSizes& batch_sizes) {
    const LayerCall<T> call(x, W, R, b, 1, "h0", h0, batch_sizes);
    Rnn<T> rnn(call.D, call.H, nonlinearity_of(nonlinearity));
    Array<T> h = empty<T>(call.of_states(call.H));
    std::copy_n(h0.data(), h0.size(), h.mutable_data());
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        Threads threads(num_threads);
        rnn.prepare(W.data(), R.data(), b.data(), call.x.tokens != nullptr, false, threads);
        rnn.forward(call.packing, call.x, h.mutable_data(), threads, poll);
    }
    return h;
}

template <class T>
py::dict rnn_backward(const Array<T>& dh_out, const py::array& x, const Array<T>& h, const Array<T>& W,
                      const Array<T>& R, const Array<T>& b, const Array<T>& dh_last, const std::string& nonlinearity,
                      Index num_threads, const BatchSizes& batch_sizes) {
    const LayerCall<T> call(x, W, R, b, 1, "dh_last", dh_last, batch_sizes);
    const Index D = call.D, H = call.H;
    call.expect_over_time("dh_out", dh_out, H, "H");
    call.expect_states("h", h, H, "H");
    Rnn<T> rnn(D, H, nonlinearity_of(nonlinearity));
    Array<T> dW = zeros<T>({D, H}), dR = zeros<T>({H, H}), db = zeros<T>({H});
    Array<T> da = copy(dh_out), dh0 = copy(dh_last);
    Array<T> dx = empty<T>(call.x.dense ? call.over_time(D) : Shape{0});
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        Threads threads(num_threads);
        rnn.prepare(W.data(), R.data(), b.data(), call.x.tokens != nullptr, true, threads);
        Buffer<T> scratch(rnn.backward_scratch(call.packing));
        const RnnGradients<T> gradients{dW.mutable_data(), dR.mutable_data(), db.mutable_data(),
                                        call.x.dense ? dx.mutable_data() : nullptr, dh0.mutable_data()};
        rnn.backward(call.packing, call.x, h.data(), da.mutable_data(), gradients, scratch.data(), threads, poll);
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
          py::arg("nonlinearity"), py::arg("num_threads") = 1, py::arg("batch_sizes") = py::none());
    m.def("rnn_backward", rnn_backward<T>, array("dh_out"), array("x"), array("h"), array("W"), array("R"), array("b"),
          array("dh_last"), py::arg("nonlinearity"), py::arg("num_threads") = 1, py::arg("batch_sizes") = py::none());
}

}  // namespace

void bind_rnn(py::module_& m) {
    bind<float>(m);
    bind<double>(m);
}

}  // namespace rnnfast::bindings
