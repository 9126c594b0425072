#include "rnnfast/language_model.hpp"

#include <algorithm>

#include "model/impl.hpp"

namespace rnnfast {

void check_tokens(const char* argument, Index rows, Index steps, const std::int32_t* tokens, Index V) {
    for (Index i = 0; i < rows * steps; ++i)
        if (tokens[i] < -1 || tokens[i] >= V)
            throw std::invalid_argument(std::string(argument) + "[" + std::to_string(i / steps) + ", " +
                                        std::to_string(i % steps) + "] is " + std::to_string(tokens[i]) +
                                        ", expected a token from 0 to " + std::to_string(V - 1) + ", or -1 for none");
}

void to_time_major(Index rows, Index steps, Index row_stride, const std::int32_t* in, const Index* order,
                   std::int32_t* out) noexcept {
    for (Index n = 0; n < rows; ++n) {
        const std::int32_t* row = in + (order ? order[n] : n) * row_stride;
        for (Index t = 0; t < steps; ++t) out[t * rows + n] = row[t];
    }
}

template <class T>
LanguageModel<T>::LanguageModel(const LanguageModelConfig& config) : impl_(std::make_unique<Impl>(config)) {
    initialise(impl_->network);
    impl_->network.prepare(false);
}
template <class T>
LanguageModel<T>::~LanguageModel() = default;
template <class T>
LanguageModel<T>::LanguageModel(LanguageModel&&) noexcept = default;
template <class T>
LanguageModel<T>& LanguageModel<T>::operator=(LanguageModel&&) noexcept = default;

template <class T>
const LanguageModelConfig& LanguageModel<T>::config() const noexcept {
    return impl_->network.config;
}

template <class T>
Index LanguageModel<T>::num_parameters() const noexcept {
    Index sum = 0;
    for (const auto& p : parameters()) sum += p.size;
    return sum;
}

template <class T>
const std::vector<ParameterView<T>>& LanguageModel<T>::parameters() const noexcept {
    return impl_->network.parameters;
}

template <class T>
void LanguageModel<T>::set_parameters(const std::vector<const T*>& values) {
    if (values.size() != parameters().size())
        throw std::invalid_argument("set_parameters: values has " + std::to_string(values.size()) +
                                    " entries, expected " + std::to_string(parameters().size()));
    const std::unique_lock lock(impl_->weights);
    for (std::size_t k = 0; k < values.size(); ++k)
        if (values[k]) std::copy_n(values[k], parameters()[k].size, parameters()[k].data);
    impl_->network.prepare(false);
}

template <class T>
Index LanguageModel<T>::storage_size() const noexcept {
    return impl_->network.flat.size();
}

template <class T>
OptimizerState<T>& LanguageModel<T>::optimizer_state() noexcept {
    return impl_->optimizer;
}

template <class T>
std::uint64_t& LanguageModel<T>::epochs_begun() noexcept {
    return impl_->epochs_begun;
}

template class LanguageModel<float>;
template class LanguageModel<double>;

}  // namespace rnnfast
