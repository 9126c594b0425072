#include <optional>

#include "layer_call.hpp"
#include "rnnfast/gru.hpp"

namespace rnnfast::bindings {
namespace {

// Without it, the layer resets before the recurrent product.
template <class T>
using RecurrentBias = std::optional<Array<T>>;

template <class T>
const T* data_of(const RecurrentBias<T>& b_Rn, Index H) {
    if (!b_Rn) return nullptr;
    expect_shape("b_Rn", *b_Rn, {H}, "(H,)");
    return b_Rn->data();
}

template <class T>
py::tuple gru_forward(const py::array& x, const Array<T>& W, const Array<T>& R, const Array<T>& b,
                      const RecurrentBias<T>& b_Rn, const Array<T>& h0, Index num_threads,
                      const BatchSizes& batch_sizes) {
    const LayerCall<T> call(x, W, R, b, 3, "h0", h0, batch_sizes);
    const Index H = call.H;
    const T* recurrent_bias = data_of(b_Rn, H);
    Array<T> h = empty<T>(call.of_states(H)), gates = empty<T>(call.over_time(3 * H)), u = empty<T>(call.over_time(H));
    std::copy_n(h0.data(), h0.size(), h.mutable_data());
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        Gru<T> gru(call.D, H, recurrent_bias != nullptr);
        Threads threads(num_threads);
        gru.prepare(W.data(), R.data(), b.data(), recurrent_bias, call.x.tokens != nullptr, false, threads);
        gru.forward(call.packing, call.x, h.mutable_data(), gates.mutable_data(), u.mutable_data(), threads, poll);
    }
    return py::make_tuple(h, gates, u);
}

template <class T>
py::dict gru_backward(const Array<T>& dh_out, const py::array& x, const Array<T>& h, const Array<T>& gates,
                      const Array<T>& u, const Array<T>& W, const Array<T>& R, const Array<T>& b,
                      const RecurrentBias<T>& b_Rn, const Array<T>& dh_last, Index num_threads,
                      const BatchSizes& batch_sizes) {
    const LayerCall<T> call(x, W, R, b, 3, "dh_last", dh_last, batch_sizes);
    const Index D = call.D, H = call.H;
    const T* recurrent_bias = data_of(b_Rn, H);
    call.expect_over_time("dh_out", dh_out, H, "H");
    call.expect_states("h", h, H, "H");
    call.expect_over_time("gates", gates, 3 * H, "3*H");
    call.expect_over_time("u", u, H, "H");
    Array<T> dW = zeros<T>({D, 3 * H}), dR = zeros<T>({H, 3 * H}), db = zeros<T>({3 * H}), db_Rn = zeros<T>({H});
    Array<T> da = copy(gates), du = copy(u), dh0 = copy(dh_last);
    Array<T> dx = empty<T>(call.x.dense ? call.over_time(D) : Shape{0});
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        Gru<T> gru(D, H, recurrent_bias != nullptr);
        Threads threads(num_threads);
        gru.prepare(W.data(), R.data(), b.data(), recurrent_bias, call.x.tokens != nullptr, true, threads);
        Buffer<T> scratch(gru.backward_scratch(call.packing));
        const GruGradients<T> gradients{dW.mutable_data(),
                                        dR.mutable_data(),
                                        db.mutable_data(),
                                        db_Rn.mutable_data(),
                                        call.x.dense ? dx.mutable_data() : nullptr,
                                        dh0.mutable_data()};
        gru.backward(call.packing, call.x, h.data(), dh_out.data(), da.mutable_data(), du.mutable_data(), gradients,
                     scratch.data(), threads, poll);
    }
    py::dict result;
    result["dx"] = call.x.dense ? py::object(dx) : py::none();
    result["dW"] = dW;
    result["dR"] = dR;
    result["db"] = db;
    result["db_Rn"] = b_Rn ? py::object(db_Rn) : py::none();
    result["dh0"] = dh0;
    return result;
}

template <class T>
void bind(py::module_& m) {
    const auto array = [](const char* name) { return py::arg(name).noconvert(); };
    m.def("gru_forward", gru_forward<T>, array("x"), array("W"), array("R"), array("b"), array("b_Rn"), array("h0"),
          py::arg("num_threads") = 1, py::arg("batch_sizes") = py::none());
    m.def("gru_backward", gru_backward<T>, array("dh_out"), array("x"), array("h"), array("gates"), array("u"),
          array("W"), array("R"), array("b"), array("b_Rn"), array("dh_last"), py::arg("num_threads") = 1,
          py::arg("batch_sizes") = py::none());
}

}  // namespace

void bind_gru(py::module_& m) {
    bind<float>(m);
    bind<double>(m);
}

}  // namespace rnnfast::bindings
