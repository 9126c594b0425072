// The elementwise parts of an LSTM with options (peepholes p, coupled gates, a projection); its products are in gemm.
//
// Forward, a = x W + h(t-1) R + b in the order i f g o; coupled: i g o:
//   i = sigmoid(a_i + p_i c(t-1))    f = sigmoid(a_f + p_f c(t-1)); coupled: f = 1 - i    g = tanh(a_g)
//   c = f c(t-1) + i g               o = sigmoid(a_o + p_o c)                             m = o tanh(c)
// Backward, from dm and dc = dL/dc(t) so far:
//   da_o = dm tanh(c) o (1 - o)      dc += dm o (1 - tanh(c)^2) + da_o p_o
//   da_g = dc i (1 - g^2)            da_f = dc c(t-1) f (1 - f)
//   da_i = dc g i (1 - i); coupled: dc (g - c(t-1)) i (1 - i)
//   dc(t-1) = dc f + da_i p_i + da_f p_f
// Without options it is the plain LSTM, bit for bit. The options are tested at each vector: that costs little beside
// three sigmoids and two tanh.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast::kernels {
namespace {

// The columns of the gates, and of their peepholes.
struct LstmColumns {
    bool coupled;
    Index H;
    Index all() const noexcept { return (coupled ? 3 : 4) * H; }
    Index f() const noexcept { return H; }  // not coupled
    Index g() const noexcept { return all() - 2 * H; }
    Index o() const noexcept { return all() - H; }
    Index peephole_f() const noexcept { return H; }
    Index peephole_o() const noexcept { return all() - 2 * H; }
};

template <class V>
void lstm_options_forward(const LstmCell<typename V::Scalar>& s, const typename V::Scalar* c_prev,
                          typename V::Scalar* gates, typename V::Scalar* c, typename V::Scalar* m) noexcept {
    const LstmColumns at{s.coupled, s.H};
    for (Index row = 0; row < s.rows; ++row, c_prev += s.H, c += s.H, m += s.H, gates += at.all()) {
        sweep<V>(s.H, [&](Index j, auto part) {
            // a gate before activation, with what it sees of the cell
            const auto sum = [&](Index column, Index peephole, V cell) {
                const V a = load<V>(gates + column + j, part);
                return s.peephole ? fma(load<V>(s.peephole + peephole + j, part), cell, a) : a;
            };
            const V before = load<V>(c_prev + j, part);
            const V i = sigmoid(sum(0, 0, before));
            const V g = tanh(load<V>(gates + at.g() + j, part));
            V f = V::broadcast(1) - i;
            if (!s.coupled) {
                f = sigmoid(sum(at.f(), at.peephole_f(), before));
                store(f, gates + at.f() + j, part);
            }
            const V cell = fma(f, before, i * g);
            const V o = sigmoid(sum(at.o(), at.peephole_o(), cell));
            store(i, gates + j, part);
            store(g, gates + at.g() + j, part);
            store(o, gates + at.o() + j, part);
            store(cell, c + j, part);
            store(o * tanh(cell), m + j, part);
        });
    }
}

template <class V>
void lstm_options_backward(const LstmCell<typename V::Scalar>& s, const typename V::Scalar* c_prev,
                           const typename V::Scalar* c, const typename V::Scalar* dm, typename V::Scalar* gates,
                           typename V::Scalar* dc) noexcept {
    const V one = V::broadcast(1);
    const LstmColumns at{s.coupled, s.H};
    for (Index row = 0; row < s.rows; ++row, c_prev += s.H, c += s.H, dm += s.H, dc += s.H, gates += at.all()) {
        sweep<V>(s.H, [&](Index j, auto part) {
            // + da p, where there are peepholes
            const auto add_seen = [&](V da, Index peephole, V sum) {
                return s.peephole ? fma(da, load<V>(s.peephole + peephole + j, part), sum) : sum;
            };
            const V i = load<V>(gates + j, part);
            const V g = load<V>(gates + at.g() + j, part);
            const V o = load<V>(gates + at.o() + j, part);
            const V before = load<V>(c_prev + j, part);
            const V dm_t = load<V>(dm + j, part);
            const V tanh_c = tanh(load<V>(c + j, part));
            const V da_o = dm_t * tanh_c * (o * (one - o));
            const V dc_t = add_seen(da_o, at.peephole_o(), fma(dm_t * o, one - tanh_c * tanh_c, load<V>(dc + j, part)));
            V da_i, dc_prev;
            if (s.coupled) {
                da_i = dc_t * (g - before) * (i * (one - i));
                dc_prev = add_seen(da_i, 0, dc_t * (one - i));
            } else {
                const V f = load<V>(gates + at.f() + j, part);
                const V da_f = dc_t * before * (f * (one - f));
                da_i = dc_t * g * (i * (one - i));
                dc_prev = add_seen(da_f, at.peephole_f(), add_seen(da_i, 0, dc_t * f));
                store(da_f, gates + at.f() + j, part);
            }
            store(da_i, gates + j, part);
            store(dc_t * i * (one - g * g), gates + at.g() + j, part);
            store(da_o, gates + at.o() + j, part);
            store(dc_prev, dc + j, part);
        });
    }
}

}  // namespace
}  // namespace rnnfast::kernels
