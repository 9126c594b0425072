#include "rnnfast/dense.hpp"

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "core/panels.hpp"
#include "core/products.hpp"

namespace rnnfast {

template <class T>
Dense<T>::Dense(Index input_size, Index output_size)
    : inputs_(at_least("Dense: input_size", input_size, 1)), outputs_(at_least("Dense: output_size", output_size, 1)) {}

template <class T>
void Dense<T>::prepare(const T* W, const T* b, bool for_backward) {
    b_ = b;
    Poll none;
    if (panels_.size() == 0) panels_ = Buffer<T>(panels_size(inputs_, outputs_));
    pack_panels(inputs_, outputs_, outputs_, W, panels_.data(), none);
    if (!for_backward && transposed_.size() == 0) return;  // what backward has read once must not grow stale
    if (transposed_.size() == 0) transposed_ = Buffer<T>(panels_size(outputs_, inputs_));
    pack_panels_transposed(outputs_, inputs_, outputs_, W, transposed_.data(), none);
}

template <class T>
void Dense<T>::forward(Index rows, const T* x, T* y, Poll& poll) const {
    const FloatScope scope;
    multiply(active_kernels<T>(),
             product<T>(rows, outputs_, inputs_, x, inputs_, 1, panels_.data(), b_, 0, y, outputs_), poll);
}

template <class T>
Index Dense<T>::backward_scratch(Index rows) const noexcept {
    return panels_size(rows, outputs_);
}

template <class T>
void Dense<T>::backward(Index rows, const T* x, const T* dy, T* dx, T* dW, T* db, T* scratch, Poll& poll) const {
    const FloatScope scope;
    const auto& k = active_kernels<T>();
    multiply(k, product<T>(rows, inputs_, outputs_, dy, outputs_, 1, transposed_.data(), nullptr, 0, dx, inputs_),
             poll);
    pack_panels(rows, outputs_, outputs_, dy, scratch, poll);
    multiply(k, product<T>(inputs_, outputs_, rows, x, 1, inputs_, scratch, dW, outputs_, dW, outputs_), poll);
    in_blocks(rows, outputs_, poll,
              [&](Index row, Index count) { k.add_rows(count, outputs_, dy + row * outputs_, db); });
}

template class Dense<float>;
template class Dense<double>;

}  // namespace rnnfast
