// A whole generated piece: all streams, from their prompts to their ends, in one native call.
#include <algorithm>

#include "core/float_control.hpp"
#include "core/products.hpp"
#include "model/details.hpp"
#include "model/impl.hpp"
#include "model/loop.hpp"

namespace rnnfast {

namespace {

// What a call writes, and what it will have written once nothing can fail any more.
template <class T>
struct Results {
    Results(const Network<T>& network, Index N, Index length, bool with_state, Poll& poll)
        : tokens(N * length),
          h(with_state ? network.config.num_layers * N * network.config.hidden_size : 0),
          c(network.stack.has_c() ? h.size() : 0),
          position(with_state ? N : 0) {
        in_blocks(N, length, poll,
                  [&](Index n, Index count) { std::fill_n(tokens.data() + n * length, count * length, -1); });
    }
    Buffer<std::int32_t> tokens;
    Buffer<T> h, c;
    Buffer<std::uint64_t> position;
};

// Some streams of a call: those from `first` on, `count` of them.
template <class T>
struct Part {
    const Network<T>& network;
    const GenerateOptions& options;
    const std::vector<Stream>& streams;
    Index first, count;
};

template <class T>
void generate_part(const Part<T>& part, Rules<T>& rules, Loop<T>& loop, StateView<T> before, GenerateDetails<T> details,
                   Results<T>& results, const FloatScope& scope, Poll& poll) {
    const LanguageModelConfig& config = part.network.config;
    const GenerateOptions& options = part.options;
    const Index H = config.hidden_size, V = config.vocab_size, N = static_cast<Index>(part.streams.size());
    DetailWriter<T> writer(details, options.length, V);
    std::vector<typename Loop<T>::Joining> joining;
    for (Index n = part.first; n < part.first + part.count; ++n)
        joining.push_back({Cursor<T>(rules, options, n, part.streams[static_cast<std::size_t>(n)],
                                     before.h ? before.position[n] : 0, V),
                           part_of(before.h, n * H), part_of(before.c, n * H), N * H});
    loop.join(std::move(joining));
    const auto emit = [&](Index row, const Draw<T>& draw) {
        if (draw.token < 0) throw loop.undrawable(draw);
        std::int32_t* const tokens = results.tokens.data() + draw.id * options.length;
        tokens[draw.step] = draw.token;
        const Index drawn = draw.step + 1;
        if (details.any()) writer.write(draw.id, draw.step, draw.token, draw.logits);
        bool ends = draw.last;
        if (!ends && options.stop_when && drawn >= options.min_length) {
            const FloatMode callers(scope.callers());
            ends = options.stop_when(draw.id, tokens, drawn);
        }
        if (!ends) return false;
        if (before.h) {
            loop.store(row, results.h.data() + draw.id * H, part_of(results.c.data(), draw.id * H), N * H);
            results.position[draw.id] = before.position[draw.id] + static_cast<std::uint64_t>(drawn);
        }
        if (details.lengths) details.lengths[draw.id] = drawn;
        return true;
    };
    while (!loop.empty()) loop.step(emit, poll);
}

}  // namespace

template <class T>
void LanguageModel<T>::generate(const GenerateOptions& options, const std::vector<Stream>& streams,
                                std::int32_t* tokens, StateView<T> state, Poll& poll,
                                const GenerateDetails<T>& details) const {
    // So many streams go through the loop together that the weights are read seldom and all else stays in the cache.
    constexpr Index most_together = 128;
    const Network<T>& network = impl_->network;
    const Index V = config().vocab_size, N = static_cast<Index>(streams.size());
    check_generation(options, streams, V);
    if (details.num_alternatives < 0 || details.num_alternatives > V)
        throw std::invalid_argument("generate: num_alternatives is " + std::to_string(details.num_alternatives) +
                                    ", expected 0 to " + std::to_string(V) + " = vocab_size");
    Index tokens_read = 0;
    for (const Stream& s : streams) tokens_read += options.length + s.prompt_length;
    const double work = network.work_of_token() * static_cast<double>(tokens_read);
    // Each thread reads all weights: it takes some streams together for that to pay. The caller's function stays in the
    // caller's thread.
    const Index wanted = choose_threads(options.num_threads, N < 32 ? 0 : work);
    if (details.lengths) std::fill_n(details.lengths, N, 0);
    if (N == 0) return;
    if (options.length == 0) {  // the prompts are read, to go on from
        if (state.h) TokenStream<T>(*this, options, streams, {state.h, state.c, state.position}).store(state, poll);
        return;
    }

    const FloatScope scope;
    Results<T> results(network, N, options.length, state.h != nullptr, poll);
    Threads threads(options.stop_when ? 1 : std::min(wanted, N));
    {
        const ReadLock lock(impl_->weights, poll);
        threads.run(poll, [&](Index rank, Poll& own) {
            const auto share = threads.share(N, 1, rank);
            const Index blocks = (share.size() + most_together - 1) / most_together;
            Rules<T> rules(options, V);
            Loop<T> loop(network, std::min(share.size(), most_together));
            for (Index block = 0; block < blocks; ++block) {
                const Index first = share.begin + share.size() * block / blocks;
                const Index end = share.begin + share.size() * (block + 1) / blocks;
                generate_part<T>({network, options, streams, first, end - first}, rules, loop, state, details, results,
                                 scope, own);
            }
        });
    }
    std::copy_n(results.tokens.data(), results.tokens.size(), tokens);
    std::copy_n(results.h.data(), results.h.size(), state.h);
    std::copy_n(results.c.data(), results.c.size(), state.c);
    std::copy_n(results.position.data(), results.position.size(), state.position);
}

template void LanguageModel<float>::generate(const GenerateOptions&, const std::vector<Stream>&, std::int32_t*,
                                             StateView<float>, Poll&, const GenerateDetails<float>&) const;
template void LanguageModel<double>::generate(const GenerateOptions&, const std::vector<Stream>&, std::int32_t*,
                                              StateView<double>, Poll&, const GenerateDetails<double>&) const;

}  // namespace rnnfast
