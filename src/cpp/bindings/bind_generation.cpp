#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>

#include "generation_call.hpp"

namespace rnnfast::bindings {
namespace {

// Calls `function(tokens)` for its truth, with a copy of a stream's tokens so far.
std::function<bool(Index, const std::int32_t*, Index)> asking(const py::object& function) {
    if (function.is_none()) return nullptr;
    return [&function](Index, const std::int32_t* tokens, Index count) {
        const py::gil_scoped_acquire gil;
        Tokens drawn = empty<std::int32_t>({count});
        std::copy_n(tokens, count, drawn.mutable_data());
        return py::bool_(function(drawn)).operator bool();
    };
}

// The arrays of GenerateDetails, as a dict by their names.
template <class T>
struct Details {
    Details(Index N, Index length, Index num_alternatives) : lengths(zeros<Index>({N})) {
        log_probabilities = zeros<T>({N, length});
        entropies = zeros<T>({N, length});
        alternatives = empty<std::int32_t>({N, length, num_alternatives});
        std::fill_n(alternatives.mutable_data(), alternatives.size(), -1);
        alternative_log_probabilities = zeros<T>({N, length, num_alternatives});
        view = {lengths.mutable_data(), log_probabilities.mutable_data(), entropies.mutable_data(),
                num_alternatives,       alternatives.mutable_data(),      alternative_log_probabilities.mutable_data()};
    }
    py::dict dict() const {
        py::dict all;
        all["lengths"] = lengths;
        all["log_probabilities"] = log_probabilities;
        all["entropies"] = entropies;
        all["alternatives"] = alternatives;
        all["alternative_log_probabilities"] = alternative_log_probabilities;
        return all;
    }

    Array<Index> lengths;
    Array<T> log_probabilities, entropies, alternative_log_probabilities;
    Tokens alternatives;
    GenerateDetails<T> view;
};

// (tokens, h, c, position, details): details only where num_alternatives is given. Without a state the streams begin
// with zeros, and None comes back for it.
template <class T>
py::tuple generate(const LanguageModel<T>& model, Index length, const std::vector<Tokens>& prompts, const Keys& keys,
                   const SamplerConfig& sampler, const Sequences& stop, std::int32_t initial_token,
                   const std::optional<Array<T>>& h, const std::optional<Array<T>>& c,
                   const std::optional<Array<std::uint64_t>>& position, Index num_threads, Index min_length,
                   const py::object& stop_when, const std::vector<Tokens>& histories,
                   std::optional<Index> num_alternatives, const std::shared_ptr<Constraint>& constraint) {
    const StreamsCall call(keys, prompts, histories);
    const Index N = call.size();
    GenerateOptions options = make_options(length, min_length, sampler, stop, initial_token, constraint);
    options.stop_when = asking(stop_when);
    options.num_threads = num_threads;
    if (h.has_value() != c.has_value() || h.has_value() != position.has_value())
        throw py::value_error("h, c and position are expected together, or none of them");
    std::optional<State<T>> state;
    if (h) state.emplace(model, N, *h, *c, *position);
    Tokens tokens = empty<std::int32_t>({N, length});
    std::optional<Details<T>> details;
    if (num_alternatives) {
        if (*num_alternatives < 0 || *num_alternatives > model.config().vocab_size)
            throw py::value_error("num_alternatives is " + std::to_string(*num_alternatives) + ", expected 0 to " +
                                  std::to_string(model.config().vocab_size) + " = vocab_size");
        details.emplace(N, length, *num_alternatives);
    }
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        model.generate(options, call.streams, tokens.mutable_data(), state ? state->view() : StateView<T>{}, poll,
                       details ? details->view : GenerateDetails<T>{});
    }
    const py::dict told = details ? details->dict() : py::dict();
    if (!state) return py::make_tuple(tokens, py::none(), py::none(), py::none(), told);
    return py::make_tuple(tokens, state->h, state->c, state->position, told);
}

// log_probabilities (N, T)
template <class T>
Array<T> score(const LanguageModel<T>& model, const Tokens& given_first, const Tokens& given, const Array<T>& h,
               const Array<T>& c, const Array<std::uint64_t>& position, Index num_threads) {
    const Tokens first = copy(given_first), tokens = copy(given);  // another thread may change the caller's
    expect_dimensions("tokens", tokens, 2, "(N, T)");
    const Index N = tokens.shape(0), steps = tokens.shape(1);
    expect_shape("first", first, {N}, "(N,)");
    State<T> state(model, N, h, c, position);
    Array<T> log_probabilities = empty<T>({N, steps});
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        model.score(N, steps, first.data(), tokens.data(), log_probabilities.mutable_data(), state.const_view(),
                    num_threads, poll);
    }
    return log_probabilities;
}

// [(tokens, log_probability, score)], the best first
template <class T>
py::list beam_search(const LanguageModel<T>& model, Index width, Index length, double length_penalty,
                     const Tokens& given, const Sequences& stop, std::int32_t initial_token, const Array<T>& h,
                     const Array<T>& c, const Array<std::uint64_t>& position,
                     const std::shared_ptr<Constraint>& constraint) {
    const StreamsCall call({{0, 0}}, {given}, {});
    State<T> state(model, 1, h, c, position);
    const BeamOptions options{width, length, length_penalty, stop, initial_token, constraint};
    std::vector<Beam> beams;
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        beams = model.beam_search(options, call.streams[0], state.const_view(), poll);
    }
    py::list result;
    for (const Beam& beam : beams) {
        result.append(py::make_tuple(array_of(beam.tokens), beam.log_probability, beam.score));
    }
    return result;
}

// An iterator: each next() gives an int where there is one stream, else an array (N,).
template <class T>
class TokenIterator {
public:
    TokenIterator(py::object model, Index length, const std::vector<Tokens>& prompts, const Keys& keys,
                  const SamplerConfig& sampler, const Sequences& stop, std::int32_t initial_token, const Array<T>& h,
                  const Array<T>& c, const Array<std::uint64_t>& position, Index min_length, py::object stop_when,
                  const std::vector<Tokens>& histories, const std::shared_ptr<Constraint>& constraint)
        : model_(std::move(model)), stop_when_(std::move(stop_when)), N_(static_cast<Index>(keys.size())) {
        const auto& native = model_.cast<const LanguageModel<T>&>();
        const StreamsCall call(keys, prompts, histories);
        GenerateOptions options = make_options(length, min_length, sampler, stop, initial_token, constraint);
        options.stop_when = asking(stop_when_);
        State<T> state(native, N_, h, c, position);
        stream_ = std::make_unique<TokenStream<T>>(native, options, call.streams, state.const_view());
    }

    py::object next() {
        const Turn turn(busy_);
        if (!item_) item_ = draw();
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();  // the item is then the next call's
        py::object item = std::move(item_);
        if (item.is_none()) throw py::stop_iteration();
        return item;
    }

    // (h, c, position, last, lengths, drawn)
    py::tuple state() {
        const Turn turn(busy_);
        const auto& config = model_.template cast<const LanguageModel<T>&>().config();
        const Shape shape{config.num_layers, N_, config.hidden_size};
        Array<T> h = empty<T>(shape), c = empty<T>(shape);
        Array<std::uint64_t> position = empty<std::uint64_t>({N_});
        const StateView<T> view{h.mutable_data(), c.mutable_data(), position.mutable_data()};
        Poll poll = python_poll();
        {
            const py::gil_scoped_release release;
            stream_->store(view, poll);
        }
        const auto& progress = stream_->progress();
        return py::make_tuple(h, c, position, array_of(progress.last), array_of(progress.lengths), progress.drawn);
    }

private:
    // None at the end.
    py::object draw() {
        Poll poll = python_poll();
        std::int32_t one = -1;
        Tokens all;
        if (N_ != 1) all = empty<std::int32_t>({N_});
        std::int32_t* const tokens = N_ == 1 ? &one : all.mutable_data();
        bool more = false;
        {
            const py::gil_scoped_release release;
            more = stream_->next(tokens, poll);
        }
        if (!more) return py::none();
        return N_ == 1 ? py::object(py::int_(one)) : py::object(all);
    }

    py::object model_, stop_when_;
    py::object item_;  // drawn and not delivered
    Index N_;
    std::unique_ptr<TokenStream<T>> stream_;
    std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

}  // namespace

template <class T>
void bind_generation(py::module_& m, py::class_<LanguageModel<T>>& model) {
    const auto array = [](const char* argument) { return py::arg(argument).noconvert(); };
    model.def("generate", generate<T>, py::arg("length"), py::arg("prompts"), py::arg("keys"), py::arg("sampler"),
              py::arg("stop"), py::arg("initial_token"), array("h"), array("c"), array("position"),
              py::arg("num_threads"), py::arg("min_length") = 0, py::arg("stop_when") = py::none(),
              py::arg("histories") = std::vector<Tokens>(), py::arg("num_alternatives") = py::none(),
              py::arg("constraint") = py::none());
    model.def("score", score<T>, array("first"), array("tokens"), array("h"), array("c"), array("position"),
              py::arg("num_threads"));
    model.def("beam_search", beam_search<T>, py::arg("width"), py::arg("length"), py::arg("length_penalty"),
              array("prompt"), py::arg("stop"), py::arg("initial_token"), array("h"), array("c"), array("position"),
              py::arg("constraint"));

    using Iterator = TokenIterator<T>;
    py::class_<Iterator>(m, sizeof(T) == sizeof(float) ? "TokenIteratorF32" : "TokenIteratorF64")
        .def(py::init<py::object, Index, const std::vector<Tokens>&, const Keys&, const SamplerConfig&,
                      const Sequences&, std::int32_t, const Array<T>&, const Array<T>&, const Array<std::uint64_t>&,
                      Index, py::object, const std::vector<Tokens>&, const std::shared_ptr<Constraint>&>(),
             py::arg("model"), py::arg("length"), py::arg("prompts"), py::arg("keys"), py::arg("sampler"),
             py::arg("stop"), py::arg("initial_token"), array("h"), array("c"), array("position"),
             py::arg("min_length"), py::arg("stop_when"), py::arg("histories"), py::arg("constraint"))
        .def("__iter__", [](py::object self) { return self; })
        .def("__next__", &Iterator::next)
        .def("state", &Iterator::state);
}

template void bind_generation(py::module_&, py::class_<LanguageModel<float>>&);
template void bind_generation(py::module_&, py::class_<LanguageModel<double>>&);

}  // namespace rnnfast::bindings
