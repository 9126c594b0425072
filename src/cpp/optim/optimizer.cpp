#include "rnnfast/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>

#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "optim/require.hpp"
#include "optim/shares.hpp"
#include "rnnfast/non_finite_error.hpp"

namespace rnnfast {
namespace {

using Kind = OptimizerConfig::Kind;
constexpr const char* kind_names[] = {"sgd", "rmsprop", "adam", "adamw"};
constexpr const char* slot_names[] = {"m", "v", "momentum"};

bool is_adam(const OptimizerConfig& config) { return config.kind == Kind::adam || config.kind == Kind::adamw; }

// One that T would flush to zero would make 0 / 0 of a parameter without a gradient.
template <class T>
T usable_epsilon(const OptimizerConfig& config) {
    return static_cast<T>(std::max(config.epsilon, static_cast<double>(std::numeric_limits<T>::min())));
}

template <class T>
kernels::SgdConstants<T> sgd_constants(const OptimizerConfig& config, double rate) {
    return {static_cast<T>(rate), static_cast<T>(config.weight_decay), static_cast<T>(config.momentum),
            config.nesterov};
}

template <class T>
kernels::RmspropConstants<T> rmsprop_constants(const OptimizerConfig& config, double rate) {
    const T epsilon = usable_epsilon<T>(config);
    return {static_cast<T>(rate),
            static_cast<T>(config.weight_decay),
            static_cast<T>(config.momentum),
            static_cast<T>(config.alpha),
            static_cast<T>(1 - config.alpha),
            config.keras_epsilon ? epsilon : 0,
            config.keras_epsilon ? 0 : epsilon};
}

template <class T>
kernels::AdamConstants<T> adam_constants(const OptimizerConfig& config, double rate, const OptimizerSteps& steps) {
    const double correction1 = 1 - steps.beta1_power, root_correction2 = std::sqrt(1 - steps.beta2_power);
    const double scaled = rate / correction1 * (config.keras_epsilon ? root_correction2 : 1);
    const bool decoupled = config.kind == Kind::adamw;
    return {static_cast<T>(config.beta1),
            static_cast<T>(1 - config.beta1),
            static_cast<T>(config.beta2),
            static_cast<T>(1 - config.beta2),
            static_cast<T>(scaled),
            static_cast<T>(config.keras_epsilon ? 1 : root_correction2),
            usable_epsilon<T>(config),
            static_cast<T>(decoupled ? 0 : config.weight_decay),
            static_cast<T>(decoupled ? 1 - rate * config.weight_decay : 1)};
}

template <class T>
T* moved(T* array, Index by) {
    return array ? array + by : nullptr;
}

// What is changed must not lie in what is read or changed elsewhere: its numbers would be updated twice.
template <class T>
void check_apart(const std::vector<OptimizerPart<T>>& parts) {
    struct Span {
        const T *begin, *end;
        bool changes;
    };
    std::vector<Span> spans;
    for (const auto& part : parts) {
        if (part.n == 0) continue;
        spans.push_back({part.g, part.g + part.n, false});
        for (const T* changed : {part.p, part.m, part.v, part.momentum})
            if (changed) spans.push_back({changed, changed + part.n, true});
    }
    const std::less<const T*> before;
    std::sort(spans.begin(), spans.end(), [&](const Span& a, const Span& b) { return before(a.begin, b.begin); });
    const T *end = nullptr, *changes_end = nullptr;
    for (const Span& span : spans) {
        if (before(span.begin, span.changes ? end : changes_end))
            throw std::invalid_argument("parameters, gradients and state share memory: each needs an array of its own");
        end = std::max(end, span.end, before);
        if (span.changes) changes_end = std::max(changes_end, span.end, before);
    }
}

// Makes copies of the gradients and clips those.
template <class T>
double clip_copies(const Clipping& clipping, std::vector<OptimizerPart<T>>& parts, std::vector<Buffer<T>>& copies,
                   Threads& threads) {
    std::vector<GradientPart<T>> gradient;
    for (auto& part : parts) {
        Buffer<T> copy(part.n);
        std::copy_n(part.g, part.n, copy.data());
        copies.push_back(std::move(copy));
        part.g = copies.back().data();
        gradient.push_back({part.n, copies.back().data()});
    }
    return clip_gradient(clipping, gradient, threads);
}

template <class T>
double norm_of(const std::vector<OptimizerPart<T>>& parts, Threads& threads) {
    std::vector<GradientPart<const T>> gradient;
    for (const auto& part : parts) gradient.push_back({part.n, part.g});
    return global_norm(gradient, threads);
}

void check_momentum(const OptimizerConfig& c) {
    require(c.momentum >= 0 && c.momentum < 1, "momentum", c.momentum, "at least 0 and less than 1");
}

}  // namespace

const char* kind_name(Kind kind) noexcept { return kind_names[static_cast<std::size_t>(kind)]; }
const char* slot_name(Slot slot) noexcept { return slot_names[static_cast<std::size_t>(slot)]; }

Kind optimizer_kind(const std::string& given) {
    for (const Kind kind : {Kind::sgd, Kind::rmsprop, Kind::adam, Kind::adamw})
        if (given == kind_name(kind)) return kind;
    throw std::invalid_argument("kind is '" + given + "', expected 'sgd', 'rmsprop', 'adam' or 'adamw'");
}

bool remembers(const OptimizerConfig& c, Slot slot) noexcept {
    switch (slot) {
        case Slot::m:
            return is_adam(c) || (c.kind == Kind::rmsprop && c.centered);
        case Slot::v:
            return c.kind != Kind::sgd;
        case Slot::momentum:
            return !is_adam(c) && c.momentum != 0;
    }
    return false;
}

void check(const OptimizerConfig& c) {
    check(c.learning_rate);
    require(std::isfinite(c.weight_decay) && c.weight_decay >= 0, "weight_decay", c.weight_decay, "at least 0");
    if (c.kind == Kind::sgd) {
        check_momentum(c);
        require(!c.nesterov || c.momentum != 0, "momentum", c.momentum, "more than 0 with nesterov");
        return;
    }
    require(std::isfinite(c.epsilon) && c.epsilon > 0, "epsilon", c.epsilon, "more than 0");
    if (c.kind == Kind::rmsprop) {
        check_momentum(c);
        require(c.alpha >= 0 && c.alpha < 1, "alpha", c.alpha, "at least 0 and less than 1");
        return;
    }
    require(c.beta1 >= 0 && c.beta1 < 1, "beta1", c.beta1, "at least 0 and less than 1");
    require(c.beta2 >= 0 && c.beta2 < 1, "beta2", c.beta2, "at least 0 and less than 1");
    if (c.kind == Kind::adamw)
        require(c.learning_rate.rate * c.weight_decay <= 1, "weight_decay", c.weight_decay,
                "at most 1 / learning_rate: more would turn the parameters' signs");
}

template <class T>
void check(const OptimizerConfig& config) {
    check(config);
    for (const auto& [field, value] :
         {std::pair("learning_rate", config.learning_rate.rate), std::pair("weight_decay", config.weight_decay)})
        if (!std::isfinite(static_cast<T>(value)))
            throw std::invalid_argument(std::string("optimizer: ") + field + " is " + number(value) +
                                        ", which is infinite in the parameters' dtype");
}

template <class T>
void optimizer_step(const OptimizerConfig& config, OptimizerSteps& steps, const std::vector<OptimizerPart<T>>& parts,
                    Threads& threads) {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    const double rate = config.learning_rate.at(steps.steps);
    using Part = OptimizerPart<T>;
    if (is_adam(config)) {
        steps.beta1_power *= config.beta1;
        steps.beta2_power *= config.beta2;
        const auto constants = adam_constants<T>(config, rate, steps);
        in_shares(parts, threads, [&](const Part& part, Index at, Index count) {
            k.adam(count, constants, part.g + at, part.m + at, part.v + at, part.p + at);
        });
    } else if (config.kind == Kind::rmsprop) {
        const auto constants = rmsprop_constants<T>(config, rate);
        in_shares(parts, threads, [&](const Part& part, Index at, Index count) {
            k.rmsprop(count, constants, part.g + at, part.v + at, moved(part.m, at), moved(part.momentum, at),
                      part.p + at);
        });
    } else {
        const auto constants = sgd_constants<T>(config, rate);
        in_shares(parts, threads, [&](const Part& part, Index at, Index count) {
            k.sgd(count, constants, part.g + at, moved(part.momentum, at), part.p + at);
        });
    }
    ++steps.steps;
}

template <class T>
void optimizer_step(const OptimizerConfig& config, Index n, const T* g, T* p, OptimizerState<T>& state,
                    Threads& threads) {
    const bool fits = state.kind == config.kind && std::all_of(all_slots.begin(), all_slots.end(), [&](Slot slot) {
                          return state[slot].size() == (remembers(config, slot) ? n : 0);
                      });
    if (!fits) {
        OptimizerState<T> fresh;
        fresh.kind = config.kind;
        for (const Slot slot : all_slots)
            if (remembers(config, slot)) fresh[slot] = Buffer<T>(n);
        state = std::move(fresh);
    }
    const OptimizerPart<T> all{n, g, p, state[Slot::m].data(), state[Slot::v].data(), state[Slot::momentum].data()};
    optimizer_step(config, state, std::vector<OptimizerPart<T>>{all}, threads);
}

template <class T>
double clip_and_step(const OptimizerConfig& config, const Clipping& clipping, OptimizerSteps& steps,
                     std::vector<OptimizerPart<T>> parts, Threads& threads) {
    check_apart(parts);
    std::vector<Buffer<T>> copies;
    const bool clips = clipping.value || clipping.norm;
    const double norm = clips ? clip_copies(clipping, parts, copies, threads) : norm_of(parts, threads);
    if (const char* what = what_is_not_finite<T>(config, clipping, norm))
        throw NonFiniteError("step: the " + std::string(what) + " is " + (std::isnan(norm) ? "nan" : "infinite") +
                             "; no parameter has changed. A smaller learning rate or clip_norm may help");
    optimizer_step(config, steps, parts, threads);
    return norm;
}

template <class T>
const char* what_is_not_finite(const OptimizerConfig& config, const Clipping& clipping, double norm) {
    if (!std::isfinite(norm)) return "gradient";
    double largest = norm;  // no element is larger
    for (const auto& limit : {clipping.value, clipping.norm})
        if (limit) largest = std::min(largest, *limit);
    const bool fits = largest <= std::sqrt(static_cast<double>(std::numeric_limits<T>::max()));
    return fits || !remembers(config, Slot::v) ? nullptr : "square of the gradient";
}

#define RNNFAST_OPTIMIZER(T)                                                                                    \
    template void check<T>(const OptimizerConfig&);                                                             \
    template void optimizer_step(const OptimizerConfig&, OptimizerSteps&, const std::vector<OptimizerPart<T>>&, \
                                 Threads&);                                                                     \
    template void optimizer_step(const OptimizerConfig&, Index, const T*, T*, OptimizerState<T>&, Threads&);    \
    template double clip_and_step(const OptimizerConfig&, const Clipping&, OptimizerSteps&,                     \
                                  std::vector<OptimizerPart<T>>, Threads&);                                     \
    template const char* what_is_not_finite<T>(const OptimizerConfig&, const Clipping&, double);
RNNFAST_OPTIMIZER(float)
RNNFAST_OPTIMIZER(double)
#undef RNNFAST_OPTIMIZER

}  // namespace rnnfast
