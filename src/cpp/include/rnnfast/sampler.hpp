// From logits to a token.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "rnnfast/buffer.hpp"
#include "rnnfast/index.hpp"

namespace rnnfast {

/// What happens to logits, in this order: bias and bans, the mask (DrawContext), penalties, top_n_sigma, top_k,
/// typical_p, top_p, min_p, temperature; then the draw. The values here are those that do nothing.
/// Probabilities inside filters are those at temperature 1 of what is left; of equals the lowest ids go first.
struct SamplerConfig {
    double temperature = 1;  ///< 0 is greedy
    bool greedy = false;     ///< the largest logit that bias, bans, mask and penalties leave, ties to the lowest id
    Index top_k = 0;         ///< keep the k largest logits; 0 keeps all
    double top_p = 1;        ///< keep the likeliest tokens until their probability reaches top_p (Holtzman et al. 2020)
    double min_p = 0;        ///< keep those at least min_p times as likely as the likeliest (Nguyen et al. 2024)
    double typical_p = 1;    ///< keep those whose -log p is nearest to the entropy, until their probability reaches
                             ///< typical_p (Meister et al. 2023)
    double top_n_sigma =
        0;  ///< keep logits within so many standard deviations of the largest (Tang et al. 2024); 0: all
    double repetition_penalty =
        1;  ///< a logit of a token that occurs is divided, below 0 multiplied (Keskar et al. 2019)
    double presence_penalty = 0;                                   ///< taken from the logit of a token that occurs
    double frequency_penalty = 0;                                  ///< taken from it once for each occurrence
    Index penalty_window = 0;                                      ///< only the last so many tokens count; 0: all
    std::vector<std::pair<std::int32_t, double>> logit_bias = {};  ///< added to a token's logit
    std::vector<std::int32_t> ban = {};                            ///< never drawn, whatever its logit

    bool operator==(const SamplerConfig& other) const noexcept;

    bool has_penalties() const noexcept {
        return repetition_penalty != 1 || presence_penalty != 0 || frequency_penalty != 0;
    }
};

/// Throws std::invalid_argument, naming the field, where a number is outside its range.
void check(const SamplerConfig& config);

/// The same, and where logit_bias or ban names a token that is not below V.
void check(const SamplerConfig& config, Index V);

/// How often each token occurs among the last ones of a stream, and what penalties take from its logit for that.
template <class T>
class History {
public:
    /// The penalties and their window are the configuration's.
    History(const SamplerConfig& config, Index V)
        : presence_(config.presence_penalty),
          frequency_(config.frequency_penalty),
          window_(config.penalty_window),
          counts_(V),
          occurring_((V + 63) / 64),
          taken_(V) {}

    /// The next token; -1 (none) is passed over.
    void add(std::int32_t token);

    /// Bit j % 64 of word j / 64: whether token j occurs.
    const std::uint64_t* occurring() const noexcept { return occurring_.data(); }
    /// [V], of those that occur: by presence and frequency.
    const T* taken() const noexcept { return taken_.data(); }

    /// The tokens that count: what a new History has to be given to be the same. With a window in their order.
    std::vector<std::int32_t> tokens() const;

private:
    void change(std::int32_t token, std::int32_t by) noexcept;

    double presence_, frequency_;
    Index window_;
    std::size_t oldest_ = 0;            // in last_, once that is full
    std::vector<std::int32_t> last_{};  // a ring of `window_` tokens
    Buffer<std::int32_t> counts_;
    Buffer<std::uint64_t> occurring_;
    Buffer<T> taken_;
};

extern template class History<float>;
extern template class History<double>;

/// What a draw depends on besides logits and u; null: nothing.
template <class T>
struct DrawContext {
    const History<T>* history = nullptr;     ///< for the penalties
    const std::uint64_t* allowed = nullptr;  ///< bit j % 64 of word j / 64: whether token j may be drawn
};

template <class T>
class Filters;

/// Takes logits, never probabilities. +inf is certain (several share equally), -inf is never drawn.
/// A Sampler holds scratch: one for each thread.
template <class T>
class Sampler {
public:
    /// V at least 1. Throws as check() does.
    Sampler(const SamplerConfig& config, Index V);
    ~Sampler();
    Sampler(Sampler&&) noexcept;
    Sampler& operator=(Sampler&&) noexcept;

    /// The token that u in [0, 1) draws from logits [V]; -1 where there is none to draw: a NaN, or all -inf.
    std::int32_t operator()(const T* logits, T u, const DrawContext<T>& context = {});

    /// The logits before temperature and draw, [V]: -inf for what is never drawn; valid until the next call.
    /// Null where there is none to draw.
    const T* filter(const T* logits, const DrawContext<T>& context = {});

private:
    std::int32_t prepare(const T* logits, const DrawContext<T>& context);
    bool edits(const DrawContext<T>& context) const noexcept;
    bool edit(const T* logits, const DrawContext<T>& context);

    SamplerConfig config_;
    Index V_;
    T inverse_temperature_, repetition_ = 1;
    Buffer<T> kept_, weights_;
    Buffer<std::uint64_t> everything_;     // the mask that allows all
    std::unique_ptr<Filters<T>> filters_;  // null where there are none
};

extern template class Sampler<float>;
extern template class Sampler<double>;

}  // namespace rnnfast
