// Streams that join and leave: blocks of rows that go through the loop together.
#include <algorithm>
#include <deque>
#include <list>
#include <map>

#include "core/check.hpp"
#include "core/float_control.hpp"
#include "model/impl.hpp"
#include "model/loop.hpp"

namespace rnnfast {
namespace {

constexpr std::size_t most_together = 128;  // as in generate

// One that has been added, until its prompt is read.
template <class T>
struct Newcomer {
    Newcomer(Index id_, const GenerateOptions& options_, const Stream& given, StateView<const T> state, Index size)
        : id(id_),
          options(options_),
          prompt(given.prompt, given.prompt + given.prompt_length),
          history(given.history, given.history + given.history_length),
          stream{given.seed, given.stream, prompt.data(), given.prompt_length, history.data(), given.history_length},
          h(size),
          c(state.c ? size : 0),
          position(*state.position) {
        std::copy_n(state.h, size, h.data());
        std::copy_n(state.c, c.size(), c.data());
    }
    Index inputs() const { return std::max<Index>(1, stream.prompt_length); }

    Index id;
    Output* output = nullptr;
    GenerateOptions options;
    std::vector<std::int32_t> prompt, history;
    Stream stream;
    Buffer<T> h, c;  // [L, H]
    std::uint64_t position;
};

[[noreturn]] void refuse_id(Index id) {
    throw std::out_of_range("session: id is " + std::to_string(id) + ", which is no stream of it");
}

}  // namespace

template <class T>
struct Session<T>::Impl {
    const Network<T>& network;  // of the model, which must stay where it is
    WeightsMutex& weights;
    Index capacity;
    Index next_id = 0, live = 0;
    std::list<Rules<T>> rules;
    std::list<Newcomer<T>> newcomers;
    std::list<Loop<T>> loops;
    std::map<Index, Output> outputs;     // by id, of all that are live or have something to deliver
    std::deque<SamplingError> failures;  // that no step has told yet

    Rules<T>& rules_of(const GenerateOptions& options);
    void admit(std::size_t count, Poll& poll);
    void admit_all(Poll& poll);
    void merge();
    void advance(Index k, Poll& poll);
    Tokens deliver(Index k);
    void leave(Index id);
};

// Streams that draw alike share a sampler: its scratch stays in the cache.
template <class T>
Rules<T>& Session<T>::Impl::rules_of(const GenerateOptions& options) {
    for (Rules<T>& r : rules)
        if (r.config == options.sampler && r.stop == options.stop) return r;
    return rules.emplace_front(options, network.config.vocab_size);
}

// The first newcomers, those with the longest prompts first, read their prompts but for the last token; so they end
// together, as a block. Where the poll throws they are newcomers still.
template <class T>
void Session<T>::Impl::admit(std::size_t count, Poll& poll) {
    const auto nothing = [](Index, const Draw<T>&) { return false; };
    const auto end = std::next(newcomers.begin(), static_cast<std::ptrdiff_t>(count));
    std::list<Loop<T>> block;
    Loop<T>& loop = block.emplace_back(network, static_cast<Index>(most_together));
    auto next = newcomers.begin();
    for (Index left = next->inputs(); left > 0; --left) {
        std::vector<typename Loop<T>::Joining> joining;
        for (; next != end && next->inputs() == left; ++next) {
            Cursor<T> cursor(rules_of(next->options), next->options, next->id, next->stream, next->position,
                             network.config.vocab_size);
            cursor.output = next->output;
            joining.push_back({std::move(cursor), next->h.data(), next->c.data(), network.config.hidden_size});
        }
        loop.join(std::move(joining));
        if (left > 1) loop.step(nothing, poll);
    }
    loop.release_prompts();
    newcomers.erase(newcomers.begin(), end);
    loops.splice(loops.end(), block);
}

template <class T>
void Session<T>::Impl::admit_all(Poll& poll) {
    newcomers.sort([](const auto& a, const auto& b) { return a.inputs() > b.inputs(); });
    while (!newcomers.empty()) admit(std::min(newcomers.size(), most_together), poll);
}

// Blocks that have become small share one; rules that nobody draws by any more go.
template <class T>
void Session<T>::Impl::merge() {
    loops.remove_if([](const Loop<T>& loop) { return loop.empty(); });
    for (Rules<T>& r : rules) r.used = false;
    for (const Loop<T>& loop : loops)
        for (const auto& cursor : loop.cursors()) cursor.rules->used = true;
    rules.remove_if([](const Rules<T>& r) { return !r.used; });
    for (auto into = loops.begin(); into != loops.end();) {
        const auto next = std::next(into);
        if (next == loops.end()) break;
        if (into->cursors().size() + next->cursors().size() > most_together) {
            ++into;
            continue;
        }
        next->move_to(*into);
        loops.erase(next);
    }
}

// Until every stream has k tokens to deliver, or has ended. The poll is asked between steps only: all streams are then
// somewhere, and go on from there, and what failed is told by the next step.
template <class T>
void Session<T>::Impl::advance(Index k, Poll& poll) {
    Poll never;
    for (Loop<T>& loop : loops) {
        Index most = 0;
        for (const auto& cursor : loop.cursors())
            most = std::max(most, k - static_cast<Index>(cursor.output->tokens.size()));
        const auto emit = [&](Index row, const Draw<T>& draw) {
            Output& output = *loop.cursors()[static_cast<std::size_t>(row)].output;
            if (draw.token >= 0) output.tokens.push_back(draw.token);
            if (draw.token < 0) failures.push_back(loop.undrawable(draw));
            output.ended = draw.last;
            live -= draw.last;
            return draw.last;
        };
        for (; most > 0 && !loop.empty(); --most) {
            loop.step(emit, never);
            poll();
        }
    }
}

template <class T>
auto Session<T>::Impl::deliver(Index k) -> Tokens {
    Tokens result;
    result.tokens.assign(outputs.size() * static_cast<std::size_t>(k), -1);
    auto row = result.tokens.begin();
    for (auto entry = outputs.begin(); entry != outputs.end(); row += k) {
        auto& [seed, tokens, ended] = entry->second;
        const auto count = std::min<std::ptrdiff_t>(k, static_cast<std::ptrdiff_t>(tokens.size()));
        std::copy_n(tokens.begin(), count, row);
        tokens.erase(tokens.begin(), tokens.begin() + count);
        result.ids.push_back(entry->first);
        entry = ended && tokens.empty() ? outputs.erase(entry) : std::next(entry);
    }
    return result;
}

// Of a stream that was taken out. What an interrupted step has drawn of it is still to be delivered.
template <class T>
void Session<T>::Impl::leave(Index id) {
    const auto entry = outputs.find(id);
    entry->second.ended = true;
    if (entry->second.tokens.empty()) outputs.erase(entry);
    --live;
}

template <class T>
Session<T>::Session(const LanguageModel<T>& model, Index capacity) {
    at_least("session: capacity", capacity, 1);
    impl_.reset(new Impl{model.impl_->network, model.impl_->weights, capacity, 0, 0, {}, {}, {}, {}, {}});
}

template <class T>
Session<T>::~Session() = default;

template <class T>
Index Session<T>::add(const GenerateOptions& options, const Stream& stream, StateView<const T> state) {
    Impl& own = *impl_;
    check_generation(options, {stream}, own.network.config.vocab_size);
    if (options.stop_when) throw std::invalid_argument("session: stop has a function, expected tokens or text");
    at_least("session: length", options.length, 1);
    if (own.live >= own.capacity)
        throw std::runtime_error("session: there are " + std::to_string(own.capacity) +
                                 " streams, as many as its capacity");
    std::list<Newcomer<T>> newcomer;
    newcomer.emplace_back(own.next_id, options, stream, state,
                          own.network.config.num_layers * own.network.config.hidden_size);
    newcomer.front().output = &own.outputs[own.next_id];
    newcomer.front().output->seed = stream.seed;
    own.newcomers.splice(own.newcomers.end(), newcomer);  // from here on nothing throws
    ++own.live;
    return own.next_id++;
}

template <class T>
auto Session<T>::step(Index k, Poll& poll) -> Tokens {
    at_least("session: k", k, 0);
    Impl& own = *impl_;
    const FloatScope scope;
    const ReadLock lock(own.weights, poll);
    own.admit_all(poll);
    own.merge();
    own.advance(k, poll);
    poll.now();
    Tokens result = own.deliver(k);
    if (!own.failures.empty()) {
        result.failure = own.failures.front();
        own.failures.pop_front();
    }
    return result;
}

template <class T>
auto Session<T>::remove(Index id, Poll& poll) -> Left {
    Impl& own = *impl_;
    const Index H = own.network.config.hidden_size, L = own.network.config.num_layers;
    Left left{Buffer<T>(L * H), Buffer<T>(own.network.stack.has_c() ? L * H : 0), 0, -1, {}};
    const auto newcomer =
        std::find_if(own.newcomers.begin(), own.newcomers.end(), [id](const auto& n) { return n.id == id; });
    if (newcomer != own.newcomers.end()) {
        const FloatScope scope;
        const ReadLock lock(own.weights, poll);
        own.newcomers.splice(own.newcomers.begin(), own.newcomers, newcomer);
        own.admit(1, poll);
    }
    poll.now();
    for (Loop<T>& loop : own.loops)
        for (std::size_t row = 0; row < loop.cursors().size(); ++row) {
            const Cursor<T>& cursor = loop.cursors()[row];
            if (cursor.id != id) continue;
            loop.store(static_cast<Index>(row), left.h.data(), left.c.data(), H);
            left.position = cursor.position;
            left.pending = cursor.last;
            if (cursor.history) left.history = cursor.history->tokens();
            loop.remove(static_cast<Index>(row));
            own.leave(id);
            own.merge();
            return left;
        }
    refuse_id(id);
}

template <class T>
std::uint64_t Session<T>::seed(Index id) const {
    const auto entry = impl_->outputs.find(id);
    if (entry == impl_->outputs.end()) refuse_id(id);
    return entry->second.seed;
}

template <class T>
Index Session<T>::size() const noexcept {
    const Impl& own = *impl_;
    return static_cast<Index>(own.outputs.size()) +
           std::count_if(own.failures.begin(), own.failures.end(), [&own](const auto& failure) {
               return own.outputs.count(failure.stream) == 0;  // it has told its tokens, but not that it failed
           });
}

template <class T>
std::vector<Index> Session<T>::ids() const {
    std::vector<Index> ids;
    for (const auto& [id, output] : impl_->outputs)
        if (!output.ended) ids.push_back(id);
    return ids;
}

template class Session<float>;
template class Session<double>;

}  // namespace rnnfast
