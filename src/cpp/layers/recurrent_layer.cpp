#include "layers/recurrent_layer.hpp"

#include <utility>

namespace rnnfast {
namespace {

template <class... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

template <class T>
std::variant<Rnn<T>, Gru<T>, Lstm<T>> make(const StackConfig& config, Index D) {
    const Index H = config.hidden_size;
    switch (config.cell) {
        case Cell::rnn_tanh:
            return Rnn<T>(D, H, Nonlinearity::tanh);
        case Cell::rnn_relu:
            return Rnn<T>(D, H, Nonlinearity::relu);
        case Cell::gru:
            return Gru<T>(D, H, true);
        case Cell::gru_reset_before:
            return Gru<T>(D, H, false);
        default:
            return Lstm<T>(D, H, config.lstm);
    }
}

// Peephole and projection among the pointers to an LSTM's parameters, null where it has none.
template <class T, class P>
std::pair<P, P> options_of(const Lstm<T>& lstm, P const* parameters) {
    const bool peephole = lstm.options().peephole, projects = lstm.options().projection_size > 0;
    return {peephole ? parameters[3] : nullptr, projects ? parameters[3 + peephole] : nullptr};
}

}  // namespace

template <class T>
RecurrentLayer<T>::RecurrentLayer(const StackConfig& config, Index input_size)
    : D_(input_size), H_(config.hidden_size), cell_(make<T>(config, input_size)) {}

template <class T>
std::vector<ParameterShape> RecurrentLayer<T>::parameters() const {
    const auto shapes = [this](Index P, Index G) {
        return std::vector<ParameterShape>{{"W", {D_, G}}, {"R", {P, G}}, {"b", {G}}};
    };
    return std::visit(Overloaded{[&](const Rnn<T>&) { return shapes(H_, H_); },
                                 [&](const Gru<T>& gru) {
                                     auto list = shapes(H_, 3 * H_);
                                     if (gru.reset_after()) list.push_back({"b_Rn", {H_}});
                                     return list;
                                 },
                                 [&](const Lstm<T>& lstm) {
                                     const LstmOptions& options = lstm.options();
                                     const Index P = lstm.output_size(), G = lstm.gates_size();
                                     auto list = shapes(P, G);
                                     if (options.peephole) list.push_back({"peephole", {G - H_}});
                                     if (options.projection_size > 0) list.push_back({"projection", {H_, P}});
                                     return list;
                                 }},
                      cell_);
}

template <class T>
void RecurrentLayer<T>::make_room(const Packing& packing, CellMemory<T>& memory) const {
    const Index rows = packing.rows(), states = packing.batch + rows;
    std::visit(Overloaded{[&](const Rnn<T>&) { of_size(memory.h, states * H_); },
                          [&](const Gru<T>&) {
                              of_size(memory.h, states * H_);
                              of_size(memory.gates, rows * 3 * H_);
                              of_size(memory.u, rows * H_);
                          },
                          [&](const Lstm<T>& lstm) {
                              of_size(memory.h, states * lstm.output_size());
                              of_size(memory.c, states * H_);
                              of_size(memory.gates, lstm.workspace(rows));
                          }},
               cell_);
}

template <class T>
void RecurrentLayer<T>::prepare(const T* const* p, bool tokens, bool for_backward, Threads& threads) {
    std::visit(Overloaded{[&](Rnn<T>& rnn) { rnn.prepare(p[0], p[1], p[2], tokens, for_backward, threads); },
                          [&](Gru<T>& gru) {
                              gru.prepare(p[0], p[1], p[2], gru.reset_after() ? p[3] : nullptr, tokens, for_backward,
                                          threads);
                          },
                          [&](Lstm<T>& lstm) {
                              const auto [peephole, projection] = options_of(lstm, p);
                              lstm.prepare({p[0], p[1], p[2], peephole, projection}, tokens, for_backward, threads);
                          }},
               cell_);
}

template <class T>
void RecurrentLayer<T>::forward(const Packing& packing, LayerInput<T> x, CellMemory<T>& memory, Threads& threads,
                                Poll& poll) const {
    T *const h = memory.h.data(), *const gates = memory.gates.data();
    std::visit(
        Overloaded{[&](const Rnn<T>& rnn) { rnn.forward(packing, x, h, threads, poll); },
                   [&](const Gru<T>& gru) { gru.forward(packing, x, h, gates, memory.u.data(), threads, poll); },
                   [&](const Lstm<T>& lstm) { lstm.forward(packing, x, h, memory.c.data(), gates, threads, poll); }},
        cell_);
}

template <class T>
Index RecurrentLayer<T>::backward_scratch(const Packing& packing) const noexcept {
    return std::visit([&](const auto& cell) { return cell.backward_scratch(packing); }, cell_);
}

template <class T>
void RecurrentLayer<T>::backward(const Packing& packing, LayerInput<T> x, T* dh_out, CellMemory<T>& memory,
                                 const CellGradients<T>& g, T* scratch, Threads& threads, Poll& poll) const {
    const T* const h = memory.h.data();
    T *const gates = memory.gates.data(), *const *const p = g.parameters;
    std::visit(
        Overloaded{[&](const Rnn<T>& rnn) {
                       const RnnGradients<T> gradients{p[0], p[1], p[2], g.dx, g.dh};
                       rnn.backward(packing, x, h, dh_out, gradients, scratch, threads, poll);
                   },
                   [&](const Gru<T>& gru) {
                       T* const db_Rn = gru.reset_after() ? p[3] : nullptr;
                       const GruGradients<T> gradients{p[0], p[1], p[2], db_Rn, g.dx, g.dh};
                       gru.backward(packing, x, h, dh_out, gates, memory.u.data(), gradients, scratch, threads, poll);
                   },
                   [&](const Lstm<T>& lstm) {
                       const auto [dpeephole, dprojection] = options_of(lstm, p);
                       const LstmGradients<T> gradients{p[0], p[1], p[2], g.dx, g.dh, g.dc, dpeephole, dprojection};
                       lstm.backward(packing, x, h, memory.c.data(), dh_out, gates, gradients, scratch, threads, poll);
                   }},
        cell_);
}

template <class T>
Index RecurrentLayer<T>::step_scratch(Index batch) const noexcept {
    const Index slot = batch * H_;
    return std::visit(Overloaded{[](const Rnn<T>&) { return Index{0}; }, [&](const Gru<T>&) { return 4 * slot; },
                                 [&](const Lstm<T>& lstm) { return lstm.workspace(batch); }},
                      cell_);
}

template <class T>
void RecurrentLayer<T>::step(Index t, Index batch, LayerInput<T> x, const T* h_prev, T* h, T* c, T* scratch,
                             Poll& poll) const {
    std::visit(
        Overloaded{[&](const Rnn<T>& rnn) { rnn.step(batch, x, h_prev, h, poll); },
                   [&](const Gru<T>& gru) { gru.step(batch, x, h_prev, h, scratch, scratch + 3 * batch * H_, poll); },
                   [&](const Lstm<T>& lstm) { lstm.step(t, batch, x, h_prev, c, h, c, scratch, poll); }},
        cell_);
}

template class RecurrentLayer<float>;
template class RecurrentLayer<double>;

}  // namespace rnnfast
