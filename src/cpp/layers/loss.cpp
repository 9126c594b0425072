#include "rnnfast/loss.hpp"

#include "core/dispatch.hpp"
#include "core/float_control.hpp"

namespace rnnfast {

template <class T>
void cross_entropy_gradient(Index rows, Index V, const std::int32_t* targets, T scale, T* logits, LossSums& sums) {
    const FloatScope scope;
    active_kernels<T>().cross_entropy_gradient(rows, V, targets, scale, logits, sums);
}

template <class T>
void cross_entropy(Index rows, Index V, const std::int32_t* targets, T* logits, LossSums& sums) {
    const FloatScope scope;
    active_kernels<T>().cross_entropy(rows, V, targets, logits, sums);
}

template <class T>
void softmax(Index rows, Index V, T* logits) {
    const FloatScope scope;
    active_kernels<T>().softmax(rows, V, logits);
}

template void cross_entropy_gradient(Index, Index, const std::int32_t*, float, float*, LossSums&);
template void cross_entropy_gradient(Index, Index, const std::int32_t*, double, double*, LossSums&);
template void cross_entropy(Index, Index, const std::int32_t*, float*, LossSums&);
template void cross_entropy(Index, Index, const std::int32_t*, double*, LossSums&);
template void softmax(Index, Index, float*);
template void softmax(Index, Index, double*);

}  // namespace rnnfast
