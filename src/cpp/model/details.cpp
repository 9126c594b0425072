#include "model/details.hpp"

#include <algorithm>

#include "core/dispatch.hpp"
#include "core/folded_sum.hpp"
#include "model/log_probabilities.hpp"

namespace rnnfast {

template <class T>
DetailWriter<T>::DetailWriter(const GenerateDetails<T>& details, Index length, Index V)
    : out_(details), length_(length), V_(V), log_p_(V), scratch_(V), order_(V) {}

template <class T>
void DetailWriter<T>::write(Index n, Index step, std::int32_t token, const T* logits) {
    const Index at = n * length_ + step;
    std::copy_n(logits, V_, log_p_.data());
    to_log_probabilities(V_, log_p_.data(), scratch_.data());
    if (out_.log_probabilities) out_.log_probabilities[at] = log_p_[token];
    if (out_.entropies) {
        active_kernels<T>().exp(V_, log_p_.data(), scratch_.data());
        const double entropy = -folded_sum(V_, [this](Index j) {
            return scratch_[j] > 0 ? static_cast<double>(scratch_[j]) * static_cast<double>(log_p_[j]) : 0;
        });
        out_.entropies[at] = static_cast<T>(entropy > 0 ? entropy : 0);
    }
    const Index count = out_.num_alternatives;
    if (count == 0) return;
    for (Index j = 0; j < V_; ++j) order_[j] = static_cast<std::int32_t>(j);
    std::partial_sort(order_.data(), order_.data() + count, order_.data() + V_, [this](std::int32_t a, std::int32_t b) {
        return log_p_[a] > log_p_[b] || (log_p_[a] == log_p_[b] && a < b);
    });
    for (Index i = 0; i < count; ++i) {
        out_.alternatives[at * count + i] = order_[i];
        out_.alternative_log_probabilities[at * count + i] = log_p_[order_[i]];
    }
}

template class DetailWriter<float>;
template class DetailWriter<double>;

}  // namespace rnnfast
