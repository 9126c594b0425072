#include "rnnfast/elementwise.hpp"

#include "core/dispatch.hpp"
#include "core/float_control.hpp"

namespace rnnfast {

template <class T>
void exp(Index n, const T* x, T* out) {
    const FloatScope scope;
    active_kernels<T>().exp(n, x, out);
}
template <class T>
void log(Index n, const T* x, T* out) {
    const FloatScope scope;
    active_kernels<T>().log(n, x, out);
}
template <class T>
void sigmoid(Index n, const T* x, T* out) {
    const FloatScope scope;
    active_kernels<T>().sigmoid(n, x, out);
}
template <class T>
void tanh(Index n, const T* x, T* out) {
    const FloatScope scope;
    active_kernels<T>().tanh(n, x, out);
}

template void exp(Index, const float*, float*);
template void exp(Index, const double*, double*);
template void log(Index, const float*, float*);
template void log(Index, const double*, double*);
template void sigmoid(Index, const float*, float*);
template void sigmoid(Index, const double*, double*);
template void tanh(Index, const float*, float*);
template void tanh(Index, const double*, double*);

}  // namespace rnnfast
