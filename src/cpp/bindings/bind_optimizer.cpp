#include <map>

#include "bindings.hpp"
#include "rnnfast/optimizer.hpp"
#include "rnnfast/trainable.hpp"

namespace rnnfast::bindings {
namespace {

LearningRate make_rate(double rate, const Decay& decay, std::int64_t warmup_steps, double warmup_start) {
    LearningRate learning_rate(rate, decay);
    learning_rate.warmup_steps = warmup_steps;
    learning_rate.warmup_start = warmup_start;
    check(learning_rate);
    return learning_rate;
}

OptimizerConfig make_config(const std::string& kind, const LearningRate& learning_rate, double weight_decay,
                            double momentum, bool nesterov, double alpha, bool centered, double beta1, double beta2,
                            double epsilon, bool keras_epsilon) {
    const OptimizerConfig config{
        optimizer_kind(kind), learning_rate, weight_decay, momentum, nesterov, alpha, centered, beta1, beta2, epsilon,
        keras_epsilon};
    check(config);
    return config;
}

std::vector<std::string> slots(const OptimizerConfig& config) {
    std::vector<std::string> names;
    for (const Slot slot : all_slots)
        if (remembers(config, slot)) names.push_back(slot_name(slot));
    return names;
}

template <class T>
using Arrays = std::vector<Array<T>>;
template <class T>
using Slots = std::map<std::string, Arrays<T>>;

void expect_as_many(const char* name, std::size_t size, std::size_t expected) {
    if (size != expected)
        throw py::value_error(std::string(name) + " has " + std::to_string(size) + " arrays, expected " +
                              std::to_string(expected) + " as parameters");
}

// Of parameter k, which has that shape; null where the optimiser remembers no such thing.
template <class T>
T* slot_of(const OptimizerConfig& config, Slots<T>& slots, Slot slot, std::size_t k, std::size_t count,
           const Shape& shape) {
    if (!remembers(config, slot)) return nullptr;
    Arrays<T>& arrays = slots[slot_name(slot)];
    expect_as_many(slot_name(slot), arrays.size(), count);
    expect_shape(slot_name(slot), arrays[k], shape, "the parameter's own");
    return arrays[k].mutable_data();
}

// How each array of parameters is updated; where it lies is still open.
template <class T>
std::vector<OptimizerPart<T>> parts_of(const OptimizerConfig& config, const std::vector<Shape>& shapes,
                                       const Arrays<T>& gradients, Slots<T>& slots) {
    check<T>(config);
    expect_as_many("gradients", gradients.size(), shapes.size());
    std::vector<OptimizerPart<T>> parts;
    for (std::size_t k = 0; k < shapes.size(); ++k) {
        const auto slot = [&](Slot s) { return slot_of(config, slots, s, k, shapes.size(), shapes[k]); };
        expect_shape("g", gradients[k], shapes[k], "the parameter's own");
        parts.push_back(
            {gradients[k].size(), gradients[k].data(), nullptr, slot(Slot::m), slot(Slot::v), slot(Slot::momentum)});
    }
    return parts;
}

template <class T>
void place(std::vector<OptimizerPart<T>>& parts, const std::vector<T*>& places) {
    for (std::size_t k = 0; k < parts.size(); ++k) parts[k].p = places[k];
}

Clipping clipping_of(std::optional<double> value, std::optional<double> norm, bool keras_clip_norm) {
    const Clipping clipping{value, norm, keras_clip_norm};
    check(clipping);
    return clipping;
}

py::tuple result(double norm, const OptimizerSteps& taken) {
    return py::make_tuple(norm, taken.steps, taken.beta1_power, taken.beta2_power);
}

// Changes parameters and slots; (global norm of the gradient before clipping, steps, beta1_power, beta2_power).
template <class T>
py::tuple step(const OptimizerConfig& config, std::optional<double> clip_value, std::optional<double> clip_norm,
               bool keras_clip_norm, Arrays<T> parameters, const Arrays<T>& gradients, Slots<T> slots,
               std::int64_t steps, double beta1_power, double beta2_power, Index num_threads) {
    const Clipping clipping = clipping_of(clip_value, clip_norm, keras_clip_norm);
    std::vector<Shape> shapes;
    std::vector<T*> places;
    for (Array<T>& p : parameters) {
        shapes.emplace_back(p.shape(), p.shape() + p.ndim());
        places.push_back(p.mutable_data());
    }
    std::vector<OptimizerPart<T>> parts = parts_of(config, shapes, gradients, slots);
    place(parts, places);
    OptimizerSteps taken{config.kind, steps, beta1_power, beta2_power};
    double norm = 0;
    {
        const py::gil_scoped_release release;
        Threads threads(num_threads);
        norm = clip_and_step(config, clipping, taken, std::move(parts), threads);
    }
    return result(norm, taken);
}

// The same for the parameters of layers, one layer after the other.
template <class T>
py::tuple step_layers(const OptimizerConfig& config, std::optional<double> clip_value, std::optional<double> clip_norm,
                      bool keras_clip_norm, const std::vector<Trainable<T>*>& layers, const Arrays<T>& gradients,
                      Slots<T> slots, std::int64_t steps, double beta1_power, double beta2_power, Index num_threads) {
    const Clipping clipping = clipping_of(clip_value, clip_norm, keras_clip_norm);
    std::vector<Shape> shapes;
    for (const auto* layer : layers)
        for (const auto& p : layer->parameters()) shapes.push_back(p.shape);
    std::vector<OptimizerPart<T>> parts = parts_of(config, shapes, gradients, slots);
    OptimizerSteps taken{config.kind, steps, beta1_power, beta2_power};
    double norm = 0;
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        Threads threads(num_threads);
        change_parameters<T>(layers, poll, [&](const std::vector<T*>& places) {
            place(parts, places);
            norm = clip_and_step(config, clipping, taken, std::move(parts), threads);
        });
    }
    return result(norm, taken);
}

template <class T>
double clip(std::optional<double> value, std::optional<double> norm, Array<T>& g, bool keras_clip_norm,
            Index num_threads) {
    const py::gil_scoped_release release;
    Threads threads(num_threads);
    return clip_gradient(Clipping{value, norm, keras_clip_norm}, g.size(), g.mutable_data(), threads);
}

template <class T>
void bind(py::module_& m) {
    m.def("optimizer_step", step<T>, py::arg("config"), py::arg("clip_value"), py::arg("clip_norm"),
          py::arg("keras_clip_norm"), py::arg("parameters").noconvert(), py::arg("gradients").noconvert(),
          py::arg("slots").noconvert(), py::arg("steps"), py::arg("beta1_power"), py::arg("beta2_power"),
          py::arg("num_threads") = 1);
    m.def("step_layers", step_layers<T>, py::arg("config"), py::arg("clip_value"), py::arg("clip_norm"),
          py::arg("keras_clip_norm"), py::arg("layers"), py::arg("gradients").noconvert(), py::arg("slots").noconvert(),
          py::arg("steps"), py::arg("beta1_power"), py::arg("beta2_power"), py::arg("num_threads") = 1);
    m.def("clip_gradient", clip<T>, py::arg("value"), py::arg("norm"), py::arg("g").noconvert(),
          py::arg("keras_clip_norm") = false, py::arg("num_threads") = 1);
}

void bind_rates(py::module_& m) {
    py::class_<InverseTimeDecay>(m, "InverseTimeDecay").def(py::init<double>(), py::arg("decay"));
    py::class_<ExponentialDecay>(m, "ExponentialDecay").def(py::init<double>(), py::arg("factor"));
    py::class_<StepDecay>(m, "StepDecay").def(py::init<std::int64_t, double>(), py::arg("every"), py::arg("factor"));
    py::class_<CosineDecay>(m, "CosineDecay")
        .def(py::init<std::int64_t, double>(), py::arg("steps"), py::arg("final_rate"));
    py::class_<LearningRate>(m, "LearningRate")
        .def(py::init(&make_rate), py::arg("rate"), py::arg("decay"), py::arg("warmup_steps") = 0,
             py::arg("warmup_start") = 0.0)
        .def_readonly("rate", &LearningRate::rate)
        .def_readonly("decay", &LearningRate::decay)
        .def("at", &LearningRate::at, py::arg("step"));
}

}  // namespace

void bind_optimizer(py::module_& m) {
    bind_rates(m);
    const OptimizerConfig usual;
    py::class_<OptimizerConfig>(m, "OptimizerConfig")
        .def(py::init(&make_config), py::arg("kind"), py::arg("learning_rate"), py::kw_only(),
             py::arg("weight_decay") = usual.weight_decay, py::arg("momentum") = usual.momentum,
             py::arg("nesterov") = usual.nesterov, py::arg("alpha") = usual.alpha, py::arg("centered") = usual.centered,
             py::arg("beta1") = usual.beta1, py::arg("beta2") = usual.beta2, py::arg("epsilon") = usual.epsilon,
             py::arg("keras_epsilon") = usual.keras_epsilon)
        .def_property_readonly("kind", [](const OptimizerConfig& config) { return kind_name(config.kind); })
        .def_property_readonly("slots", slots);
    bind<float>(m);
    bind<double>(m);
}

}  // namespace rnnfast::bindings
