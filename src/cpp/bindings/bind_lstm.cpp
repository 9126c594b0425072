#include "layer_call.hpp"
#include "rnnfast/lstm.hpp"

namespace rnnfast::bindings {
namespace {

// What the layer has besides W, R and b: none of the arrays where it has not.
template <class T>
struct Options {
    bool coupled;
    std::optional<Array<T>> peepholes, projection;

    Index gates() const { return coupled ? 3 : 4; }
    std::string gates_letters() const { return std::to_string(gates()) + "*H"; }
    LstmOptions of_layer() const { return {projection ? projection->shape(1) : 0, peepholes.has_value(), coupled}; }
    LstmWeights<T> weights(const Array<T>& W, const Array<T>& R, const Array<T>& b) const {
        return {W.data(), R.data(), b.data(), peepholes ? peepholes->data() : nullptr,
                projection ? projection->data() : nullptr};
    }
    void check(Index H) const {
        if (peepholes) expect_shape("peepholes", *peepholes, {(gates() - 1) * H}, coupled ? "(2*H,)" : "(3*H,)");
    }
};

template <class T>
py::tuple lstm_forward(const py::array& x, const Array<T>& W, const Array<T>& R, const Array<T>& b, const Array<T>& h0,
                       const Array<T>& c0, Index num_threads, const BatchSizes& batch_sizes, bool coupled,
                       const std::optional<Array<T>>& peepholes, const std::optional<Array<T>>& projection) {
    const Options<T> options{coupled, peepholes, projection};
    const LayerCall<T> call(x, W, R, b, options.gates(), "h0", h0, batch_sizes, projection);
    const Index H = call.H, gates_size = options.gates() * H;
    options.check(H);
    expect_shape("c0", c0, {call.packing.batch, H}, "(N, H)");
    Array<T> h = empty<T>(call.of_states(call.P)), c = empty<T>(call.of_states(H));
    std::copy_n(h0.data(), h0.size(), h.mutable_data());
    std::copy_n(c0.data(), c0.size(), c.mutable_data());
    Lstm<T> lstm(call.D, H, options.of_layer());
    Array<T> workspace = empty<T>({lstm.workspace(call.packing.rows())});
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        Threads threads(num_threads);
        lstm.prepare(options.weights(W, R, b), call.x.tokens != nullptr, false, threads);
        lstm.forward(call.packing, call.x, h.mutable_data(), c.mutable_data(), workspace.mutable_data(), threads, poll);
    }
    const Array<T> gates(call.over_time(gates_size), workspace.data(), workspace);  // views
    if (!projection) return py::make_tuple(h, c, gates);
    return py::make_tuple(h, c, gates, Array<T>(call.over_time(H), workspace.data() + gates.size(), workspace));
}

template <class T>
py::dict lstm_backward(const Array<T>& dh_out, const py::array& x, const Array<T>& h, const Array<T>& c,
                       const Array<T>& gates, const Array<T>& W, const Array<T>& R, const Array<T>& b,
                       const Array<T>& dh_last, const Array<T>& dc_last, Index num_threads,
                       const BatchSizes& batch_sizes, bool coupled, const std::optional<Array<T>>& peepholes,
                       const std::optional<Array<T>>& projection, const std::optional<Array<T>>& m) {
    const Options<T> options{coupled, peepholes, projection};
    const LayerCall<T> call(x, W, R, b, options.gates(), "dh_last", dh_last, batch_sizes, projection);
    const Index D = call.D, H = call.H, P = call.P, gates_size = options.gates() * H;
    options.check(H);
    call.expect_over_time("dh_out", dh_out, P, call.letter_of_h());
    call.expect_states("h", h, P, call.letter_of_h());
    call.expect_states("c", c, H, "H");
    call.expect_over_time("gates", gates, gates_size, options.gates_letters());
    expect_shape("dc_last", dc_last, {call.packing.batch, H}, "(N, H)");
    if (m.has_value() != projection.has_value())
        throw py::value_error(std::string("m is ") + (m ? "given" : "None") + " and projection is " +
                              (projection ? "given" : "None") + ", expected both or neither");
    if (m) call.expect_over_time("m", *m, H, "H");
    Array<T> dW = zeros<T>({D, gates_size}), dR = zeros<T>({P, gates_size}), db = zeros<T>({gates_size});
    Array<T> dpeepholes = zeros<T>({peepholes ? peepholes->size() : 0});
    Array<T> dprojection = zeros<T>(projection ? Shape{H, P} : Shape{0});
    Array<T> dh0 = copy(dh_last), dc0 = copy(dc_last);
    Array<T> dx = empty<T>(call.x.dense ? call.over_time(D) : Shape{0});
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        Lstm<T> lstm(D, H, options.of_layer());
        Threads threads(num_threads);
        lstm.prepare(options.weights(W, R, b), call.x.tokens != nullptr, true, threads);
        Buffer<T> workspace(lstm.workspace(call.packing.rows())), scratch(lstm.backward_scratch(call.packing));
        std::copy_n(gates.data(), gates.size(), workspace.data());
        if (m) std::copy_n(m->data(), m->size(), workspace.data() + gates.size());
        const LstmGradients<T> gradients{dW.mutable_data(),         dR.mutable_data(),
                                         db.mutable_data(),         call.x.dense ? dx.mutable_data() : nullptr,
                                         dh0.mutable_data(),        dc0.mutable_data(),
                                         dpeepholes.mutable_data(), dprojection.mutable_data()};
        lstm.backward(call.packing, call.x, h.data(), c.data(), dh_out.data(), workspace.data(), gradients,
                      scratch.data(), threads, poll);
    }
    py::dict result;
    result["dx"] = call.x.dense ? py::object(dx) : py::none();
    result["dW"] = dW;
    result["dR"] = dR;
    result["db"] = db;
    result["dpeepholes"] = peepholes ? py::object(dpeepholes) : py::none();
    result["dprojection"] = projection ? py::object(dprojection) : py::none();
    result["dh0"] = dh0;
    result["dc0"] = dc0;
    return result;
}

template <class T>
void bind(py::module_& m) {
    const auto array = [](const char* name) { return py::arg(name).noconvert(); };
    const auto threads = py::arg("num_threads") = 1;
    const auto batch_sizes = py::arg("batch_sizes") = py::none();
    const auto coupled = py::arg("coupled") = false;
    const auto none = [](const char* name) { return py::arg(name).noconvert() = py::none(); };
    m.def("lstm_forward", lstm_forward<T>, array("x"), array("W"), array("R"), array("b"), array("h0"), array("c0"),
          threads, batch_sizes, coupled, none("peepholes"), none("projection"));
    m.def("lstm_backward", lstm_backward<T>, array("dh_out"), array("x"), array("h"), array("c"), array("gates"),
          array("W"), array("R"), array("b"), array("dh_last"), array("dc_last"), threads, batch_sizes, coupled,
          none("peepholes"), none("projection"), none("m"));
}

}  // namespace

void bind_lstm(py::module_& m) {
    bind<float>(m);
    bind<double>(m);
}

}  // namespace rnnfast::bindings
