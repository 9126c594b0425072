#include "rnnfast/dense_layer.hpp"

#include <algorithm>

#include "core/float_control.hpp"
#include "model/initialise.hpp"
#include "model/weights.hpp"
#include "rnnfast/dense.hpp"

namespace rnnfast {

template <class T>
struct DenseLayer<T>::Impl : Trainable<T>::Weights {
    explicit Impl(const Dense<T>& layer)
        : Trainable<T>::Weights({{"W", {layer.input_size(), layer.output_size()}}, {"b", {layer.output_size()}}}),
          dense(layer) {}

    void prepare(bool for_backward) override {
        Threads alone;
        const auto& views = this->parameters.views();
        dense.prepare(views[0].data, views[1].data, for_backward, alone);
    }

    Dense<T> dense;
};

template <class T>
DenseLayer<T>::DenseLayer(Index input_size, Index output_size, std::uint64_t seed, Poll& poll)
    : DenseLayer(std::make_shared<Impl>(Dense<T>(input_size, output_size))) {
    const FloatScope scope;
    initialise(impl_->parameters, seed, 0, poll);
    impl_->prepare(false);
}

template <class T>
DenseLayer<T>::DenseLayer(std::shared_ptr<Impl> impl) : Trainable<T>(impl), impl_(impl.get()) {}

template <class T>
Index DenseLayer<T>::input_size() const noexcept {
    return impl_->dense.input_size();
}

template <class T>
Index DenseLayer<T>::output_size() const noexcept {
    return impl_->dense.output_size();
}

template <class T>
std::uint64_t DenseLayer<T>::forward(Index rows, const T* x, T* y, Index num_threads, Poll& poll) const {
    Threads threads(choose_threads(num_threads, impl_->work(rows)));
    const ReadLock lock(impl_->mutex, poll);
    impl_->dense.forward(rows, x, y, threads, poll);
    return impl_->changes;
}

template <class T>
void DenseLayer<T>::backward(std::uint64_t forward, Index rows, const T* x, const T* dy, T* dx, T* dW, T* db,
                             Index num_threads, Poll& poll) const {
    impl_->ready_for_backward(poll);
    Threads threads(choose_threads(num_threads, 2 * impl_->work(rows)));
    const ReadLock lock(impl_->mutex, poll);
    impl_->expect_no_change_since(forward);
    Buffer<T> scratch(impl_->dense.backward_scratch(rows));
    std::fill_n(dW, input_size() * output_size(), T(0));
    std::fill_n(db, output_size(), T(0));
    impl_->dense.backward(rows, x, dy, dx, dW, db, scratch.data(), threads, poll);
}

template class DenseLayer<float>;
template class DenseLayer<double>;

}  // namespace rnnfast
