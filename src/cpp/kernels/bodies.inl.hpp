// What an instruction set's file includes after its Vec: all bodies, and the table made of them.
#pragma once

#include "kernels/gemm.inl.hpp"
#include "kernels/lanes.inl.hpp"
#include "kernels/math.inl.hpp"
#include "kernels/lstm.inl.hpp"
#include "kernels/lstm_options.inl.hpp"
#include "kernels/rnn.inl.hpp"
#include "kernels/gru.inl.hpp"
#include "kernels/rows.inl.hpp"
#include "kernels/softmax.inl.hpp"
#include "kernels/sampler.inl.hpp"
#include "kernels/filters.inl.hpp"
#include "kernels/optim.inl.hpp"

namespace rnnfast::kernels {
namespace {

#define RNNFAST_ELEMENTWISE(function)                                                                   \
    template <class V>                                                                                  \
    void function##_all(Index n, const typename V::Scalar* x, typename V::Scalar* out) noexcept {       \
        sweep<V>(n, [&](Index j, auto part) { store(function(load<V>(x + j, part)), out + j, part); }); \
    }
RNNFAST_ELEMENTWISE(exp)
RNNFAST_ELEMENTWISE(log)
RNNFAST_ELEMENTWISE(sigmoid)
RNNFAST_ELEMENTWISE(tanh)
#undef RNNFAST_ELEMENTWISE

template <class V>
constexpr KernelTable<typename V::Scalar> make_table(const char* name) noexcept {
    return {name,
            V::lanes,
            exp_all<V>,
            log_all<V>,
            sigmoid_all<V>,
            tanh_all<V>,
            gemm<V>,
            gather<V>,
            scatter_add<V>,
            add_rows<V>,
            add_products<V>,
            rnn_kernels<V, Tanh<V>>,
            rnn_kernels<V, Relu<V>>,
            gru_forward<V>,
            gru_backward<V>,
            gru_reset<V>,
            gru_update<V>,
            gru_update_backward<V>,
            gru_reset_backward<V>,
            lstm_step<V>,
            lstm_backward<V>,
            lstm_options_forward<V>,
            lstm_options_backward<V>,
            cross_entropy_gradient<V>,
            cross_entropy<V>,
            softmax<V>,
            log_softmax<V>,
            draw<V>,
            argmax<V>,
            count_larger<V>,
            copy_allowed<V>,
            penalise<V>,
            variance<V>,
            keep_at_least<V>,
            sgd<V>,
            rmsprop<V>,
            adam<V>,
            clip<V>,
            scale<V>,
            sum_of_squares<V>};
}

}  // namespace
}  // namespace rnnfast::kernels
