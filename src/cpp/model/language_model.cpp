#include "rnnfast/language_model.hpp"

#include <algorithm>

#include "core/float_control.hpp"
#include "model/impl.hpp"
#include "model/initialise.hpp"

namespace rnnfast {

template <class T>
LanguageModel<T>::LanguageModel(const LanguageModelConfig& config, Poll& poll) : impl_(std::make_unique<Impl>(config)) {
    const FloatScope scope;
    initialise(impl_->network.parameters, config.seed, config.cell == Cell::lstm ? config.hidden_size : 0, poll);
    Threads alone;
    impl_->network.prepare(false, alone);
}

template <class T>
LanguageModel<T>::LanguageModel(const LanguageModelConfig& config) {
    Poll none;
    *this = LanguageModel(config, none);
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
    return impl_->network.parameters.views();
}

template <class T>
void LanguageModel<T>::set_parameters(const std::vector<const T*>& values, Poll& poll) {
    if (values.size() != parameters().size())
        throw std::invalid_argument("set_parameters: values has " + std::to_string(values.size()) +
                                    " entries, expected " + std::to_string(parameters().size()));
    Network<T>& network = impl_->network;
    const WriteLock lock(impl_->weights, poll);
    const std::vector<T*> places = network.parameters.places_in(network.parameters.flat());
    for (std::size_t k = 0; k < values.size(); ++k)
        if (values[k]) std::copy_n(values[k], parameters()[k].size, places[k]);
    Threads alone;
    network.prepare(false, alone);
}

template <class T>
Index LanguageModel<T>::storage_size() const noexcept {
    return impl_->network.parameters.flat().size();
}

template <class T>
Snapshot<T> LanguageModel<T>::snapshot(Poll& poll) const {
    const ReadLock lock(impl_->weights, poll);
    return {impl_->network.parameters.flat(), impl_->optimizer, impl_->epochs_begun};
}

template <class T>
void LanguageModel<T>::restore(const Snapshot<T>& snapshot, Poll& poll) {
    const auto fits = [this](const char* name, const Buffer<T>& buffer, bool may_be_empty) {
        if (buffer.size() == storage_size() || (may_be_empty && buffer.size() == 0)) return;
        throw std::invalid_argument("restore: " + std::string(name) + " has " + std::to_string(buffer.size()) +
                                    " numbers, expected " + std::to_string(storage_size()));
    };
    fits("parameters", snapshot.parameters, false);
    for (const Slot slot : all_slots) fits(slot_name(slot), snapshot.optimizer[slot], true);
    OptimizerState<T> optimizer = snapshot.optimizer;
    const WriteLock lock(impl_->weights, poll);
    std::copy_n(snapshot.parameters.data(), storage_size(), impl_->network.parameters.flat().data());
    Threads alone;
    impl_->network.prepare(false, alone);
    impl_->optimizer = std::move(optimizer);
    impl_->epochs_begun = snapshot.epochs_begun;
}

template class LanguageModel<float>;
template class LanguageModel<double>;

}  // namespace rnnfast
