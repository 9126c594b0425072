// The training loop: every epoch, every step, and what may end them, in one native call.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <numeric>

#include "core/check.hpp"
#include "core/float_control.hpp"
#include "layers/dropout.hpp"
#include "model/impl.hpp"
#include "model/tokens.hpp"
#include "rnnfast/random.hpp"

namespace rnnfast {
namespace {

void check_sequences(const char* inputs, const char* targets, const Sequences& data, Index V) {
    check_tokens(inputs, data.samples, data.steps, data.inputs, V);
    check_tokens(targets, data.samples, data.steps, data.targets, V);
}

std::int64_t count_targets(Index n, const std::int32_t* targets) {
    return std::count_if(targets, targets + n, [](std::int32_t target) { return target >= 0; });
}

// Behind the last target that counts in any of the samples nothing is learnt; at least 1.
Index steps_that_count(const Sequences& data, const Index* order, Index batch) {
    Index steps = data.steps;
    const auto counts = [&](Index n) { return data.targets[order[n] * data.steps + steps - 1] >= 0; };
    for (; steps > 1; --steps)
        for (Index n = 0; n < batch; ++n)
            if (counts(n)) return steps;
    return steps;
}

void check_counts(const std::string& targets, const Sequences& data) {
    if (count_targets(data.samples * data.steps, data.targets) == 0)
        throw std::invalid_argument(targets + " has no target that counts: all are -1");
}

// A piece of some samples: steps [from, from + steps) of the samples in `order`.
struct Piece {
    const Index* order;
    Index from, steps;
    bool carries;  // goes on from the state where the last one ended
};

// The memory of one training step, and the step's gradient.
template <class T>
class Gradient {
public:
    Gradient(const Network<T>& network, Index steps, Index batch)
        : network_(network),
          activations_(network, steps, batch),
          dtop_(steps * batch * network.config.hidden_size),
          dembedded_(activations_.embedded.size()),
          dense_scratch_(network.dense.backward_scratch(steps * batch)),
          inputs_(steps * batch),
          targets_(steps * batch),
          flat_(network.parameters.flat().size()),
          places_(network.places_in(flat_)) {}

    Buffer<T>& flat() { return flat_; }

    /// Goes on where another one of the same network and batch ended.
    void take_state(const Gradient& other) {
        const LanguageModelConfig& config = network_.config;
        Buffer<T> h(config.num_layers * batch() * config.hidden_size), c(h.size());
        other.activations_.stack.store_state(h.data(), c.data());
        activations_.stack.load_state(h.data(), c.data());
        activations_.stack.set_steps(0);  // it is where the last step ended
    }
    Index batch() const { return activations_.stack.segments().batch(); }

    /// The gradient of the reduced loss over a piece; adds the loss to `sums`. `mask_step`: decides dropout's masks.
    void compute(const Sequences& data, const Piece& piece, Reduction reduction, std::uint64_t mask_step,
                 LossSums& sums, Threads& threads, Poll& poll) {
        const LanguageModelConfig& config = network_.config;
        const Index N = batch(), V = config.vocab_size, rows = piece.steps * N;
        if (piece.carries)
            activations_.stack.carry_state();
        else
            activations_.stack.zero_state();
        to_time_major(N, piece.steps, data.steps, data.inputs + piece.from, piece.order, inputs_.data());
        to_time_major(N, piece.steps, data.steps, data.targets + piece.from, piece.order, targets_.data());
        const std::int64_t count = count_targets(rows, targets_.data());
        const double divisor =
            static_cast<double>(reduction == Reduction::token ? std::max<std::int64_t>(count, 1) : N);

        masks_.emplace(config.seed, mask_step, config.num_layers);
        forward(network_, piece.steps, inputs_.data(), masks_, activations_, threads, poll);
        cross_entropy_gradient(rows, V, targets_.data(), static_cast<T>(1 / divisor), activations_.logits.data(), sums,
                               threads, poll);
        if (std::isfinite(sums.loss)) backward(threads, poll);
    }

private:
    void backward(Threads& threads, Poll& poll) {
        const Index rows = activations_.rows();
        flat_.set_zero();
        network_.dense.backward(rows, activations_.top, activations_.logits.data(), dtop_.data(), places_.dense_W,
                                places_.dense_b, dense_scratch_.data(), threads, poll);
        if (network_.config.dropout > 0)
            apply_dropout(network_.config.dropout, masks_->top, {}, rows, network_.config.hidden_size, dtop_.data(),
                          threads, poll);
        network_.stack.backward(dtop_.data(), places_.stack, dembedded_.data(), {}, activations_.stack, threads, poll);
        if (network_.embedding)
            network_.embedding->backward(rows, inputs_.data(), dembedded_.data(), places_.embedding_W, threads, poll);
    }

    const Network<T>& network_;
    Activations<T> activations_;
    Buffer<T> dtop_, dembedded_, dense_scratch_;
    Buffer<std::int32_t> inputs_, targets_;
    Buffer<T> flat_;
    typename Network<T>::Places places_;
    std::optional<MaskKeys> masks_;
};

// What a fit works in. Fresh memory is slow (the system hands it out page by page), so the last one's is kept.
template <class T>
struct TrainingMemory {
    TrainingMemory(const Network<T>& network, Index steps_, Index batch, Index last_batch)
        : steps(steps_), whole(network, steps, batch) {
        if (last_batch > 0) rest.emplace(network, steps, last_batch);
    }
    bool fits(Index steps_, Index batch, Index last_batch) const {
        return steps == steps_ && whole.batch() == batch && (rest ? rest->batch() : 0) == last_batch;
    }

    Index steps;
    Gradient<T> whole;
    std::optional<Gradient<T>> rest;  // the last batch of an epoch, where it is smaller
};

template <class T>
TrainingMemory<T>& training_memory(std::shared_ptr<void>& kept, const Network<T>& network, Index steps, Index batch,
                                   Index last_batch) {
    if (!kept || !static_cast<TrainingMemory<T>*>(kept.get())->fits(steps, batch, last_batch)) {
        kept.reset();
        kept = std::make_shared<TrainingMemory<T>>(network, steps, batch, last_batch);
    }
    return *static_cast<TrainingMemory<T>*>(kept.get());
}

// Memory for longer pieces than before, which goes on from the state where these ended.
template <class T>
TrainingMemory<T>& longer_memory(std::shared_ptr<void>& kept, const Network<T>& network, Index steps, Index batch) {
    const std::shared_ptr<void> before = kept;
    auto& memory = training_memory(kept, network, steps, batch, Index{0});
    memory.whole.take_state(static_cast<const TrainingMemory<T>*>(before.get())->whole);
    return memory;
}

// Multiply-adds of forward, of dx and of dW for so many tokens.
template <class T>
double work_of_step(const Network<T>& network, Index tokens) {
    return 3.0 * network.work_of_token() * static_cast<double>(tokens);
}

[[noreturn]] void throw_non_finite(const char* what, double value, const FitProgress& at) {
    throw NonFiniteError("fit: the " + std::string(what) + " is " + (std::isnan(value) ? "nan" : "infinite") +
                         " at epoch " + std::to_string(at.epoch) + ", step " + std::to_string(at.step) +
                         " (counted from 0); parameters and optimiser are those of the step before it. A smaller "
                         "learning rate or clip_norm may help");
}

// A copy: the caller's arrays may change while Python runs in the midst of the call.
struct OwnSequences {
    explicit OwnSequences(const Sequences& given) : inputs(size(given)), targets(size(given)), sequences(given) {
        if (inputs.size() == 0) return;
        std::copy_n(given.inputs, inputs.size(), inputs.data());
        std::copy_n(given.targets, targets.size(), targets.data());
        sequences.inputs = inputs.data();
        sequences.targets = targets.data();
    }
    static Index size(const Sequences& s) { return s.samples > 0 && s.steps > 0 ? s.samples * s.steps : 0; }

    Buffer<std::int32_t> inputs, targets;
    Sequences sequences;
};

template <class Function>
struct Finally {
    explicit Finally(Function function) : function_(function) {}
    ~Finally() { function_(); }
    Function function_;
};

void check_data(const Sequences& data, Index V) {
    at_least("fit: X: the number of samples", data.samples, 1);
    at_least("fit: X: the number of steps", data.steps, 1);
    check_sequences("X", "Y", data, V);
}

// What an endless stream gives next, as many samples as before it.
OwnSequences checked_next(const Sequences& next, Index samples, Index V) {
    OwnSequences data(next);
    check_data(data.sequences, V);
    if (next.samples != samples)
        throw std::invalid_argument("fit: X: the number of samples is " + std::to_string(next.samples) + ", expected " +
                                    std::to_string(samples) + " as before");
    return data;
}

template <class T>
void check_options(const Sequences& data, const Sequences& validation, const FitOptions& options, Index V) {
    at_least("fit: epochs", options.epochs, 0);
    at_least("fit: batch_size", options.batch_size, 0);
    at_least("fit: truncate", options.truncate, options.next ? 1 : 0);
    if (options.next && (!options.stateful || options.batch_size != 0))
        throw std::invalid_argument("fit: an endless stream is stateful, and its batch is all samples");
    check<T>(options.optimizer);
    check(options.clipping);
    check_data(data, V);
    if (!options.next) check_counts("fit: Y", data);  // of a stream, something else may come
    at_least("fit: validation X: the number of samples", validation.samples, 0);
    if (validation.samples) {
        at_least("fit: validation X: the number of steps", validation.steps, 1);
        check_sequences("validation X", "validation Y", validation, V);
        check_counts("fit: validation Y", validation);
    }
}

}  // namespace

template <class T>
void LanguageModel<T>::fit(const Sequences& given, const FitOptions& options, FitProgress& progress, Poll& poll) {
    const FloatScope scope;
    OwnSequences data(given);
    const OwnSequences validation(options.validation);
    check_options<T>(data.sequences, validation.sequences, options, config().vocab_size);
    if (impl_->fitting.test_and_set())
        throw std::runtime_error("fit: this model is being fitted already, by another call");
    const Finally done([this] { impl_->fitting.clear(); });

    Network<T>& network = impl_->network;
    const Index samples = given.samples;
    const Index batch = options.batch_size == 0 ? samples : std::min(options.batch_size, samples);
    const Index last_batch = samples % batch;
    const bool endless = static_cast<bool>(options.next);
    const Index cut = options.truncate == 0 ? given.steps : options.truncate;
    Index most_steps = std::min(cut, given.steps);
    TrainingMemory<T>* memory = &training_memory(impl_->training_memory, network, most_steps, batch, last_batch);
    Buffer<Index> order(samples);
    Threads threads(choose_threads(options.num_threads, work_of_step(network, most_steps * batch)));
    {
        const WriteLock lock(impl_->weights, poll);
        network.prepare(true, threads);
    }
    const auto steps_per_epoch = [&] {
        return (samples / batch + (last_batch > 0)) * ((data.sequences.steps + most_steps - 1) / most_steps);
    };
    progress = {};
    progress.steps_per_epoch = steps_per_epoch();

    const auto step = [&](Gradient<T>& gradient, const Piece& piece) {
        LossSums sums;
        poll();
        {
            const ReadLock lock(impl_->weights, poll);
            gradient.compute(data.sequences, piece, options.reduction,
                             static_cast<std::uint64_t>(impl_->optimizer.steps), sums, threads, poll);
            if (!std::isfinite(sums.loss)) throw_non_finite("loss", sums.loss, progress);
            const double norm =
                clip_gradient(options.clipping, gradient.flat().size(), gradient.flat().data(), threads);
            if (const char* what = what_is_not_finite<T>(options.optimizer, options.clipping, norm))
                throw_non_finite(what, norm, progress);
        }
        const WriteLock lock(impl_->weights, poll);
        Buffer<T>& parameters = network.parameters.flat();
        optimizer_step(options.optimizer, parameters.size(), gradient.flat().data(), parameters.data(),
                       impl_->optimizer, threads);
        network.prepare(true, threads);
        if (progress.step == 0) ++impl_->epochs_begun;
        ++progress.step;
        ++progress.steps;
        progress.tokens += sums.count;
        progress.current.loss += sums.loss;
        progress.current.count += sums.count;
        progress.current.correct += sums.correct;
    };

    while (progress.epoch < options.epochs) {
        const auto begin = Poll::Clock::now();
        if (endless && progress.epoch > 0) {
            Sequences next;
            const FloatMode callers(scope.callers());
            if (!options.next(next)) break;
            data = checked_next(next, samples, config().vocab_size);
            if (const Index most = std::min(cut, data.sequences.steps); most > most_steps) {
                memory = &longer_memory(impl_->training_memory, network, most, batch);
                most_steps = most;
            }
            progress.steps_per_epoch = steps_per_epoch();
        }
        if (options.shuffle && !endless)
            random_permutation({config().seed, impl_->epochs_begun}, samples, order.data());
        else
            std::iota(order.data(), order.data() + samples, Index{0});
        for (Index first = 0; first < samples; first += batch) {
            Gradient<T>& gradient = first + batch <= samples ? memory->whole : *memory->rest;
            const Index end = endless ? data.sequences.steps  // the state that is handed on has read all of them
                                      : steps_that_count(data.sequences, order.data() + first, gradient.batch());
            for (Index from = 0; from < end; from += most_steps)
                step(gradient, {order.data() + first, from, std::min(most_steps, end - from),
                                options.stateful && (from > 0 || (endless && progress.epoch > 0))});
        }

        EpochStats stats;
        stats.training = progress.current;
        if (validation.sequences.samples)
            stats.validation = rnnfast::evaluate(network, impl_->weights, validation.sequences, threads, poll);
        stats.seconds = std::chrono::duration<double>(Poll::Clock::now() - begin).count();
        progress.epochs.push_back(stats);
        ++progress.epoch;
        progress.step = 0;
        progress.current = {};
        if (!options.epoch_end) continue;
        const FloatMode callers(scope.callers());
        if (options.epoch_end(progress)) break;
    }
}

template void LanguageModel<float>::fit(const Sequences&, const FitOptions&, FitProgress&, Poll&);
template void LanguageModel<double>::fit(const Sequences&, const FitOptions&, FitProgress&, Poll&);

}  // namespace rnnfast
