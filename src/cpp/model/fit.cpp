// The training loop: every epoch, every step, and what may end them, in one native call.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <numeric>

#include "core/check.hpp"
#include "core/float_control.hpp"
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

void check_counts(const std::string& targets, const Sequences& data) {
    if (count_targets(data.samples * data.steps, data.targets) == 0)
        throw std::invalid_argument(targets + " has no target that counts: all are -1");
}

// The memory of one training step, and the step's gradient.
template <class T>
class Gradient {
public:
    Gradient(const Network<T>& network, Index steps, Index batch)
        : network_(network),
          activations_(network.config, steps, batch),
          logits_(steps * batch * network.config.vocab_size),
          dh_out_(steps * batch * network.config.hidden_size),
          dx_(network.config.num_layers > 1 ? dh_out_.size() : 0),
          dh_(batch * network.config.hidden_size),
          dc_(dh_.size()),
          scratch_(std::max(network.layers[0].backward_scratch(steps, batch),
                            network.dense.backward_scratch(steps * batch))),
          inputs_(steps * batch),
          targets_(steps * batch),
          flat_(network.flat.size()) {}

    Buffer<T>& flat() { return flat_; }
    Index batch() const { return activations_.batch; }

    /// The gradient of the reduced loss over the samples in `order` [batch]; adds the loss to `sums`.
    void compute(const Sequences& data, const Index* order, Reduction reduction, LossSums& sums, Threads& threads,
                 Poll& poll) {
        const Index T_ = activations_.steps, N = activations_.batch, V = network_.config.vocab_size;
        to_time_major(N, T_, data.steps, data.inputs, order, inputs_.data());
        to_time_major(N, T_, data.steps, data.targets, order, targets_.data());
        const std::int64_t count = count_targets(T_ * N, targets_.data());
        const double divisor =
            static_cast<double>(reduction == Reduction::token ? std::max<std::int64_t>(count, 1) : N);

        activations_.zero_state();
        forward(network_, T_, inputs_.data(), activations_, threads, poll);
        network_.dense.forward(T_ * N, activations_.top(), logits_.data(), threads, poll);
        cross_entropy_gradient(T_ * N, V, targets_.data(), static_cast<T>(1 / divisor), logits_.data(), sums, threads,
                               poll);
        if (std::isfinite(sums.loss)) backward(threads, poll);
    }

private:
    void backward(Threads& threads, Poll& poll) {
        const Index T_ = activations_.steps, N = activations_.batch;
        flat_.set_zero();
        network_.dense.backward(T_ * N, activations_.top(), logits_.data(), dh_out_.data(),
                                network_.in(flat_, network_.dense_W()), network_.in(flat_, network_.dense_b()),
                                scratch_.data(), threads, poll);
        for (Index l = network_.config.num_layers; l-- > 0;) {
            auto& a = activations_.layers[static_cast<std::size_t>(l)];
            LayerInput<T> x{inputs_.data(), nullptr};
            if (l > 0)
                x = {nullptr, activations_.layers[static_cast<std::size_t>(l - 1)].h.data() + activations_.slot_size};
            dh_.set_zero();
            dc_.set_zero();
            const LstmGradients<T> gradients{network_.in(flat_, network_.W(l)),
                                             network_.in(flat_, network_.R(l)),
                                             network_.in(flat_, network_.b(l)),
                                             l > 0 ? dx_.data() : nullptr,
                                             dh_.data(),
                                             dc_.data()};
            network_.layers[static_cast<std::size_t>(l)].backward(T_, N, x, a.h.data(), a.c.data(), dh_out_.data(),
                                                                  a.gates.data(), gradients, scratch_.data(), threads,
                                                                  poll);
            if (l > 0) std::swap(dh_out_, dx_);  // what comes down is the next one's gradient from above
        }
    }

    const Network<T>& network_;
    Activations<T> activations_;
    Buffer<T> logits_, dh_out_, dx_, dh_, dc_, scratch_;
    Buffer<std::int32_t> inputs_, targets_;
    Buffer<T> flat_;
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

// Multiply-adds of forward, of dx and of dW for so many tokens.
template <class T>
double work_of_step(const Network<T>& network, Index tokens) {
    return 3.0 * static_cast<double>(network.flat.size()) * static_cast<double>(tokens);
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

template <class T>
void check_options(const Sequences& data, const Sequences& validation, const FitOptions& options, Index V) {
    at_least("fit: epochs", options.epochs, 0);
    at_least("fit: batch_size", options.batch_size, 0);
    at_least("fit: X: the number of samples", data.samples, 1);
    at_least("fit: X: the number of steps", data.steps, 1);
    check<T>(options.optimizer);
    check(options.clipping);
    check_sequences("X", "Y", data, V);
    check_counts("fit: Y", data);
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
    const OwnSequences data(given), validation(options.validation);
    check_options<T>(data.sequences, validation.sequences, options, config().vocab_size);
    if (impl_->fitting.test_and_set())
        throw std::runtime_error("fit: this model is being fitted already, by another call");
    const Finally done([this] { impl_->fitting.clear(); });

    Network<T>& network = impl_->network;
    const Index samples = given.samples;
    const Index batch = options.batch_size == 0 ? samples : std::min(options.batch_size, samples);
    const Index last_batch = samples % batch;
    TrainingMemory<T>& memory = training_memory(impl_->training_memory, network, given.steps, batch, last_batch);
    Buffer<Index> order(samples);
    Threads threads(choose_threads(options.num_threads, work_of_step(network, given.steps * batch)));
    {
        const WriteLock lock(impl_->weights, poll);
        network.prepare(true, threads);
    }
    progress = {};
    progress.steps_per_epoch = samples / batch + (last_batch > 0);

    const auto step = [&](Index first) {
        Gradient<T>& gradient = first + batch <= samples ? memory.whole : *memory.rest;
        LossSums sums;
        poll();
        {
            const ReadLock lock(impl_->weights, poll);
            gradient.compute(data.sequences, order.data() + first, options.reduction, sums, threads, poll);
            if (!std::isfinite(sums.loss)) throw_non_finite("loss", sums.loss, progress);
            const double norm =
                clip_gradient(options.clipping, gradient.flat().size(), gradient.flat().data(), threads);
            if (const char* what = what_is_not_finite<T>(options.optimizer, options.clipping, norm))
                throw_non_finite(what, norm, progress);
        }
        const WriteLock lock(impl_->weights, poll);
        optimizer_step(options.optimizer, network.flat.size(), gradient.flat().data(), network.flat.data(),
                       impl_->optimizer, threads);
        network.prepare(true, threads);
        if (progress.step == 0) ++impl_->epochs_begun;
        ++progress.step;
        progress.tokens += sums.count;
        progress.current.loss += sums.loss;
        progress.current.count += sums.count;
        progress.current.correct += sums.correct;
    };

    while (progress.epoch < options.epochs) {
        const auto begin = Poll::Clock::now();
        if (options.shuffle)
            random_permutation({config().seed, impl_->epochs_begun}, samples, order.data());
        else
            std::iota(order.data(), order.data() + samples, Index{0});
        for (Index first = 0; first < samples; first += batch) step(first);

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
