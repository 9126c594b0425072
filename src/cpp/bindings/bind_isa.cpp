#include "bindings.hpp"
#include "core/float_control.hpp"
#include "rnnfast/isa.hpp"

namespace rnnfast::bindings {

void bind_isa(py::module_& m) {
    m.def("known_isas", known_isas);
    m.def("available_isas", available_isas);
    m.def("active_isa", active_isa);
    m.def("set_isa", set_isa, py::arg("name"));
    m.def("float_control", read_float_control);
}

}  // namespace rnnfast::bindings
