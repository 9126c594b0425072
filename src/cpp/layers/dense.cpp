#include "rnnfast/dense.hpp"

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "core/panels.hpp"
#include "core/products.hpp"
#include "layers/weight_gradient.hpp"

namespace rnnfast {

template <class T>
Dense<T>::Dense(Index input_size, Index output_size)
    : inputs_(at_least("Dense: input_size", input_size, 1)), outputs_(at_least("Dense: output_size", output_size, 1)) {}

template <class T>
void Dense<T>::prepare(const T* W, const T* b, bool for_backward, Threads& threads) {
    constexpr Index P = kernels::panel_columns;
    b_ = b;
    for_backward |= transposed_.size() > 0;  // what backward has read once must not grow stale
    if (panels_.size() == 0) panels_ = Buffer<T>(panels_size(inputs_, outputs_));
    if (for_backward && transposed_.size() == 0) transposed_ = Buffer<T>(panels_size(outputs_, inputs_));
    Poll none;
    threads.run(none, [&](Index rank, Poll& poll) {
        const auto columns = threads.share(outputs_, P, rank);
        pack_panels(inputs_, columns.size(), outputs_, W + columns.begin, panels_.data() + columns.begin * inputs_,
                    poll);
        if (!for_backward) return;
        const auto rows = threads.share(inputs_, P, rank);
        pack_panels_transposed(outputs_, rows.size(), outputs_, W + rows.begin * outputs_,
                               transposed_.data() + rows.begin * outputs_, poll);
    });
}

template <class T>
void Dense<T>::forward(Index rows, const T* x, T* y, Threads& threads, Poll& poll) const {
    const FloatScope scope;
    threads.run(poll, [&](Index rank, Poll& own) {
        const auto part = threads.share(rows, 1, rank);
        multiply(active_kernels<T>(),
                 product<T>(part.size(), outputs_, inputs_, x + part.begin * inputs_, inputs_, 1, panels_.data(), b_, 0,
                            y + part.begin * outputs_, outputs_),
                 own);
    });
}

template <class T>
Index Dense<T>::backward_scratch(Index rows) const noexcept {
    return WeightGradient<T>::scratch_size(rows, outputs_, inputs_);
}

template <class T>
void Dense<T>::backward(Index rows, const T* x, const T* dy, T* dx, T* dW, T* db, T* scratch, Threads& threads,
                        Poll& poll) const {
    const FloatScope scope;
    threads.run(poll, [&](Index rank, Poll& own) {
        const auto part = threads.share(rows, 1, rank);
        multiply(active_kernels<T>(),
                 product<T>(part.size(), inputs_, outputs_, dy + part.begin * outputs_, outputs_, 1, transposed_.data(),
                            nullptr, 0, dx + part.begin * inputs_, inputs_),
                 own);
        WeightGradient<T> gradient(rows, outputs_, dy, scratch, threads, rank, own);
        gradient.add(inputs_, x, dW);
        gradient.add_rows(db);
    });
}

template class Dense<float>;
template class Dense<double>;

}  // namespace rnnfast
