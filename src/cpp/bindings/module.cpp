#include "bindings.hpp"
#include "rnnfast/language_model.hpp"
#include "rnnfast/version.hpp"

namespace rnnfast::bindings {
namespace {

std::string text(const Shape& shape) {
    std::string s = "(";
    for (std::size_t k = 0; k < shape.size(); ++k) s += (k ? ", " : "") + std::to_string(shape[k]);
    return s + (shape.size() == 1 ? ",)" : ")");
}

Shape shape_of(const py::array& array) { return {array.shape(), array.shape() + array.ndim()}; }

}  // namespace

void expect_shape(const char* name, const py::array& array, const Shape& expected, const char* letters) {
    const Shape shape = shape_of(array);
    if (shape != expected)
        throw py::value_error(std::string(name) + " has shape " + text(shape) + ", expected " + text(expected) + " = " +
                              letters);
}

void expect_dimensions(const char* name, const py::array& array, Index dimensions, const char* letters) {
    if (array.ndim() != dimensions)
        throw py::value_error(std::string(name) + " has shape " + text(shape_of(array)) + ", expected " + letters);
}

Poll python_poll(std::function<void()> also) {
    return Poll([also = std::move(also)] {
        const py::gil_scoped_acquire gil;
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        if (also) also();
    });
}

}  // namespace rnnfast::bindings

PYBIND11_MODULE(_core, m) {
    namespace py = pybind11;
    m.doc() = "The compiled core of rnnfast. Use the package's own functions: these check types and shapes only.";
    m.attr("__version__") = RNNFAST_VERSION;
    py::register_exception<rnnfast::NonFiniteError>(m, "NonFiniteError", PyExc_FloatingPointError);
    rnnfast::bindings::bind_isa(m);
    rnnfast::bindings::bind_layers(m);
    rnnfast::bindings::bind_rnn(m);
    rnnfast::bindings::bind_gru(m);
    rnnfast::bindings::bind_optimizer(m);
    rnnfast::bindings::bind_random(m);
    rnnfast::bindings::bind_model(m);
}
