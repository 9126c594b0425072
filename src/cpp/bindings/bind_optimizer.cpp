#include "bindings.hpp"
#include "rnnfast/optimizer.hpp"

namespace rnnfast::bindings {
namespace {

OptimizerConfig make_config(const std::string& kind, double learning_rate, double beta1, double beta2, double epsilon,
                            bool keras_epsilon, double decay) {
    if (kind != "adam" && kind != "sgd") throw py::value_error("kind is '" + kind + "', expected 'adam' or 'sgd'");
    const OptimizerConfig config{kind == "adam" ? OptimizerConfig::Kind::adam : OptimizerConfig::Kind::sgd,
                                 learning_rate,
                                 beta1,
                                 beta2,
                                 epsilon,
                                 keras_epsilon,
                                 decay};
    check(config);
    return config;
}

template <class T>
void step(const OptimizerConfig& config, const Array<T>& g, Array<T>& p, OptimizerState<T>& state, Index num_threads) {
    expect_dimensions("p", p, 1, "(n,)");
    expect_shape("g", g, {p.size()}, "(n,) as p");
    const py::gil_scoped_release release;
    Threads threads(num_threads);
    optimizer_step(config, p.size(), g.data(), p.mutable_data(), state, threads);
}

template <class T>
double clip(std::optional<double> value, std::optional<double> norm, Array<T>& g, Index num_threads) {
    const py::gil_scoped_release release;
    Threads threads(num_threads);
    return clip_gradient(Clipping{value, norm}, g.size(), g.mutable_data(), threads);
}

template <class T>
void bind(py::module_& m, const char* name) {
    py::class_<OptimizerState<T>>(m, name).def(py::init<>()).def_readonly("steps", &OptimizerState<T>::steps);
    m.def("optimizer_step", step<T>, py::arg("config"), py::arg("g").noconvert(), py::arg("p").noconvert(),
          py::arg("state"), py::arg("num_threads") = 1);
    m.def("clip_gradient", clip<T>, py::arg("value"), py::arg("norm"), py::arg("g").noconvert(),
          py::arg("num_threads") = 1);
}

}  // namespace

void bind_optimizer(py::module_& m) {
    py::class_<OptimizerConfig>(m, "OptimizerConfig")
        .def(py::init(&make_config), py::arg("kind"), py::arg("learning_rate"), py::arg("beta1"), py::arg("beta2"),
             py::arg("epsilon"), py::arg("keras_epsilon"), py::arg("decay"));
    bind<float>(m, "OptimizerStateF32");
    bind<double>(m, "OptimizerStateF64");
}

}  // namespace rnnfast::bindings
