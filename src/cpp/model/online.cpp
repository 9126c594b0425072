#include "rnnfast/online.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/check.hpp"
#include "core/float_control.hpp"
#include "model/tokens.hpp"
#include "rnnfast/dense.hpp"
#include "rnnfast/language_model.hpp"
#include "rnnfast/loss.hpp"
#include "rnnfast/rnn.hpp"

namespace rnnfast {
namespace {

void expect_token(const char* argument, Index i, std::int32_t token, Index V) {
    if (token < -1 || token >= V) check_token((argument + ("[" + std::to_string(i) + "]")).c_str(), token, V);
}

void check_sequences(const RaggedSequences& s, Index V) {
    for (Index k = 0; k < s.count; ++k)
        if (s.lengths[k] < 1)
            throw std::invalid_argument("lengths has " + std::to_string(s.lengths[k]) + ", expected at least 1");
    const Index tokens = std::accumulate(s.lengths, s.lengths + s.count, Index{0});
    for (Index i = 0; i < tokens; ++i) {
        expect_token("inputs", i, s.inputs[i], V);
        expect_token("targets", i, s.targets[i], V);
    }
}

Index longest(const RaggedSequences& s) { return s.count == 0 ? 0 : *std::max_element(s.lengths, s.lengths + s.count); }

// The layers, and the memory of one sequence's forward and backward. The gradient is one flat array, as clipping wants.
template <class T>
class Learner {
public:
    Learner(const RnnParameters<T>& parameters, Index most_steps)
        : p_(parameters),
          rnn_(V, H, Nonlinearity::tanh),
          dense_(H, V),
          h_((most_steps + 1) * H),
          logits_(most_steps * V),
          dh_(most_steps * H),
          carried_(H),
          scratch_(std::max(rnn_.backward_scratch(most_steps, 1), dense_.backward_scratch(most_steps))),
          gradient_(V * H + H * H + H + H * V + V) {
        prepare();
    }

    Buffer<T>& gradient() { return gradient_; }

    /// The state after `steps` steps.
    const T* state(Index steps) const { return h_.data() + steps * H; }

    /// The loss of one sequence, read from the state h on, and its gradient.
    double compute(Index steps, const std::int32_t* inputs, const std::int32_t* targets, const T* h, Poll& poll) {
        const LayerInput<T> x{inputs, nullptr};
        LossSums sums;
        std::copy_n(h, H, h_.data());
        rnn_.forward(steps, 1, x, h_.data(), threads_, poll);
        dense_.forward(steps, state(1), logits_.data(), threads_, poll);
        cross_entropy_gradient(steps, V, targets, T(1), logits_.data(), sums, threads_, poll);

        gradient_.set_zero();
        carried_.set_zero();
        dense_.backward(steps, state(1), logits_.data(), dh_.data(), dense_dW(), dense_db(), scratch_.data(), threads_,
                        poll);
        rnn_.backward(steps, 1, x, h_.data(), dh_.data(), {dW(), dR(), db(), nullptr, carried_.data()}, scratch_.data(),
                      threads_, poll);
        return sums.loss;
    }

    /// Down the gradient.
    void update(const OptimizerConfig& sgd) {
        const auto step = [&](Index n, const T* g, T* p) { optimizer_step(sgd, n, g, p, nothing_, threads_); };
        step(V * H, dW(), p_.W);
        step(H * H, dR(), p_.R);
        step(H, db(), p_.b);
        step(H * V, dense_dW(), p_.dense_W);
        step(V, dense_db(), p_.dense_b);
        prepare();
    }

    double clip(const Clipping& clipping) {
        return clip_gradient(clipping, gradient_.size(), gradient_.data(), threads_);
    }

private:
    void prepare() {
        rnn_.prepare(p_.W, p_.R, p_.b, true, true, threads_);
        dense_.prepare(p_.dense_W, p_.dense_b, true, threads_);
    }

    T* dW() { return gradient_.data(); }
    T* dR() { return dW() + V * H; }
    T* db() { return dR() + H * H; }
    T* dense_dW() { return db() + H; }
    T* dense_db() { return dense_dW() + H * V; }

    RnnParameters<T> p_;
    const Index V = p_.vocab_size, H = p_.hidden_size;
    Rnn<T> rnn_;
    Dense<T> dense_;
    Buffer<T> h_, logits_, dh_, carried_, scratch_, gradient_;
    OptimizerState<T> nothing_;  // SGD remembers none
    Threads threads_;
};

void expect_finite(const char* what, double value, Index sequence) {
    if (!std::isfinite(value))
        throw NonFiniteError("learn_online: the " + std::string(what) + " of sequence " + std::to_string(sequence) +
                             " (counted from 0) is " + (std::isnan(value) ? "nan" : "infinite") +
                             "; parameters and state are those before it");
}

}  // namespace

template <class T>
void learn_online(const RnnParameters<T>& parameters, const RaggedSequences& sequences, const OnlineOptions& options,
                  T* h, double* losses, Poll& poll) {
    const FloatScope scope;
    OptimizerConfig sgd;
    sgd.kind = OptimizerConfig::Kind::sgd;
    sgd.learning_rate = options.learning_rate;
    check(sgd);
    if (options.clip_value && !(*options.clip_value > 0))
        throw std::invalid_argument("clip_value is " + number(*options.clip_value) + ", expected more than 0");
    check_sequences(sequences, parameters.vocab_size);
    Learner<T> learner(parameters, longest(sequences));
    const std::int32_t *inputs = sequences.inputs, *targets = sequences.targets;
    for (Index k = 0; k < sequences.count; ++k) {
        const Index steps = sequences.lengths[k];
        poll();
        losses[k] = learner.compute(steps, inputs, targets, h, poll);
        expect_finite("loss", losses[k], k);
        expect_finite("gradient", learner.clip({options.clip_value, std::nullopt}), k);
        learner.update(sgd);
        std::copy_n(learner.state(steps), parameters.hidden_size, h);
        inputs += steps;
        targets += steps;
    }
}

template void learn_online(const RnnParameters<float>&, const RaggedSequences&, const OnlineOptions&, float*, double*,
                           Poll&);
template void learn_online(const RnnParameters<double>&, const RaggedSequences&, const OnlineOptions&, double*, double*,
                           Poll&);

}  // namespace rnnfast
