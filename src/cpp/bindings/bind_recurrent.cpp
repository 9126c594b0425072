#include "bindings.hpp"
#include "rnnfast/recurrent.hpp"

namespace rnnfast::bindings {

Cell cell_named(const std::string& name) {
    if (name == "rnn_tanh") return Cell::rnn_tanh;
    if (name == "rnn_relu") return Cell::rnn_relu;
    if (name == "gru") return Cell::gru;
    if (name == "gru_reset_before") return Cell::gru_reset_before;
    if (name == "lstm") return Cell::lstm;
    throw py::value_error("cell is '" + name +
                          "', expected 'rnn_tanh', 'rnn_relu', 'gru', 'gru_reset_before' or 'lstm'");
}

namespace {

// The input: tokens [T, N] or dense [T, N, D], for one step without T. Tokens are copied: another thread may change the
// caller's.
template <class T>
struct Input {
    LayerInput<T> x;
    Shape places;  // (T, N) or (N,)

    Input(const py::array& input, Index dimensions, Index D) {
        const bool contiguous = (input.flags() & py::array::c_style) != 0;
        const char* const expected = dimensions == 2 ? "(T, N) tokens or (T, N, D) numbers" : "(N,) or (N, D)";
        if (contiguous && input.dtype().is(py::dtype::of<std::int32_t>())) {
            expect_dimensions("x", input, dimensions, expected);
            tokens_ = copy(py::cast<Tokens>(input));
            x.tokens = tokens_.data();
        } else if (contiguous && input.dtype().is(py::dtype::of<T>())) {
            expect_dimensions("x", input, dimensions + 1, expected);
            if (input.shape(dimensions) != D)
                throw py::value_error("x has " + std::to_string(input.shape(dimensions)) + " features, expected " +
                                      std::to_string(D) + " = input_size");
            x.dense = static_cast<const T*>(input.data());
        } else {
            throw py::type_error("x has dtype " + std::string(py::str(input.dtype())) +
                                 ", expected C-contiguous int32 tokens or numbers of the layer's dtype");
        }
        places = Shape(input.shape(), input.shape() + dimensions);
    }

private:
    Tokens tokens_;
};

// Shapes of h and c, of which the latter is empty where the cell has none.
template <class T>
std::pair<Shape, Shape> state_shapes(const Stack<T>& stack, Index batch) {
    const Index states = stack.num_states();
    return {{states, batch, stack.h_size()}, {stack.has_c() ? states : 0, batch, stack.config().hidden_size}};
}

template <class T>
void expect_state(const Stack<T>& stack, const Array<T>& h, const Array<T>& c, Index batch) {
    const auto [shape_h, shape_c] = state_shapes(stack, batch);
    expect_shape("h", h, shape_h, "(L * directions, N, P)");
    expect_shape("c", c, shape_c, stack.has_c() ? "(L * directions, N, H)" : "(0, N, H), for the cell has no c");
}

Segments segments(Index steps, Index batch, const std::optional<Array<std::int64_t>>& lengths,
                  const std::optional<Array<bool>>& reset) {
    if (lengths) expect_shape("lengths", *lengths, {batch}, "(N,)");
    if (reset) expect_shape("reset", *reset, {steps, batch}, "(T, N)");
    if (!lengths && !reset) return Segments(steps, batch);
    const std::vector<Index> own = lengths ? std::vector<Index>(lengths->data(), lengths->data() + batch)
                                           : std::vector<Index>(static_cast<std::size_t>(batch), steps);
    return Segments(steps, batch, own.data(), reset ? reinterpret_cast<const unsigned char*>(reset->data()) : nullptr);
}

// (y, h, c, run), the last None unless it is for backward.
template <class T>
py::tuple forward(Recurrent<T>& layer, const py::array& given, const Array<T>& h0, const Array<T>& c0,
                  const std::optional<Array<std::int64_t>>& lengths, const std::optional<Array<bool>>& reset,
                  std::optional<std::pair<std::uint64_t, std::uint64_t>> masks, bool for_backward, Index num_threads) {
    const Input<T> input(given, 2, layer.stack().config().input_size);
    const Index steps = input.places[0], batch = input.places[1];
    expect_state(layer.stack(), h0, c0, batch);
    Segments pieces = segments(steps, batch, lengths, reset);
    const auto [shape_h, shape_c] = state_shapes(layer.stack(), batch);
    Array<T> y = empty<T>({steps, batch, layer.stack().output_size()}), h = empty<T>(shape_h), c = empty<T>(shape_c);
    T *const y_data = y.mutable_data(), *const h_data = h.mutable_data(), *const c_data = c.mutable_data();
    const std::optional<RandomKey> key = masks ? std::optional(RandomKey{masks->first, masks->second}) : std::nullopt;
    Poll poll = python_poll();
    std::optional<typename Recurrent<T>::Run> run;
    {
        const py::gil_scoped_release release;
        run = layer.forward(input.x, std::move(pieces), h0.data(), c0.data(), key, for_backward, num_threads, poll);
        run->outputs(y_data, poll);
        run->final_state(h_data, c_data);
    }
    return py::make_tuple(y, h, c, for_backward ? py::cast(std::move(*run)) : py::none());
}

template <class T>
py::tuple backward(typename Recurrent<T>::Run& run, const Array<T>& dy, const Array<T>& dh_last,
                   const Array<T>& dc_last, bool dense, Index num_threads) {
    const Stack<T>& stack = run.stack();
    const Segments& s = run.segments();
    expect_shape("dy", dy, {s.steps(), s.batch(), stack.output_size()}, "(T, N, directions * P)");
    expect_state(stack, dh_last, dc_last, s.batch());
    Array<T> dh = copy(dh_last), dc = copy(dc_last);
    Array<T> dx = empty<T>({dense ? s.steps() : 0, s.batch(), stack.config().input_size});
    py::dict gradients;
    std::vector<T*> places;
    for (const auto& p : stack.parameters()) {
        Array<T> gradient = empty<T>(p.shape);
        places.push_back(gradient.mutable_data());
        gradients[py::str(p.name)] = gradient;
    }
    T *const dx_data = dense ? dx.mutable_data() : nullptr, *const dh_data = dh.mutable_data(),
             *const dc_data = dc.mutable_data();
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        run.backward(dy.data(), places, dx_data, dh_data, dc_data, num_threads, poll);
    }
    return py::make_tuple(dense ? py::object(dx) : py::none(), dh, dc, gradients);
}

template <class T>
py::tuple step(const Recurrent<T>& layer, const py::array& given, const Array<T>& h_in, const Array<T>& c_in) {
    const Input<T> input(given, 1, layer.stack().config().input_size);
    expect_state(layer.stack(), h_in, c_in, input.places[0]);
    Array<T> h = empty<T>(Shape(h_in.shape(), h_in.shape() + 3)), c = copy(c_in);
    T *const h_data = h.mutable_data(), *const c_data = layer.stack().has_c() ? c.mutable_data() : nullptr;
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        layer.step(input.places[0], input.x, h_in.data(), h_data, c_data, poll);
    }
    return py::make_tuple(h, c);
}

template <class T>
void bind(py::module_& m, const char* name, const char* run_name) {
    const auto array = [](const char* argument) { return py::arg(argument).noconvert(); };
    using Layer = Recurrent<T>;
    py::class_<typename Layer::Run>(m, run_name)
        .def("backward", backward<T>, array("dy"), array("dh"), array("dc"), py::arg("dense"), py::arg("num_threads"));
    py::class_<Layer, Trainable<T>>(m, name)
        .def(py::init([](const std::string& cell, Index input_size, Index hidden_size, Index num_layers,
                         bool bidirectional, double dropout, double input_dropout, Index projection_size, bool peephole,
                         bool coupled, std::uint64_t seed) {
                 StackConfig config;
                 config.cell = cell_named(cell);
                 config.input_size = input_size;
                 config.hidden_size = hidden_size;
                 config.num_layers = num_layers;
                 config.bidirectional = bidirectional;
                 config.dropout = dropout;
                 config.input_dropout = input_dropout;
                 config.lstm = {projection_size, peephole, coupled};
                 Poll poll = python_poll();
                 const py::gil_scoped_release release;
                 return Layer(config, seed, poll);
             }),
             py::arg("cell"), py::arg("input_size"), py::arg("hidden_size"), py::arg("num_layers"),
             py::arg("bidirectional"), py::arg("dropout"), py::arg("input_dropout"), py::arg("projection_size"),
             py::arg("peephole"), py::arg("coupled"), py::arg("seed"))
        .def("forward", forward<T>, array("x"), array("h"), array("c"), py::arg("lengths"), py::arg("reset"),
             py::arg("masks"), py::arg("for_backward"), py::arg("num_threads"))
        .def("step", step<T>, array("x"), array("h"), array("c"));
}

}  // namespace

void bind_recurrent(py::module_& m) {
    bind<float>(m, "RecurrentF32", "RunF32");
    bind<double>(m, "RecurrentF64", "RunF64");
}

}  // namespace rnnfast::bindings
