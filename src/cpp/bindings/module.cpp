#include <chrono>
#include <thread>

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

namespace {

// rnnfast.SamplingError, with the attributes stream and step.
void register_sampling_error(py::module_& m, const py::object& base) {
    PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> type;
    type.call_once_and_store_result([&] { return py::exception<SamplingError>(m, "SamplingError", base); });
    py::register_exception_translator([](std::exception_ptr pointer) {
        try {
            if (pointer) std::rethrow_exception(pointer);
        } catch (const SamplingError& error) {
            const py::object& own = type.get_stored();
            const py::object value = own(error.what());
            value.attr("stream") = error.stream;
            value.attr("step") = error.step;
            PyErr_SetObject(own.ptr(), value.ptr());
        }
    });
}

// A thread that asks for the GIL while the interpreter ends is unwound by it, which C++ takes for an error and aborts.
// It waits for the end of the process instead, as in Python 3.14.
class HangAtExit {
public:
    ~HangAtExit() {
        while (!done_ && finalizing()) std::this_thread::sleep_for(std::chrono::seconds(60));
    }
    void done() noexcept { done_ = true; }

private:
    static bool finalizing() noexcept {
#if PY_VERSION_HEX >= 0x030D0000
        return Py_IsFinalizing() != 0;
#else
        return _Py_IsFinalizing() != 0;
#endif
    }
    bool done_ = false;
};

}  // namespace

Poll python_poll(std::function<void()> also) {
    return Poll([also = std::move(also)] {
        HangAtExit guard;
        const py::gil_scoped_acquire gil;
        guard.done();
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        if (also) also();
    });
}

}  // namespace rnnfast::bindings

PYBIND11_MODULE(_core, m) {
    namespace py = pybind11;
    m.doc() = "The compiled core of rnnfast. Use the package's own functions: these check types and shapes only.";
    m.attr("__version__") = RNNFAST_VERSION;
    const py::object non_finite =
        py::register_exception<rnnfast::NonFiniteError>(m, "NonFiniteError", PyExc_FloatingPointError);
    rnnfast::bindings::register_sampling_error(m, non_finite);
    rnnfast::bindings::bind_isa(m);
    rnnfast::bindings::bind_layers(m);
    rnnfast::bindings::bind_rnn(m);
    rnnfast::bindings::bind_gru(m);
    rnnfast::bindings::bind_lstm(m);
    rnnfast::bindings::bind_optimizer(m);
    rnnfast::bindings::bind_random(m);
    rnnfast::bindings::bind_trainable(m);  // the layers' base
    rnnfast::bindings::bind_dense(m);
    rnnfast::bindings::bind_embedding(m);
    rnnfast::bindings::bind_recurrent(m);
    rnnfast::bindings::bind_sampler(m);
    rnnfast::bindings::bind_model(m);
    rnnfast::bindings::bind_online(m);
}
