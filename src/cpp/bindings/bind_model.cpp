#include <algorithm>

#include "model_call.hpp"

namespace rnnfast::bindings {
namespace {

py::tuple sums_tuple(const LossSums& sums) { return py::make_tuple(sums.loss, sums.count, sums.correct); }

Sequences sequences(const Tokens& inputs, const Tokens& targets) {
    expect_dimensions("inputs", inputs, 2, "(N, T)");
    expect_shape("targets", targets, {inputs.shape(0), inputs.shape(1)}, "(N, T) as the inputs");
    return {inputs.shape(0), inputs.shape(1), inputs.data(), targets.data()};
}

template <class T>
void set_parameters(LanguageModel<T>& model, const std::vector<std::optional<Array<T>>>& values) {
    const std::vector<const T*> data = parameter_data(model.parameters(), values);
    Poll poll = python_poll();
    const py::gil_scoped_release release;
    model.set_parameters(data, poll);
}

template <class T>
void fit(LanguageModel<T>& model, const Tokens& inputs, const Tokens& targets, Index epochs, Index batch_size,
         const OptimizerConfig& optimizer, const std::string& reduction, std::optional<double> clip_value,
         std::optional<double> clip_norm, bool keras_clip_norm, bool shuffle,
         const std::optional<std::pair<Tokens, Tokens>>& validation, FitProgress& progress, const py::object& epoch_end,
         const py::object& on_progress, Index num_threads, Index truncate, bool stateful, const py::object& next) {
    if (reduction != "token" && reduction != "sequence")
        throw py::value_error("reduction is '" + reduction + "', expected 'token' or 'sequence'");
    FitOptions options;
    options.epochs = epochs;
    options.batch_size = batch_size;
    options.truncate = truncate;
    options.stateful = stateful;
    options.optimizer = optimizer;
    options.reduction = reduction == "token" ? Reduction::token : Reduction::sequence;
    options.clipping = {clip_value, clip_norm, keras_clip_norm};
    options.shuffle = shuffle;
    options.num_threads = num_threads;
    if (validation) options.validation = sequences(validation->first, validation->second);
    if (!epoch_end.is_none())
        options.epoch_end = [&epoch_end](const FitProgress&) {
            const py::gil_scoped_acquire gil;
            return epoch_end().cast<bool>();
        };
    std::optional<std::pair<Tokens, Tokens>> given;  // what `next` gave last, by its owner
    if (!next.is_none())
        options.next = [&next, &given](Sequences& data) {
            const py::gil_scoped_acquire gil;
            given = next().cast<std::optional<std::pair<Tokens, Tokens>>>();
            if (given) data = sequences(given->first, given->second);
            return given.has_value();
        };
    const Sequences data = sequences(inputs, targets);

    auto due = Poll::Clock::now();
    Poll poll = python_poll(on_progress.is_none() ? std::function<void()>() : [&on_progress, &due] {
        if (Poll::Clock::now() < due) return;
        on_progress();
        due = Poll::Clock::now() + std::chrono::milliseconds(100);
    });
    const py::gil_scoped_release release;
    model.fit(data, options, progress, poll);
}

template <class T>
py::tuple evaluate(const LanguageModel<T>& model, const Tokens& given_inputs, const Tokens& given_targets,
                   Index num_threads) {
    const Tokens inputs = copy(given_inputs), targets = copy(given_targets);  // other threads may change the caller's
    const Sequences data = sequences(inputs, targets);
    Poll poll = python_poll();
    LossSums sums;
    {
        const py::gil_scoped_release release;
        sums = model.evaluate(data, num_threads, poll);
    }
    return sums_tuple(sums);
}

template <class T>
py::tuple predict(const LanguageModel<T>& model, const Tokens& given, const Array<T>& h, const Array<T>& c,
                  const Array<std::uint64_t>& position, Index num_threads) {
    const Tokens inputs = copy(given);  // another thread may change the caller's
    expect_dimensions("X", inputs, 2, "(N, T)");
    const Index N = inputs.shape(0), steps = inputs.shape(1);
    State<T> state(model, N, h, c, position);
    Array<T> probabilities = empty<T>({N, steps, model.config().vocab_size});
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        model.predict(N, steps, inputs.data(), probabilities.mutable_data(), state.view(), num_threads, poll);
    }
    return py::make_tuple(probabilities, state.h, state.c);
}

// A flat array laid out like the parameters <-> a dict of arrays by parameter name.
template <class T>
py::dict split(const LanguageModel<T>& model, const Buffer<T>& flat) {
    py::dict arrays;
    if (flat.size() == 0) return arrays;
    for (const auto& p : model.parameters()) {
        Array<T> part = empty<T>(p.shape);
        std::copy_n(flat.data() + (p.data - model.parameters()[0].data), p.size, part.mutable_data());
        arrays[py::str(p.name)] = part;
    }
    return arrays;
}

template <class T>
Buffer<T> join(const LanguageModel<T>& model, const py::dict& arrays) {
    if (arrays.empty()) return Buffer<T>();
    Buffer<T> flat(model.storage_size());
    for (const auto& p : model.parameters()) {
        const auto part = arrays[py::str(p.name)].template cast<Array<T>>();
        expect_shape(p.name.c_str(), part, p.shape, "the parameter's own");
        std::copy_n(part.data(), p.size, flat.data() + (p.data - model.parameters()[0].data));
    }
    return flat;
}

// (parameters, (kind, steps, beta1_power, beta2_power, slots), epochs_begun): copies of one moment; parameters and each
// slot are dicts by name. A slot that is empty is left out.
template <class T>
py::tuple snapshot(const LanguageModel<T>& model) {
    Poll poll = python_poll();
    Snapshot<T> s;
    {
        const py::gil_scoped_release release;
        s = model.snapshot(poll);
    }
    const auto& o = s.optimizer;
    py::dict slots;
    for (const Slot slot : all_slots)
        if (o[slot].size()) slots[slot_name(slot)] = split(model, o[slot]);
    const py::tuple optimizer = py::make_tuple(kind_name(o.kind), o.steps, o.beta1_power, o.beta2_power, slots);
    return py::make_tuple(split(model, s.parameters), optimizer, s.epochs_begun);
}

template <class T>
void restore(LanguageModel<T>& model, const py::dict& parameters, const std::string& kind, std::int64_t steps,
             double beta1_power, double beta2_power, const py::dict& slots, std::uint64_t epochs_begun) {
    Snapshot<T> s;
    s.parameters = join(model, parameters);
    static_cast<OptimizerSteps&>(s.optimizer) = {optimizer_kind(kind), steps, beta1_power, beta2_power};
    for (const Slot slot : all_slots)
        if (slots.contains(slot_name(slot))) s.optimizer[slot] = join(model, py::dict(slots[slot_name(slot)]));
    s.epochs_begun = epochs_begun;
    Poll poll = python_poll();
    const py::gil_scoped_release release;
    model.restore(s, poll);
}

template <class T>
void bind(py::module_& m, const char* name) {
    const auto array = [](const char* argument) { return py::arg(argument).noconvert(); };
    using Model = LanguageModel<T>;
    py::class_<Model> model(m, name);
    model
        .def(py::init([](Index vocab_size, Index hidden_size, Index num_layers, std::uint64_t seed,
                         const std::string& cell, Index embedding_size, bool tie_weights, double dropout) {
                 const LanguageModelConfig config{vocab_size,       hidden_size,    num_layers,  seed,
                                                  cell_named(cell), embedding_size, tie_weights, dropout};
                 Poll poll = python_poll();
                 const py::gil_scoped_release release;
                 return Model(config, poll);
             }),
             py::arg("vocab_size"), py::arg("hidden_size"), py::arg("num_layers"), py::arg("seed"), py::arg("cell"),
             py::arg("embedding_size"), py::arg("tie_weights"), py::arg("dropout"))
        .def_property_readonly("num_parameters", &Model::num_parameters)
        .def_property_readonly(
            "parameters",
            [](const py::object& self) { return parameter_views(self.cast<const Model&>().parameters(), self); })
        .def("set_parameters", set_parameters<T>, py::arg("values"))
        .def("snapshot", snapshot<T>)
        .def("restore", restore<T>, py::arg("parameters"), py::arg("kind"), py::arg("steps"), py::arg("beta1_power"),
             py::arg("beta2_power"), py::arg("slots"), py::arg("epochs_begun"))
        .def("fit", fit<T>, array("inputs"), array("targets"), py::arg("epochs"), py::arg("batch_size"),
             py::arg("optimizer"), py::arg("reduction"), py::arg("clip_value"), py::arg("clip_norm"),
             py::arg("keras_clip_norm"), py::arg("shuffle"), py::arg("validation"), py::arg("progress"),
             py::arg("epoch_end"), py::arg("on_progress"), py::arg("num_threads"), py::arg("truncate"),
             py::arg("stateful"), py::arg("next"))
        .def("evaluate", evaluate<T>, array("inputs"), array("targets"), py::arg("num_threads"))
        .def("predict", predict<T>, array("inputs"), array("h"), array("c"), array("position"), py::arg("num_threads"));
    bind_generation(m, model);
    bind_session<T>(m);
}

}  // namespace

void bind_model(py::module_& m) {
    m.def(
        "parameter_shapes",
        [](Index vocab_size, Index hidden_size, Index num_layers, const std::string& cell, Index embedding_size,
           bool tie_weights) {
            py::dict shapes;
            for (const auto& p : parameter_shapes(
                     {vocab_size, hidden_size, num_layers, 0, cell_named(cell), embedding_size, tie_weights, 0}))
                shapes[py::str(p.name)] = py::tuple(py::cast(p.shape));
            return shapes;
        },
        py::arg("vocab_size"), py::arg("hidden_size"), py::arg("num_layers"), py::arg("cell"),
        py::arg("embedding_size"), py::arg("tie_weights"));
    py::class_<FitProgress>(m, "FitProgress")
        .def(py::init<>())
        .def_readonly("epoch", &FitProgress::epoch)
        .def_readonly("step", &FitProgress::step)
        .def_readonly("steps_per_epoch", &FitProgress::steps_per_epoch)
        .def_readonly("steps", &FitProgress::steps)
        .def_readonly("tokens", &FitProgress::tokens)
        .def_property_readonly("current", [](const FitProgress& p) { return sums_tuple(p.current); })
        .def(
            "stats",
            [](const FitProgress& p, std::size_t epoch) {
                const EpochStats& stats = p.epochs.at(epoch);
                return py::make_tuple(sums_tuple(stats.training),
                                      stats.validation ? py::object(sums_tuple(*stats.validation)) : py::none(),
                                      stats.seconds);
            },
            py::arg("epoch"));
    bind<float>(m, "LanguageModelF32");
    bind<double>(m, "LanguageModelF64");
}

}  // namespace rnnfast::bindings
