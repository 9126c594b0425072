#include "rnnfast/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "sampling/filters.hpp"

namespace rnnfast {
namespace {

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

// Rounded to T, but never to an infinity: that and -inf would make a NaN.
template <class T>
T finite(double x) {
    constexpr auto most = static_cast<double>(std::numeric_limits<T>::max());
    return static_cast<T>(std::clamp(x, -most, most));
}

// The same for a factor or divisor, which must not become zero: 0 times the -inf of a token that may not be drawn
// would be a NaN.
template <class T>
T finite_factor(double x) {
    return finite<T>(std::max(x, static_cast<double>(std::numeric_limits<T>::min())));
}

template <class T>
T reciprocal(double temperature) {
    const FloatScope scope;  // rounded to nearest, whatever the mode of who makes the sampler
    return temperature == 0 ? T(1) : finite_factor<T>(1 / temperature);
}

[[noreturn]] void refuse(const char* field, double value, const char* expected) {
    throw std::invalid_argument(std::string(field) + " is " + number(value) + ", expected " + expected);
}

void check_finite(const char* field, double value) {
    if (!std::isfinite(value)) refuse(field, value, "a finite number");
}

void check_share(const char* field, double value) {
    if (!(value > 0 && value <= 1)) refuse(field, value, "more than 0 and at most 1 (1 keeps all)");
}

void check_token(const char* field, std::int32_t token, Index V) {
    if (token < 0 || token >= V)
        throw std::invalid_argument(std::string(field) + " names token " + std::to_string(token) + ", expected 0 to " +
                                    std::to_string(V - 1));
}

}  // namespace

void check(const SamplerConfig& c) {
    if (!(c.temperature >= 0) || std::isinf(c.temperature))
        refuse("temperature", c.temperature, "a finite number of at least 0 (0 is greedy)");
    if (c.top_k < 0) refuse("top_k", static_cast<double>(c.top_k), "at least 0 (0 keeps all)");
    check_share("top_p", c.top_p);
    if (!(c.min_p >= 0 && c.min_p <= 1)) refuse("min_p", c.min_p, "0 to 1 (0 keeps all)");
    check_share("typical_p", c.typical_p);
    if (!(c.top_n_sigma >= 0) || std::isinf(c.top_n_sigma))
        refuse("top_n_sigma", c.top_n_sigma, "a finite number of at least 0 (0 keeps all)");
    if (!(c.repetition_penalty > 0) || std::isinf(c.repetition_penalty))
        refuse("repetition_penalty", c.repetition_penalty, "a finite number of more than 0 (1 changes nothing)");
    check_finite("presence_penalty", c.presence_penalty);
    check_finite("frequency_penalty", c.frequency_penalty);
    if (c.penalty_window < 0)
        refuse("penalty_window", static_cast<double>(c.penalty_window), "at least 0 (0 counts all tokens)");
    for (const auto& [token, bias] : c.logit_bias) check_finite("logit_bias", bias);
    check(c, std::numeric_limits<std::int32_t>::max());
}

void check(const SamplerConfig& c, Index V) {
    for (const auto& [token, bias] : c.logit_bias) check_token("logit_bias", token, V);
    for (const std::int32_t token : c.ban) check_token("ban", token, V);
}

bool SamplerConfig::operator==(const SamplerConfig& o) const noexcept {
    const auto all = [](const SamplerConfig& c) {
        return std::tie(c.temperature, c.greedy, c.top_k, c.top_p, c.min_p, c.typical_p, c.top_n_sigma,
                        c.repetition_penalty, c.presence_penalty, c.frequency_penalty, c.penalty_window, c.logit_bias,
                        c.ban);
    };
    return all(*this) == all(o);
}

template <class T>
std::vector<std::int32_t> History<T>::tokens() const {
    std::vector<std::int32_t> tokens(last_.begin() + static_cast<std::ptrdiff_t>(oldest_), last_.end());
    tokens.insert(tokens.end(), last_.begin(), last_.begin() + static_cast<std::ptrdiff_t>(oldest_));
    if (window_ == 0)
        for (Index j = 0; j < counts_.size(); ++j)
            tokens.insert(tokens.end(), static_cast<std::size_t>(counts_[j]), static_cast<std::int32_t>(j));
    return tokens;
}

template <class T>
void History<T>::add(std::int32_t token) {
    if (token < 0) return;
    const FloatScope scope;
    change(token, 1);
    if (window_ == 0) return;
    if (static_cast<Index>(last_.size()) < window_) return last_.push_back(token);
    change(last_[oldest_], -1);
    last_[oldest_] = token;
    oldest_ = (oldest_ + 1) % last_.size();
}

template <class T>
void History<T>::change(std::int32_t token, std::int32_t by) noexcept {
    const std::int32_t count = counts_[token] += by;
    const std::uint64_t bit = std::uint64_t{1} << token % 64;
    std::uint64_t& word = occurring_[token / 64];
    word = count > 0 ? word | bit : word & ~bit;
    taken_[token] = finite<T>(count * frequency_ + presence_);
}

template <class T>
Sampler<T>::Sampler(const SamplerConfig& config, Index V)
    : config_(config),
      V_(V),
      inverse_temperature_(reciprocal<T>(config.temperature)),
      kept_(V),
      weights_(V),
      everything_((V + 63) / 64) {
    check(config);
    check(config, V);
    std::fill_n(everything_.data(), everything_.size(), ~std::uint64_t{0});
    const FloatScope scope;
    repetition_ = finite_factor<T>(config.repetition_penalty);
    config_.greedy |= config_.temperature == 0;
    if (!config_.greedy && Filters<T>::any(config)) filters_ = std::make_unique<Filters<T>>(config, V);
}

template <class T>
Sampler<T>::~Sampler() = default;
template <class T>
Sampler<T>::Sampler(Sampler&&) noexcept = default;
template <class T>
Sampler<T>& Sampler<T>::operator=(Sampler&&) noexcept = default;

template <class T>
std::int32_t Sampler<T>::operator()(const T* logits, T u, const DrawContext<T>& context) {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    if (!config_.greedy && !filters_) {
        const T* x = logits;
        if (edits(context)) {
            if (!edit(logits, context)) return -1;
            x = kept_.data();
        }
        const std::int32_t token = k.draw(V_, x, inverse_temperature_, u, weights_.data());
        if (token >= 0) return token;  // else there is no finite maximum: below
    }
    const std::int32_t best = prepare(logits, context);
    return best < 0 || config_.greedy ? best : k.draw(V_, kept_.data(), inverse_temperature_, u, weights_.data());
}

template <class T>
const T* Sampler<T>::filter(const T* logits, const DrawContext<T>& context) {
    const FloatScope scope;
    return prepare(logits, context) < 0 ? nullptr : kept_.data();
}

// Leaves in kept_ what may be drawn. Returns the likeliest token, before filters; -1: there is none to draw.
template <class T>
std::int32_t Sampler<T>::prepare(const T* logits, const DrawContext<T>& context) {
    if (!edits(context))
        std::copy_n(logits, V_, kept_.data());
    else if (!edit(logits, context))
        return -1;
    const std::int32_t best = active_kernels<T>().argmax(V_, kept_.data());
    if (best < 0 || kept_[best] == -infinity<T>) return -1;
    if (kept_[best] == infinity<T>)  // those that are certain share equally
        for (Index j = 0; j < V_; ++j) kept_[j] = kept_[j] == infinity<T> ? T(0) : -infinity<T>;
    if (filters_) (*filters_)(kept_.data(), kept_[best]);
    return best;
}

template <class T>
bool Sampler<T>::edits(const DrawContext<T>& context) const noexcept {
    return context.history || context.allowed || !config_.logit_bias.empty() || !config_.ban.empty();
}

// kept_ becomes the logits with bias, bans, mask and penalties. Returns whether all were numbers: a ban must not hide a
// NaN.
template <class T>
bool Sampler<T>::edit(const T* logits, const DrawContext<T>& context) {
    const std::uint64_t* const allowed = context.allowed ? context.allowed : everything_.data();
    const auto& k = active_kernels<T>();
    if (!k.copy_allowed(V_, logits, allowed, kept_.data())) return false;
    for (const auto& [token, bias] : config_.logit_bias) kept_[token] += finite<T>(bias);
    for (const std::int32_t token : config_.ban) kept_[token] = -infinity<T>;
    if (const auto* h = context.history) k.penalise(V_, h->occurring(), h->taken(), repetition_, kept_.data());
    return true;
}

template class History<float>;
template class History<double>;
template class Sampler<float>;
template class Sampler<double>;

}  // namespace rnnfast
