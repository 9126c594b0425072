// The likeliest continuations of a prompt, by breadth-first search that keeps the best `width`.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "core/products.hpp"
#include "model/impl.hpp"
#include "model/log_probabilities.hpp"
#include "model/loop.hpp"

namespace rnnfast {
namespace {

// A beam that goes on: its row in the stepper is its place among the others.
struct Live {
    std::vector<std::int32_t> tokens;
    double log_probability = 0;
    Stops::Matched matched;
    std::int32_t state = 0;  // of the constraint
};

struct Extension {
    double log_probability;
    Index parent;
    std::int32_t token;
};

bool likelier(const Extension& a, const Extension& b) {
    if (a.log_probability != b.log_probability) return a.log_probability > b.log_probability;
    return a.parent != b.parent ? a.parent < b.parent : a.token < b.token;
}

bool better(const Beam& a, const Beam& b) { return a.score != b.score ? a.score > b.score : a.tokens < b.tokens; }

template <class T>
class BeamSearch {
public:
    BeamSearch(const Network<T>& network, const BeamOptions& options, const Stops& stops)
        : options_(options),
          stops_(stops),
          V_(network.config.vocab_size),
          stepper_(network, options.width),
          scratch_(V_),
          allowed_((V_ + 63) / 64),
          divisors_(options.length) {
        const auto& k = active_kernels<double>();  // one power for all machines
        for (Index length = 1; length <= options.length; ++length) divisors_[length - 1] = static_cast<double>(length);
        k.log(options.length, divisors_.data(), divisors_.data());
        k.scale(options.length, options.length_penalty, divisors_.data());
        k.exp(options.length, divisors_.data(), divisors_.data());
    }

    std::vector<Beam> run(const Stream& stream, const T* h, const T* c, Index stride, Poll& poll) {
        stepper_.rearrange({-1});
        stepper_.load(0, h, c, stride);
        const bool prompted = stream.prompt_length > 0;
        const std::int32_t* const prompt = prompted ? stream.prompt : &options_.initial_token;
        for (Index t = 0; t < std::max<Index>(1, stream.prompt_length); ++t) stepper_.step(prompt + t, poll);
        live_.push_back({{}, 0, stops_.begin(), options_.constraint ? options_.constraint->start() : 0});
        for (Index step = 0; step < options_.length && !live_.empty(); ++step) {
            if (step > 0) read_last_tokens(poll);
            extend(step, poll);
            if (none_can_improve(step + 1)) live_.clear();
        }
        for (Live& beam : live_) finish(std::move(beam.tokens), beam.log_probability);
        return std::move(finished_);
    }

private:
    void read_last_tokens(Poll& poll) {
        inputs_.clear();
        for (const Live& beam : live_) inputs_.push_back(beam.tokens.back());
        stepper_.step(inputs_.data(), poll);
    }

    // Each beam by each token: the likeliest `width` go on, those that a stop or the constraint ends are done.
    void extend(Index step, Poll& poll) {
        std::vector<Extension> extensions = all_extensions(step, poll);
        if (extensions.empty() && finished_.empty())
            refuse(step, "the logits, or what the constraint leaves of them, are only -inf");
        std::vector<Live> next;
        std::vector<Index> parents;
        const auto most = static_cast<std::size_t>(options_.width);
        std::size_t sorted = 0;
        for (std::size_t i = 0; i < extensions.size() && next.size() < most; ++i) {
            if (i == sorted) {  // so many more in order
                sorted = std::min(extensions.size(), sorted + most);
                std::partial_sort(extensions.begin() + static_cast<std::ptrdiff_t>(i),
                                  extensions.begin() + static_cast<std::ptrdiff_t>(sorted), extensions.end(), likelier);
            }
            const Extension& e = extensions[i];
            Live beam = at(e.parent);
            beam.tokens.push_back(e.token);
            beam.log_probability = e.log_probability;
            if (ends(beam, e.token)) {
                finish(std::move(beam.tokens), beam.log_probability);
            } else {
                next.push_back(std::move(beam));
                parents.push_back(e.parent);
            }
        }
        live_ = std::move(next);
        stepper_.rearrange(parents);
    }

    std::vector<Extension> all_extensions(Index step, Poll& poll) {
        T* const logits = stepper_.logits(poll);
        std::vector<Extension> extensions;
        for (Index parent = 0; parent < static_cast<Index>(live_.size()); ++parent) {
            poll(elementary_work * V_);
            T* const log_p = logits + parent * V_;
            if (active_kernels<T>().argmax(V_, log_p) < 0) refuse(step, "the logits hold a nan");
            to_log_probabilities(V_, log_p, scratch_.data());
            const std::uint64_t* const allowed = allowed_after(at(parent), step);
            for (Index j = 0; j < V_; ++j)
                if (log_p[j] > -std::numeric_limits<T>::infinity() && (!allowed || allowed[j / 64] >> j % 64 & 1))
                    extensions.push_back({at(parent).log_probability + static_cast<double>(log_p[j]), parent,
                                          static_cast<std::int32_t>(j)});
        }
        return extensions;
    }

    // A mask of tokens; null: all.
    const std::uint64_t* allowed_after(const Live& beam, Index step) {
        if (!options_.constraint) return nullptr;
        return options_.constraint->allowed(beam.state, options_.length - step, allowed_.data());
    }

    bool ends(Live& beam, std::int32_t token) const {
        const bool stopped = stops_.advance(beam.matched, token);
        if (!options_.constraint) return stopped;
        beam.state = options_.constraint->next(beam.state, token);
        return options_.constraint->is_end(beam.state);
    }

    [[noreturn]] static void refuse(Index step, const char* why) {
        throw SamplingError("beam_search: step " + std::to_string(step) + ": " + why, 0, step);
    }

    double score(double log_probability, Index length) const { return log_probability / divisors_[length - 1]; }

    void finish(std::vector<std::int32_t> tokens, double log_probability) {
        Beam beam{std::move(tokens), log_probability, 0};
        beam.score = score(log_probability, static_cast<Index>(beam.tokens.size()));
        finished_.insert(std::upper_bound(finished_.begin(), finished_.end(), beam, better), beam);
        if (static_cast<Index>(finished_.size()) > options_.width) finished_.pop_back();
    }

    // A beam's probability can only fall; how its score may still grow depends on the length that it may have.
    bool none_can_improve(Index length) const {
        if (live_.empty() || static_cast<Index>(finished_.size()) < options_.width) return live_.empty();
        const double best = live_.front().log_probability;
        const double bound = std::max(score(best, std::min(length + 1, options_.length)), score(best, options_.length));
        return finished_.back().score >= bound;
    }

    const Live& at(Index parent) const { return live_[static_cast<std::size_t>(parent)]; }

    const BeamOptions& options_;
    const Stops& stops_;
    Index V_;
    Stepper<T> stepper_;
    Buffer<T> scratch_;
    Buffer<std::uint64_t> allowed_;  // a mask of tokens
    Buffer<double> divisors_;        // [length - 1]: length^penalty
    std::vector<std::int32_t> inputs_;
    std::vector<Live> live_;      // the likeliest first
    std::vector<Beam> finished_;  // the best first
};

}  // namespace

template <class T>
std::vector<Beam> LanguageModel<T>::beam_search(const BeamOptions& options, const Stream& stream,
                                                StateView<const T> state, Poll& poll) const {
    at_least("beam_search: width", options.width, 1);
    at_least("beam_search: length", options.length, 0);
    if (!std::isfinite(options.length_penalty))
        throw std::invalid_argument("beam_search: length_penalty is " + number(options.length_penalty) +
                                    ", expected a finite number");
    GenerateOptions common;
    common.length = options.length;
    common.stop = options.stop;
    common.initial_token = options.initial_token;
    common.constraint = options.constraint;
    check_generation(common, {stream}, config().vocab_size);
    if (options.length == 0) return {};
    const Stops stops(options.stop, config().vocab_size);
    const FloatScope scope;
    const ReadLock lock(impl_->weights, poll);
    BeamSearch<T> search(impl_->network, options, stops);
    return search.run(stream, state.h, state.c, config().hidden_size, poll);
}

template std::vector<Beam> LanguageModel<float>::beam_search(const BeamOptions&, const Stream&, StateView<const float>,
                                                             Poll&) const;
template std::vector<Beam> LanguageModel<double>::beam_search(const BeamOptions&, const Stream&,
                                                              StateView<const double>, Poll&) const;

}  // namespace rnnfast
