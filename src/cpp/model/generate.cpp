// The generation loop: cell, dense layer, draw, feedback, for all streams, in one native call.
#include <algorithm>

#include "core/check.hpp"
#include "core/float_control.hpp"
#include "core/products.hpp"
#include "model/impl.hpp"
#include "model/tokens.hpp"
#include "rnnfast/random.hpp"

namespace rnnfast {
namespace {

void check_options(const GenerateOptions& options, const std::vector<Stream>& streams, Index V) {
    at_least("generate: length", options.length, 0);
    check(options.sampler);
    check_token("initial_token", options.initial_token, V);
    check_token("stop_token", options.stop_token, V);
    for (const Stream& s : streams)
        if (s.prompt_length > 0) check_tokens("prompt", 1, s.prompt_length, s.prompt, V);
}

// Where one stream is in its prompt and its output.
struct Cursor {
    const std::int32_t* prompt;
    Index prompt_length;
    std::int32_t* out;
    Index drawn = 0;
    bool done = false;

    // The input of loop step t: the prompt, then what was drawn last.
    std::int32_t input(Index t) const { return t < prompt_length ? prompt[t] : drawn > 0 ? out[drawn - 1] : -1; }
    bool draws(Index t) const { return !done && t + 1 >= prompt_length; }
};

}  // namespace

template <class T>
void LanguageModel<T>::generate(const GenerateOptions& options, const std::vector<Stream>& streams,
                                std::int32_t* tokens, StateView<T> state, Poll& poll) const {
    const Network<T>& network = impl_->network;
    const Index V = config().vocab_size, H = config().hidden_size, L = config().num_layers;
    const Index N = static_cast<Index>(streams.size());
    check_options(options, streams, V);
    in_blocks(N, options.length, poll,
              [&](Index row, Index count) { std::fill_n(tokens + row * options.length, count * options.length, -1); });
    if (options.length == 0 || N == 0) return;

    const FloatScope scope;
    const ReadLock lock(impl_->weights, poll);
    Sampler<T> sampler(options.sampler, V);
    Activations<T> activations(config(), 1, N);
    Buffer<T> logits(N * V);
    Buffer<std::int32_t> inputs(N);
    std::vector<Cursor> cursors;
    for (const Stream& s : streams) {
        const bool prompted = s.prompt_length > 0;
        cursors.push_back({prompted ? s.prompt : &options.initial_token, prompted ? s.prompt_length : 1,
                           tokens + static_cast<Index>(cursors.size()) * options.length});
    }
    const auto store_stream = [&](Index n) {
        for (Index l = 0; l < L; ++l) {
            const auto& layer = activations.layers[static_cast<std::size_t>(l)];
            std::copy_n(layer.h.data() + (N + n) * H, H, state.h + (l * N + n) * H);
            std::copy_n(layer.c.data() + (N + n) * H, H, state.c + (l * N + n) * H);
        }
    };

    activations.load_state(state.h, state.c);
    Index live = N;
    for (Index t = 0; live > 0; ++t) {
        poll();
        bool any_draws = false;
        for (Index n = 0; n < N; ++n) {
            const Cursor& cursor = cursors[static_cast<std::size_t>(n)];
            inputs[n] = cursor.input(t);
            any_draws |= cursor.draws(t);
        }
        forward(network, 1, inputs.data(), activations, poll);
        if (any_draws) network.dense.forward(N, activations.top(), logits.data(), poll);
        for (Index n = 0; n < N; ++n) {
            Cursor& cursor = cursors[static_cast<std::size_t>(n)];
            if (!cursor.draws(t)) continue;
            poll();
            const Stream& stream = streams[static_cast<std::size_t>(n)];
            const T u = random_uniform<T>({stream.seed, stream.stream}, state.position[n], Purpose::sampling);
            const std::int32_t token = sampler(logits.data() + n * V, u);
            if (token < 0)
                throw NonFiniteError("generate: stream " + std::to_string(n) + ", step " +
                                     std::to_string(cursor.drawn) + ": the logits hold a nan or only -inf");
            cursor.out[cursor.drawn++] = token;
            ++state.position[n];
            cursor.done = cursor.drawn == options.length || token == options.stop_token;
            if (!cursor.done) continue;
            store_stream(n);
            --live;
        }
        activations.carry_state(1);
    }
}

template void LanguageModel<float>::generate(const GenerateOptions&, const std::vector<Stream>&, std::int32_t*,
                                             StateView<float>, Poll&) const;
template void LanguageModel<double>::generate(const GenerateOptions&, const std::vector<Stream>&, std::int32_t*,
                                              StateView<double>, Poll&) const;

}  // namespace rnnfast
