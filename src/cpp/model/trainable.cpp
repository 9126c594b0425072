#include "rnnfast/trainable.hpp"

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <string>

#include "model/weights.hpp"

namespace rnnfast {

template <class T>
Trainable<T>::Trainable(std::shared_ptr<Weights> weights) : weights_(std::move(weights)) {}
template <class T>
Trainable<T>::~Trainable() = default;
template <class T>
Trainable<T>::Trainable(Trainable&&) noexcept = default;
template <class T>
Trainable<T>& Trainable<T>::operator=(Trainable&&) noexcept = default;

template <class T>
const std::vector<ParameterView<T>>& Trainable<T>::parameters() const noexcept {
    return weights_->parameters.views();
}

template <class T>
void Trainable<T>::set_parameters(const std::vector<const T*>& values, Poll& poll) {
    const auto& views = parameters();
    if (values.size() != views.size())
        throw std::invalid_argument("set_parameters: values has " + std::to_string(values.size()) +
                                    " entries, expected " + std::to_string(views.size()));
    change_parameters<T>({this}, poll, [&](const std::vector<T*>& places) {
        for (std::size_t k = 0; k < values.size(); ++k)
            if (values[k]) std::copy_n(values[k], views[k].size, places[k]);
    });
}

template <class T>
void change_parameters(const std::vector<Trainable<T>*>& layers, Poll& poll,
                       const std::function<void(const std::vector<T*>&)>& change) {
    using Weights = typename Trainable<T>::Weights;
    std::vector<Weights*> all;
    std::vector<T*> places;
    for (const auto* layer : layers) {
        Weights& weights = *layer->weights_;
        all.push_back(&weights);
        for (T* place : weights.parameters.places_in(weights.parameters.flat())) places.push_back(place);
    }
    std::sort(all.begin(), all.end());  // in one order for every thread, so that no two wait for each other
    std::deque<WriteLock> locks;
    for (Weights* weights : all) locks.emplace_back(weights->mutex, poll);
    change(places);
    for (Weights* weights : all) {
        weights->prepare(false);
        ++weights->changes;
    }
}

template class Trainable<float>;
template class Trainable<double>;
template void change_parameters(const std::vector<Trainable<float>*>&, Poll&,
                                const std::function<void(const std::vector<float*>&)>&);
template void change_parameters(const std::vector<Trainable<double>*>&, Poll&,
                                const std::function<void(const std::vector<double*>&)>&);

}  // namespace rnnfast
