#include "rnnfast/learning_rate.hpp"

#include <algorithm>
#include <cmath>

#include "core/float_control.hpp"
#include "optim/require.hpp"

namespace rnnfast {
namespace {

// The library's pow and cos differ in the last bit from system to system; these do not.

double power(double base, std::int64_t exponent) {
    double result = 1;
    for (; exponent > 0; exponent /= 2, base *= base)
        if (exponent % 2) result *= base;
    return result;
}

// For 0 <= x <= pi / 4, where Taylor's series to x^17 leaves out less than 2^-60 of the sum.
double sine(double x) {
    double sum = 1;
    for (int n = 16; n >= 2; n -= 2) sum = 1 - x * x / (n * (n + 1)) * sum;
    return x * sum;
}

// (1 + cos(pi t / steps)) / 2 for 0 <= t <= steps: 1 and 0 at the ends, and a square that loses no digits where it
// fades.
double half_cosine(std::int64_t t, std::int64_t steps) {
    constexpr double half_pi = 1.57079632679489661923;
    const std::int64_t nearest = std::min(t, steps - t);
    const double root = sine(half_pi * (static_cast<double>(nearest) / static_cast<double>(steps)));
    return nearest == t ? 1 - root * root : root * root;
}

struct RateAt {
    double rate;
    std::int64_t t;

    double operator()(const InverseTimeDecay& d) const { return rate / (1 + d.decay * static_cast<double>(t)); }
    double operator()(const ExponentialDecay& d) const { return rate * power(d.factor, t); }
    double operator()(const StepDecay& d) const { return rate * power(d.factor, t / d.every); }
    double operator()(const CosineDecay& d) const {
        const double left = half_cosine(std::min(t, d.steps), d.steps);
        return rate * left + d.final_rate * (1 - left);
    }
};

struct Check {
    double rate;

    void operator()(const InverseTimeDecay& d) const {
        require(std::isfinite(d.decay) && d.decay >= 0, "decay", d.decay, "at least 0");
    }
    void operator()(const ExponentialDecay& d) const { factor(d.factor); }
    void operator()(const StepDecay& d) const {
        require(d.every >= 1, "every", d.every, "at least 1");
        factor(d.factor);
    }
    void operator()(const CosineDecay& d) const {
        require(d.steps >= 1, "steps", d.steps, "at least 1");
        require(d.final_rate >= 0 && d.final_rate <= rate, "final_rate", d.final_rate,
                "at least 0 and at most the learning rate");
    }
    static void factor(double value) { require(value > 0 && value <= 1, "factor", value, "more than 0 and at most 1"); }
};

}  // namespace

double LearningRate::at(std::int64_t step) const {
    const FloatScope scope;
    if (step >= warmup_steps) return std::visit(RateAt{rate, step - warmup_steps}, decay);
    return warmup_start + (rate - warmup_start) * (static_cast<double>(step) / static_cast<double>(warmup_steps));
}

void check(const LearningRate& l) {
    require(std::isfinite(l.rate) && l.rate > 0, "learning_rate", l.rate, "more than 0");
    std::visit(Check{l.rate}, l.decay);
    require(l.warmup_steps >= 0, "warmup_steps", l.warmup_steps, "at least 0");
    require(l.warmup_start >= 0 && l.warmup_start <= l.rate, "warmup_start", l.warmup_start,
            "at least 0 and at most the learning rate");
}

}  // namespace rnnfast
