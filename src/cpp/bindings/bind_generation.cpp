#include <algorithm>

#include "model_call.hpp"

namespace rnnfast::bindings {
namespace {

using Keys = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
using Sequences = std::vector<std::vector<std::int32_t>>;

// Streams, and copies of what they read: another thread may change the caller's.
class StreamsCall {
public:
    StreamsCall(const Keys& keys, const std::vector<Tokens>& prompts, const std::vector<Tokens>& histories) {
        expect_one_each("prompts", prompts.size(), keys.size());
        if (!histories.empty()) expect_one_each("histories", histories.size(), keys.size());
        for (std::size_t n = 0; n < keys.size(); ++n) {
            const Tokens prompt = keep(prompts[n]), history = histories.empty() ? Tokens() : keep(histories[n]);
            streams.push_back(
                {keys[n].first, keys[n].second, prompt.data(), prompt.size(), history.data(), history.size()});
        }
    }

    Index size() const { return static_cast<Index>(streams.size()); }
    std::vector<Stream> streams;

private:
    static void expect_one_each(const char* name, std::size_t size, std::size_t expected) {
        if (size != expected)
            throw py::value_error(std::string(name) + " has " + std::to_string(size) + " entries, expected " +
                                  std::to_string(expected) + " as keys");
    }
    Tokens keep(const Tokens& given) {
        expect_dimensions("a prompt", given, 1, "(T,)");
        return own_.emplace_back(copy(given));
    }
    std::vector<Tokens> own_;
};

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

GenerateOptions make_options(Index length, Index min_length, const SamplerConfig& sampler, const Sequences& stop,
                             std::int32_t initial_token) {
    if (length < 0) throw py::value_error("length is " + std::to_string(length) + ", expected at least 0");
    GenerateOptions options;
    options.length = length;
    options.min_length = min_length;
    options.sampler = sampler;
    options.stop = stop;
    options.initial_token = initial_token;
    return options;
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

// (tokens, h, c, position, details): details only where num_alternatives is given.
template <class T>
py::tuple generate(const LanguageModel<T>& model, Index length, const std::vector<Tokens>& prompts, const Keys& keys,
                   const SamplerConfig& sampler, const Sequences& stop, std::int32_t initial_token, const Array<T>& h,
                   const Array<T>& c, const Array<std::uint64_t>& position, Index num_threads, Index min_length,
                   const py::object& stop_when, const std::vector<Tokens>& histories,
                   std::optional<Index> num_alternatives) {
    const StreamsCall call(keys, prompts, histories);
    const Index N = call.size();
    GenerateOptions options = make_options(length, min_length, sampler, stop, initial_token);
    options.stop_when = asking(stop_when);
    options.num_threads = num_threads;
    State<T> state(model, N, h, c, position);
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
        model.generate(options, call.streams, tokens.mutable_data(), state.view(), poll,
                       details ? details->view : GenerateDetails<T>{});
    }
    return py::make_tuple(tokens, state.h, state.c, state.position, details ? details->dict() : py::dict());
}

}  // namespace

template <class T>
void bind_generation(py::class_<LanguageModel<T>>& model) {
    const auto array = [](const char* argument) { return py::arg(argument).noconvert(); };
    model.def("generate", generate<T>, py::arg("length"), py::arg("prompts"), py::arg("keys"), py::arg("sampler"),
              py::arg("stop"), py::arg("initial_token"), array("h"), array("c"), array("position"),
              py::arg("num_threads"), py::arg("min_length") = 0, py::arg("stop_when") = py::none(),
              py::arg("histories") = std::vector<Tokens>(), py::arg("num_alternatives") = py::none());
}

template void bind_generation(py::class_<LanguageModel<float>>&);
template void bind_generation(py::class_<LanguageModel<double>>&);

}  // namespace rnnfast::bindings
