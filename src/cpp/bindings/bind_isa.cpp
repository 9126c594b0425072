#include "bindings.hpp"
#include "core/float_control.hpp"
#include "rnnfast/isa.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast::bindings {

void bind_isa(py::module_& m) {
    m.def("known_isas", known_isas);
    m.def("available_isas", available_isas);
    m.def("active_isa", active_isa);
    m.def("set_isa", set_isa, py::arg("name"));
    m.def("float_control", read_float_control);
    m.def("available_processors", available_processors);
    m.def("choose_threads", choose_threads, py::arg("requested"), py::arg("multiply_adds"));
}

}  // namespace rnnfast::bindings
