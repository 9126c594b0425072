#include "rnnfast/dense.hpp"

#include "core/check.hpp"
#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "core/products.hpp"
#include "layers/packed_weights.hpp"
#include "layers/weight_gradient.hpp"

namespace rnnfast {

template <class T>
Dense<T>::Dense(Index input_size, Index output_size, bool transposed)
    : inputs_(at_least("Dense: input_size", input_size, 1)),
      outputs_(at_least("Dense: output_size", output_size, 1)),
      is_transposed_(transposed) {}

template <class T>
void Dense<T>::prepare(const T* W, const T* b, bool for_backward, Threads& threads) {
    b_ = b;
    for_backward |= transposed_.size() > 0;  // what backward has read once must not grow stale
    if (is_transposed_) {
        pack_weights_transposed(inputs_, outputs_, inputs_, W, panels_, threads);
        if (for_backward) pack_weights(outputs_, inputs_, inputs_, W, transposed_, threads);
    } else {
        pack_weights(inputs_, outputs_, outputs_, W, panels_, threads);
        if (for_backward) pack_weights_transposed(outputs_, inputs_, outputs_, W, transposed_, threads);
    }
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
    return is_transposed_ ? WeightGradient<T>::scratch_size(rows, inputs_, outputs_)
                          : WeightGradient<T>::scratch_size(rows, outputs_, inputs_);
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
        if (is_transposed_) {  // dW^T = dy^T x
            WeightGradient<T>(rows, inputs_, inputs_, x, scratch, threads, rank, own)
                .add({{outputs_, dy, dW, inputs_}});
            const auto columns = threads.share(outputs_, kernels::panel_columns, rank);
            in_blocks(rows, columns.size(), own, [&](Index row, Index count) {
                active_kernels<T>().add_rows(count, columns.size(), outputs_, dy + row * outputs_ + columns.begin,
                                             db + columns.begin);
            });
        } else {
            WeightGradient<T> gradient(rows, outputs_, outputs_, dy, scratch, threads, rank, own);
            gradient.add({{inputs_, x, dW, outputs_}});
            gradient.add_rows(db);
        }
    });
}

template class Dense<float>;
template class Dense<double>;

}  // namespace rnnfast
