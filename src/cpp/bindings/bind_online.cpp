#include "bindings.hpp"
#include "rnnfast/online.hpp"

namespace rnnfast::bindings {
namespace {

template <class T>
RnnParameters<T> take_parameters(Array<T>& W, Array<T>& R, Array<T>& b, Array<T>& dense_W, Array<T>& dense_b) {
    expect_dimensions("W", W, 2, "(V, H)");
    const Index V = W.shape(0), H = W.shape(1);
    expect_shape("R", R, {H, H}, "(H, H)");
    expect_shape("b", b, {H}, "(H,)");
    expect_shape("dense_W", dense_W, {H, V}, "(H, V)");
    expect_shape("dense_b", dense_b, {V}, "(V,)");
    return {V, H, W.mutable_data(), R.mutable_data(), b.mutable_data(), dense_W.mutable_data(), dense_b.mutable_data()};
}

template <class T>
Array<double> learn(Array<T>& W, Array<T>& R, Array<T>& b, Array<T>& dense_W, Array<T>& dense_b, Array<T>& h,
                    const Tokens& inputs, const Tokens& targets, const Array<Index>& lengths, double learning_rate,
                    std::optional<double> clip_value) {
    const RnnParameters<T> parameters = take_parameters(W, R, b, dense_W, dense_b);
    expect_shape("h", h, {parameters.hidden_size}, "(H,)");
    expect_dimensions("lengths", lengths, 1, "(sequences,)");
    expect_dimensions("inputs", inputs, 1, "(tokens,)");
    expect_shape("targets", targets, {inputs.size()}, "(tokens,) as inputs");
    // Copies: another thread may change the caller's.
    const Tokens own_inputs = copy(inputs), own_targets = copy(targets);
    const Array<Index> own_lengths = copy(lengths);
    Index left = inputs.size();
    for (Index k = 0; k < own_lengths.size(); ++k) {
        const Index length = own_lengths.at(k);
        if (length < 1 || length > left)
            throw py::value_error("lengths has " + std::to_string(length) + ", expected 1 to " + std::to_string(left) +
                                  ", the tokens that are left");
        left -= length;
    }
    if (left > 0) throw py::value_error("lengths leaves " + std::to_string(left) + " tokens over");
    Array<double> losses = empty<double>({own_lengths.size()});
    T* const state = h.mutable_data();
    double* const out = losses.mutable_data();
    Poll poll = python_poll();
    const py::gil_scoped_release release;
    learn_online(parameters, {own_lengths.size(), own_lengths.data(), own_inputs.data(), own_targets.data()},
                 {learning_rate, clip_value}, state, out, poll);
    return losses;
}

template <class T>
void bind(py::module_& m) {
    const auto array = [](const char* name) { return py::arg(name).noconvert(); };
    m.def("learn_online", learn<T>, array("W"), array("R"), array("b"), array("dense_W"), array("dense_b"), array("h"),
          array("inputs"), array("targets"), array("lengths"), py::arg("learning_rate"), py::arg("clip_value"));
}

}  // namespace

void bind_online(py::module_& m) {
    bind<float>(m);
    bind<double>(m);
}

}  // namespace rnnfast::bindings
