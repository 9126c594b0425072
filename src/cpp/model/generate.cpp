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

// Some streams, from the first token of their prompts to the last that they draw. No stream knows of the others.
template <class T>
class Loop {
public:
    Loop(const Network<T>& network, const GenerateOptions& options, const Stream* streams, Index N, Poll& poll)
        : network_(network),
          options_(options),
          streams_(streams),
          N_(N),
          slot_(N * network.config.hidden_size),
          sampler_(options.sampler, network.config.vocab_size),
          h_{Buffer<T>(network.config.num_layers * slot_), Buffer<T>(network.config.num_layers * slot_)},
          c_(network.stack.has_c() ? network.config.num_layers * slot_ : 0),
          embedded_(N * network.config.embedding_size),
          scratch_(network.stack.step_scratch(N)),
          logits_(N * network.config.vocab_size),
          inputs_(N),
          poll_(poll) {}

    /// tokens [N, length] out; h and c [L, all, H] and position [all], of which the first N streams are these.
    void run(std::int32_t* tokens, StateView<T> state, Index all) {
        const Index H = network_.config.hidden_size, L = network_.config.num_layers;
        for (Index n = 0; n < N_; ++n) {
            const Stream& s = streams_[n];
            const bool prompted = s.prompt_length > 0;
            cursors_.push_back({prompted ? s.prompt : &options_.initial_token, prompted ? s.prompt_length : 1,
                                tokens + n * options_.length});
        }
        for (Index l = 0; l < L; ++l) {
            std::copy_n(state.h + l * all * H, slot_, h_[0].data() + l * slot_);
            if (c_.size() > 0) std::copy_n(state.c + l * all * H, slot_, c_.data() + l * slot_);
        }
        Index live = N_;
        for (Index t = 0; live > 0; ++t) {
            step(t);
            for (Index n = 0; n < N_; ++n) {
                Cursor& cursor = cursors_[static_cast<std::size_t>(n)];
                if (!cursor.draws(t)) continue;
                draw(n, cursor, state.position[n]);
                if (!cursor.done) continue;
                for (Index l = 0; l < L; ++l) {
                    std::copy_n(h_[(t + 1) % 2].data() + l * slot_ + n * H, H, state.h + (l * all + n) * H);
                    if (c_.size() > 0) std::copy_n(c_.data() + l * slot_ + n * H, H, state.c + (l * all + n) * H);
                }
                --live;
            }
        }
    }

private:
    // All layers at step t, and the logits if any stream will draw.
    void step(Index t) {
        bool any_draws = false;
        for (Index n = 0; n < N_; ++n) {
            const Cursor& cursor = cursors_[static_cast<std::size_t>(n)];
            inputs_[n] = cursor.input(t);
            any_draws |= cursor.draws(t);
        }
        LayerInput<T> x{inputs_.data(), nullptr};
        if (network_.embedding) {
            network_.embedding->forward(N_, inputs_.data(), network_.weights.embedding_W, embedded_.data(), alone_,
                                        poll_);
            x = {nullptr, embedded_.data()};
        }
        T* const h = h_[(t + 1) % 2].data();
        network_.stack.step(t, N_, x, h_[t % 2].data(), h, c_.data(), scratch_.data(), poll_);
        const T* const top = h + (network_.config.num_layers - 1) * slot_;
        if (any_draws) network_.dense.forward(N_, top, logits_.data(), alone_, poll_);
    }

    void draw(Index n, Cursor& cursor, std::uint64_t& position) {
        const Index V = network_.config.vocab_size;
        const Stream& stream = streams_[n];
        poll_(elementary_work * V);
        const T u = random_uniform<T>({stream.seed, stream.stream}, position, Purpose::sampling);
        const std::int32_t token = sampler_(logits_.data() + n * V, u);
        if (token < 0) throw Undrawable{n, cursor.drawn};
        cursor.out[cursor.drawn++] = token;
        ++position;
        cursor.done = cursor.drawn == options_.length || token == options_.stop_token;
    }

public:
    /// Logits that allow no draw.
    struct Undrawable {
        Index stream, step;
    };

private:
    const Network<T>& network_;
    const GenerateOptions& options_;
    const Stream* streams_;
    Index N_, slot_;
    Sampler<T> sampler_;
    Buffer<T> h_[2], c_, embedded_, scratch_, logits_;
    Buffer<std::int32_t> inputs_;
    std::vector<Cursor> cursors_;
    Threads alone_;
    Poll& poll_;
};

}  // namespace

template <class T>
void LanguageModel<T>::generate(const GenerateOptions& options, const std::vector<Stream>& streams,
                                std::int32_t* tokens, StateView<T> state, Poll& poll) const {
    // So many streams go through the loop together that the weights are read seldom and all else stays in the cache.
    constexpr Index most_together = 128;
    const Network<T>& network = impl_->network;
    const Index H = config().hidden_size, N = static_cast<Index>(streams.size());
    check_options(options, streams, config().vocab_size);
    Index tokens_read = 0;
    for (const Stream& s : streams) tokens_read += options.length + s.prompt_length;
    const double work = network.work_of_token() * static_cast<double>(tokens_read);
    // Each thread reads all weights: it takes some streams together for that to pay.
    const Index wanted = choose_threads(options.num_threads, N < 32 ? 0 : work);
    in_blocks(N, options.length, poll,
              [&](Index row, Index count) { std::fill_n(tokens + row * options.length, count * options.length, -1); });
    if (options.length == 0 || N == 0) return;

    const FloatScope scope;
    Threads threads(std::min(wanted, N));
    const ReadLock lock(impl_->weights, poll);
    threads.run(poll, [&](Index rank, Poll& own) {
        const auto part = threads.share(N, 1, rank);
        const Index blocks = (part.size() + most_together - 1) / most_together;
        for (Index block = 0; block < blocks; ++block) {
            const Index first = part.begin + part.size() * block / blocks;
            const Index end = part.begin + part.size() * (block + 1) / blocks;
            Loop<T> loop(network, options, streams.data() + first, end - first, own);
            try {
                loop.run(tokens + first * options.length,
                         {state.h + first * H, state.c ? state.c + first * H : nullptr, state.position + first}, N);
            } catch (const typename Loop<T>::Undrawable& at) {
                throw NonFiniteError("generate: stream " + std::to_string(first + at.stream) + ", step " +
                                     std::to_string(at.step) + ": the logits hold a nan or only -inf");
            }
        }
    });
}

template void LanguageModel<float>::generate(const GenerateOptions&, const std::vector<Stream>&, std::int32_t*,
                                             StateView<float>, Poll&) const;
template void LanguageModel<double>::generate(const GenerateOptions&, const std::vector<Stream>&, std::int32_t*,
                                              StateView<double>, Poll&) const;

}  // namespace rnnfast
