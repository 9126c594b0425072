#include "bindings.hpp"
#include "rnnfast/trainable.hpp"

namespace rnnfast::bindings {
namespace {

template <class T>
void set_parameters(Trainable<T>& layer, const std::vector<std::optional<Array<T>>>& values) {
    const std::vector<const T*> data = parameter_data(layer.parameters(), values);
    Poll poll = python_poll();
    const py::gil_scoped_release release;
    layer.set_parameters(data, poll);
}

template <class T>
void bind(py::module_& m, const char* name) {
    py::class_<Trainable<T>>(m, name)
        .def_property_readonly(
            "parameters",
            [](const py::object& self) { return parameter_views(self.cast<const Trainable<T>&>().parameters(), self); })
        .def("set_parameters", set_parameters<T>, py::arg("values"));
}

}  // namespace

void bind_trainable(py::module_& m) {
    bind<float>(m, "TrainableF32");
    bind<double>(m, "TrainableF64");
}

}  // namespace rnnfast::bindings
