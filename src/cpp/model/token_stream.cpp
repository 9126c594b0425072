// Generation a token at a time: the loop of generate, which waits for its caller after each draw.
#include <algorithm>
#include <deque>
#include <numeric>
#include <stdexcept>

#include "core/float_control.hpp"
#include "model/impl.hpp"
#include "model/loop.hpp"

namespace rnnfast {
namespace {

constexpr Index most_together = 128;  // as in generate

Index inputs_before_first_draw(const Stream& stream) { return std::max<Index>(1, stream.prompt_length); }

}  // namespace

template <class T>
struct TokenStream<T>::Impl {
    // Of the model, which must stay where it is.
    const Network<T>& network;
    WeightsMutex& weights;

    GenerateOptions options;
    std::vector<std::vector<std::int32_t>> prompts, histories;  // our own copies
    std::vector<Stream> streams;
    Index N;
    Rules<T> rules;
    Buffer<T> h, c;  // [L, N, H]: where each stream began, or has ended
    Buffer<std::uint64_t> position;
    Progress progress;

    // All streams draw for the first time in the same step: those with shorter prompts join later.
    std::vector<Index> waiting;  // the longest prompts last, of equal ones the first streams
    Index before_first_draw = 0;
    std::deque<Loop<T>> loops;
    bool failed = false;  // within a step

    Impl(const Network<T>& network_, WeightsMutex& weights_, const GenerateOptions& options_,
         const std::vector<Stream>& given, StateView<const T> state)
        : network(network_),
          weights(weights_),
          options(options_),
          streams(given),
          N(static_cast<Index>(given.size())),
          rules(options, network.config.vocab_size),
          h(network.config.num_layers * N * network.config.hidden_size),
          c(network.stack.has_c() ? h.size() : 0),
          position(N) {
        std::copy_n(state.h, h.size(), h.data());
        std::copy_n(state.c, c.size(), c.data());
        std::copy_n(state.position, N, position.data());
        for (Stream& s : streams) {
            s.prompt = prompts.emplace_back(s.prompt, s.prompt + s.prompt_length).data();
            s.history = histories.emplace_back(s.history, s.history + s.history_length).data();
            before_first_draw = std::max(before_first_draw, inputs_before_first_draw(s));
        }
        waiting.resize(streams.size());
        std::iota(waiting.rbegin(), waiting.rend(), 0);
        std::stable_sort(waiting.begin(), waiting.end(), [this](Index a, Index b) {
            return inputs_before_first_draw(stream(a)) < inputs_before_first_draw(stream(b));
        });
        progress.lengths.resize(streams.size());
        progress.last.assign(streams.size(), -1);
        const bool looks_back = options.stop_when || rules.config.has_penalties();
        if (looks_back ||
            std::any_of(streams.begin(), streams.end(), [](const Stream& s) { return s.history_length > 0; }))
            progress.drawn.resize(streams.size());
    }

    const Stream& stream(Index n) const { return streams[static_cast<std::size_t>(n)]; }

    // Those whose prompts are as long as what is left before the first draw.
    void join() {
        const Index H = network.config.hidden_size;
        std::vector<typename Loop<T>::Joining> joining;
        const auto flush = [&] {
            if (joining.empty()) return;
            loops.emplace_back(network, static_cast<Index>(joining.size())).join(std::move(joining));
            joining.clear();
        };
        while (!waiting.empty() && inputs_before_first_draw(stream(waiting.back())) == before_first_draw) {
            const Index n = waiting.back();
            waiting.pop_back();
            joining.push_back({Cursor<T>(rules, options, n, stream(n), position[n], network.config.vocab_size),
                               h.data() + n * H, part_of(c.data(), n * H), N * H});
            if (static_cast<Index>(joining.size()) == most_together) flush();
        }
        flush();
    }

    // Until the next step is everybody's first draw. The poll is asked between steps only: where it throws, the streams
    // are somewhere, and go on from there.
    void read_prompts(const FloatScope& scope, Poll& poll) {
        for (; before_first_draw > 1; --before_first_draw) {
            poll();
            step(nullptr, scope);
        }
    }

    void step(std::int32_t* tokens, const FloatScope& scope) {
        const Index H = network.config.hidden_size;
        Poll never;
        failed = true;  // unless all goes well
        join();
        for (Loop<T>& loop : loops) {
            if (loop.empty()) continue;
            const auto emit = [&](Index row, const Draw<T>& draw) {
                if (draw.token < 0) throw loop.undrawable(draw);
                tokens[draw.id] = draw.token;
                const bool ends = note(draw, scope) || draw.last;
                if (ends) loop.store(row, h.data() + draw.id * H, part_of(c.data(), draw.id * H), N * H);
                return ends;
            };
            loop.step(emit, never);
        }
        failed = false;
    }

    // Returns whether the caller's function ends the stream.
    bool note(const Draw<T>& draw, const FloatScope& scope) {
        const auto n = static_cast<std::size_t>(draw.id);
        const Index count = draw.step + 1;
        ++position[draw.id];
        progress.lengths[n] = count;
        progress.last[n] = draw.token;
        if (progress.drawn.empty()) return false;
        progress.drawn[n].push_back(draw.token);
        if (!options.stop_when || draw.last || count < options.min_length) return false;
        const FloatMode callers(scope.callers());
        return options.stop_when(draw.id, progress.drawn[n].data(), count);
    }

    bool live() const {
        if (failed || options.length == 0) return false;
        return !waiting.empty() ||
               std::any_of(loops.begin(), loops.end(), [](const Loop<T>& loop) { return !loop.empty(); });
    }
};

template <class T>
TokenStream<T>::TokenStream(const LanguageModel<T>& model, const GenerateOptions& options,
                            const std::vector<Stream>& streams, StateView<const T> state) {
    check_generation(options, streams, model.config().vocab_size);
    impl_ = std::make_unique<Impl>(model.impl_->network, model.impl_->weights, options, streams, state);
}

template <class T>
TokenStream<T>::~TokenStream() = default;
template <class T>
TokenStream<T>::TokenStream(TokenStream&&) noexcept = default;
template <class T>
TokenStream<T>& TokenStream<T>::operator=(TokenStream&&) noexcept = default;

template <class T>
bool TokenStream<T>::next(std::int32_t* tokens, Poll& poll) {
    Impl& own = *impl_;
    if (!own.live()) return false;
    const FloatScope scope;
    const ReadLock lock(own.weights, poll);
    own.read_prompts(scope, poll);
    std::fill_n(tokens, own.N, -1);
    own.step(tokens, scope);
    return true;
}

template <class T>
void TokenStream<T>::store(StateView<T> state, Poll& poll) {
    Impl& own = *impl_;
    const Index H = own.network.config.hidden_size;
    if (own.failed) throw std::runtime_error("state: the stream ended with an error within a step, and is nowhere");
    if (own.before_first_draw > 1) {
        const FloatScope scope;
        const ReadLock lock(own.weights, poll);
        own.read_prompts(scope, poll);
    }
    std::copy_n(own.h.data(), own.h.size(), state.h);
    std::copy_n(own.c.data(), own.c.size(), state.c);
    std::copy_n(own.position.data(), own.N, state.position);
    for (const Loop<T>& loop : own.loops)
        for (std::size_t row = 0; row < loop.cursors().size(); ++row) {
            const Index n = loop.cursors()[row].id;
            loop.store(static_cast<Index>(row), state.h + n * H, part_of(state.c, n * H), own.N * H);
        }
}

template <class T>
auto TokenStream<T>::progress() const noexcept -> const Progress& {
    return impl_->progress;
}

template class TokenStream<float>;
template class TokenStream<double>;

}  // namespace rnnfast
