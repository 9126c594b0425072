// The probability of given sequences, token by token.
#include <algorithm>

#include "core/check.hpp"
#include "core/float_control.hpp"
#include "core/products.hpp"
#include "model/impl.hpp"
#include "model/log_probabilities.hpp"
#include "model/tokens.hpp"

namespace rnnfast {
namespace {

// Memory does not grow with the data: so many sequences at a time, and so many steps of them.
constexpr Index most_rows = 64;
constexpr Index most_steps = 64;
constexpr Index most_logits = Index{1} << 22;

// logits [rows, V] to the logarithm of each target's probability, 0 where the target is -1.
template <class T>
void log_probabilities(Index rows, Index V, const std::int32_t* targets, T* logits, T* out, Threads& threads,
                       Poll& poll) {
    threads.run(poll, [&](Index rank, Poll& own) {
        Buffer<T> scratch(V);
        const auto share = threads.share(rows, 1, rank);
        for (Index row = share.begin; row < share.end; ++row) {
            own(elementary_work * V);
            if (targets[row] < 0) {
                out[row] = 0;
                continue;
            }
            to_log_probabilities(V, logits + row * V, scratch.data());
            out[row] = logits[row * V + targets[row]];
        }
    });
}

}  // namespace

template <class T>
void LanguageModel<T>::score(Index N, Index steps, const std::int32_t* first, const std::int32_t* tokens, T* log_p,
                             StateView<const T> state, Index num_threads, Poll& poll) const {
    const Network<T>& network = impl_->network;
    const Index V = config().vocab_size, H = config().hidden_size, L = config().num_layers;
    at_least("score: the number of rows", N, 0);
    at_least("score: the number of steps", steps, 0);
    check_tokens("initial_token", 1, N, first, V);
    check_tokens("tokens", N, steps, tokens, V);
    const FloatScope scope;
    const Index most = std::min(most_rows, N),
                chunk = std::max<Index>(1, std::min({most_steps, steps, most_logits / (std::max<Index>(1, most) * V)}));
    Threads threads(choose_threads(num_threads, network.work_of_token() * static_cast<double>(most * chunk)));
    const ReadLock lock(impl_->weights, poll);
    for (Index row = 0; row < N; row += most) {
        const Index rows = std::min(most, N - row);
        Activations<T> activations(network, chunk, rows);
        Buffer<T> out(chunk * rows), h(L * rows * H), c(state.c ? h.size() : 0);
        Buffer<std::int32_t> inputs(chunk * rows), targets(chunk * rows);
        for (Index l = 0; l < L; ++l) {
            std::copy_n(state.h + (l * N + row) * H, rows * H, h.data() + l * rows * H);
            if (state.c) std::copy_n(state.c + (l * N + row) * H, rows * H, c.data() + l * rows * H);
        }
        activations.stack.load_state(h.data(), c.data());
        for (Index from = 0; from < steps; from += chunk) {
            const Index now = std::min(chunk, steps - from);
            to_time_major(rows, now, steps, tokens + row * steps + from, nullptr, targets.data());
            for (Index n = 0; n < rows; ++n)
                inputs[n] = from == 0 ? first[row + n] : tokens[(row + n) * steps + from - 1];
            std::copy_n(targets.data(), (now - 1) * rows, inputs.data() + rows);
            forward(network, now, inputs.data(), {}, activations, threads, poll);
            log_probabilities(now * rows, V, targets.data(), activations.logits.data(), out.data(), threads, poll);
            for (Index n = 0; n < rows; ++n)
                for (Index t = 0; t < now; ++t) log_p[(row + n) * steps + from + t] = out[t * rows + n];
            activations.stack.carry_state();
        }
    }
}

template void LanguageModel<float>::score(Index, Index, const std::int32_t*, const std::int32_t*, float*,
                                          StateView<const float>, Index, Poll&) const;
template void LanguageModel<double>::score(Index, Index, const std::int32_t*, const std::int32_t*, double*,
                                           StateView<const double>, Index, Poll&) const;

}  // namespace rnnfast
