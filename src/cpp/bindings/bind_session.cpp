#include <memory>

#include "generation_call.hpp"

namespace rnnfast::bindings {
namespace {

template <class T>
class SessionCall {
public:
    SessionCall(py::object model, Index capacity)
        : model_(std::move(model)),
          session_(std::make_unique<Session<T>>(model_.cast<const LanguageModel<T>&>(), capacity)) {}

    Index add(Index length, const std::vector<Tokens>& prompts, const Keys& keys, const SamplerConfig& sampler,
              const Sequences& stop, std::int32_t initial_token, const Array<T>& h, const Array<T>& c,
              const Array<std::uint64_t>& position, Index min_length, const std::vector<Tokens>& histories,
              const std::shared_ptr<Constraint>& constraint) {
        const Turn turn(busy_);
        const StreamsCall call(keys, prompts, histories);
        if (call.size() != 1) throw py::value_error("keys has " + std::to_string(call.size()) + " entries, expected 1");
        const State<T> state(model_.cast<const LanguageModel<T>&>(), 1, h, c, position);
        return session_->add(make_options(length, min_length, sampler, stop, initial_token, constraint),
                             call.streams[0], state.const_view());
    }

    // (ids, tokens, error or None)
    py::tuple step(Index k) {
        const Turn turn(busy_);
        typename Session<T>::Tokens result;
        Poll poll = python_poll();
        {
            const py::gil_scoped_release release;
            result = session_->step(k, poll);
        }
        Tokens tokens = empty<std::int32_t>({static_cast<Index>(result.ids.size()), k});
        std::copy(result.tokens.begin(), result.tokens.end(), tokens.mutable_data());
        const auto& failure = result.failure;
        return py::make_tuple(
            array_of(result.ids), tokens,
            failure ? py::object(py::make_tuple(failure->what(), failure->stream, failure->step)) : py::none());
    }

    // (h, c, position, pending, history) of one stream
    py::tuple remove(Index id) {
        const Turn turn(busy_);
        typename Session<T>::Left left;
        Poll poll = python_poll();
        {
            const py::gil_scoped_release release;
            left = session_->remove(id, poll);
        }
        const auto& config = model_.cast<const LanguageModel<T>&>().config();
        const Index L = config.num_layers, H = config.hidden_size;
        Array<T> h = empty<T>({L, 1, H}), c = empty<T>({left.c.size() > 0 ? L : 0, 1, H});
        std::copy_n(left.h.data(), left.h.size(), h.mutable_data());
        std::copy_n(left.c.data(), left.c.size(), c.mutable_data());
        return py::make_tuple(h, c, left.position, left.pending, array_of(left.history));
    }

    std::uint64_t seed(Index id) {
        const Turn turn(busy_);
        return session_->seed(id);
    }
    Index size() {
        const Turn turn(busy_);
        return session_->size();
    }
    Array<Index> ids() {
        const Turn turn(busy_);
        return array_of(session_->ids());
    }

private:
    py::object model_;
    std::unique_ptr<Session<T>> session_;
    std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

}  // namespace

template <class T>
void bind_session(py::module_& m) {
    const auto array = [](const char* argument) { return py::arg(argument).noconvert(); };
    using Call = SessionCall<T>;
    py::class_<Call>(m, sizeof(T) == sizeof(float) ? "SessionF32" : "SessionF64")
        .def(py::init<py::object, Index>(), py::arg("model"), py::arg("capacity"))
        .def("add", &Call::add, py::arg("length"), py::arg("prompts"), py::arg("keys"), py::arg("sampler"),
             py::arg("stop"), py::arg("initial_token"), array("h"), array("c"), array("position"),
             py::arg("min_length"), py::arg("histories"), py::arg("constraint"))
        .def("step", &Call::step, py::arg("k"))
        .def("remove", &Call::remove, py::arg("id"))
        .def("seed", &Call::seed, py::arg("id"))
        .def("__len__", &Call::size)
        .def_property_readonly("ids", &Call::ids);
}

template void bind_session<float>(py::module_&);
template void bind_session<double>(py::module_&);

}  // namespace rnnfast::bindings
