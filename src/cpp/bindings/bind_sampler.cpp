#include <algorithm>
#include <memory>

#include "bindings.hpp"
#include "rnnfast/constraint.hpp"
#include "rnnfast/sampler.hpp"

namespace rnnfast::bindings {
namespace {

// A sampler over the logits' tokens, and the context that `history` makes.
template <class T>
class SamplerCall {
public:
    SamplerCall(const Array<T>& logits, const SamplerConfig& config, const Tokens& history)
        : sampler_(config, size(logits)), history_(config, logits.size()) {
        expect_dimensions("history", history, 1, "(T,)");
        for (Index t = 0; t < history.size(); ++t) {
            const std::int32_t token = history.at(t);
            if (token < -1 || token >= logits.size())
                throw py::value_error("history has " + std::to_string(token) + ", expected -1 to " +
                                      std::to_string(logits.size() - 1));
            history_.add(token);
        }
        if (config.has_penalties()) context_.history = &history_;
    }

    Sampler<T>& sampler() { return sampler_; }
    const DrawContext<T>& context() const { return context_; }

private:
    static Index size(const Array<T>& logits) {
        expect_dimensions("logits", logits, 1, "(V,)");
        if (logits.size() == 0) throw py::value_error("logits is empty, expected at least one");
        return logits.size();
    }

    Sampler<T> sampler_;
    History<T> history_;
    DrawContext<T> context_;
};

// The token that each u draws, -1 where there is none.
template <class T>
Tokens draw(const Array<T>& logits, const Array<T>& u, const SamplerConfig& config, const Tokens& history) {
    SamplerCall<T> call(logits, config, history);
    expect_dimensions("u", u, 1, "(n,)");
    Tokens tokens = empty<std::int32_t>({u.size()});
    std::transform(u.data(), u.data() + u.size(), tokens.mutable_data(),
                   [&](T one) { return call.sampler()(logits.data(), one, call.context()); });
    return tokens;
}

template <class T>
py::object filter(const Array<T>& logits, const SamplerConfig& config, const Tokens& history) {
    SamplerCall<T> call(logits, config, history);
    const T* const kept = call.sampler().filter(logits.data(), call.context());
    if (!kept) return py::none();
    Array<T> result = empty<T>({logits.size()});
    std::copy_n(kept, logits.size(), result.mutable_data());
    return result;
}

// The number of tokens of an automaton's table (S, V), after a look at its states.
Index expect_table(const char* name, const Tokens& table, std::int32_t start) {
    expect_dimensions(name, table, 2, "(S, V)");
    const Index states = table.shape(0);
    if (start < 0 || start >= states) throw py::value_error(std::string(name) + " begins in no state of its own");
    for (Index i = 0; i < table.size(); ++i)
        if (table.data()[i] < -1 || table.data()[i] >= states)
            throw py::value_error(std::string(name) + " has " + std::to_string(table.data()[i]) + ", expected -1 to " +
                                  std::to_string(states - 1));
    return table.shape(1);
}

std::shared_ptr<Constraint> compile(const Tokens& next_state, const Array<bool>& accepting, std::int32_t start,
                                    Index length) {
    expect_dimensions("next_state", next_state, 2, "(S, V)");
    expect_shape("accepting", accepting, {next_state.shape(0)}, "(S,)");
    const Index states = next_state.shape(0), V = next_state.shape(1);
    Poll poll = python_poll();
    const py::gil_scoped_release release;
    return std::make_shared<Constraint>(states, V, next_state.data(), accepting.data(), start, length, poll);
}

// (next_state (S, V), states (S, 2)), as multiply tells them
py::tuple product(const Tokens& given_first, std::int32_t first_start, const Tokens& given_second,
                  std::int32_t second_start, Index most_states) {
    const Tokens first = copy(given_first), second = copy(given_second);  // another thread may change the caller's
    const Index V = expect_table("first", first, first_start);
    if (expect_table("second", second, second_start) != V)
        throw py::value_error("second is for " + std::to_string(second.shape(1)) + " tokens, expected " +
                              std::to_string(V) + " as first");
    ConstraintProduct found;
    Poll poll = python_poll();
    {
        const py::gil_scoped_release release;
        found = multiply(V, first.data(), first_start, second.data(), second_start, second.shape(0), most_states, poll);
    }
    const auto count = static_cast<Index>(found.states.size());
    Tokens next = empty<std::int32_t>({count, V}), states = empty<std::int32_t>({count, 2});
    std::copy(found.next.begin(), found.next.end(), next.mutable_data());
    std::int32_t* to = states.mutable_data();
    for (const auto& [a, b] : found.states) {
        *to++ = a;
        *to++ = b;
    }
    return py::make_tuple(next, states);
}

template <class T>
void bind(py::module_& m) {
    const auto array = [](const char* argument) { return py::arg(argument).noconvert(); };
    m.def("draw", draw<T>, array("logits"), array("u"), py::arg("sampler"), array("history"));
    m.def("filter_logits", filter<T>, array("logits"), py::arg("sampler"), array("history"));
}

}  // namespace

void bind_sampler(py::module_& m) {
    using C = SamplerConfig;
    py::class_<C>(m, "SamplerConfig")
        .def(py::init([](double temperature, bool greedy, Index top_k, double top_p, double min_p, double typical_p,
                         double top_n_sigma, double repetition_penalty, double presence_penalty,
                         double frequency_penalty, Index penalty_window,
                         std::vector<std::pair<std::int32_t, double>> logit_bias, std::vector<std::int32_t> ban) {
                 C config{temperature,
                          greedy,
                          top_k,
                          top_p,
                          min_p,
                          typical_p,
                          top_n_sigma,
                          repetition_penalty,
                          presence_penalty,
                          frequency_penalty,
                          penalty_window,
                          std::move(logit_bias),
                          std::move(ban)};
                 check(config);
                 return config;
             }),
             py::arg("temperature"), py::arg("greedy"), py::arg("top_k"), py::arg("top_p"), py::arg("min_p"),
             py::arg("typical_p"), py::arg("top_n_sigma"), py::arg("repetition_penalty"), py::arg("presence_penalty"),
             py::arg("frequency_penalty"), py::arg("penalty_window"), py::arg("logit_bias"), py::arg("ban"));
    bind<float>(m);
    bind<double>(m);
    py::class_<Constraint, std::shared_ptr<Constraint>>(m, "Constraint")
        .def(py::init(&compile), py::arg("next_state").noconvert(), py::arg("accepting").noconvert(), py::arg("start"),
             py::arg("length"))
        .def("at", &Constraint::at, py::arg("start"));
    m.def("constraint_product", &product, py::arg("first").noconvert(), py::arg("first_start"),
          py::arg("second").noconvert(), py::arg("second_start"), py::arg("most_states"));
}

}  // namespace rnnfast::bindings
