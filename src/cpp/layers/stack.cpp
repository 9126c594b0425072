#include "rnnfast/stack.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "core/check.hpp"
#include "core/float_control.hpp"
#include "layers/dropout.hpp"
#include "layers/recurrent_layer.hpp"
#include "layers/rows.hpp"

namespace rnnfast {
namespace {

StackConfig checked(const StackConfig& c) {
    at_least("input_size", c.input_size, 1);
    at_least("hidden_size", c.hidden_size, 1);
    at_least("num_layers", c.num_layers, 1);
    constexpr Index most_inputs = std::numeric_limits<std::int32_t>::max(), most_units = Index{1} << 24;
    constexpr Index most_layers = Index{1} << 16;
    at_most("input_size", c.input_size, most_inputs);  // and so no parameter's size overflows
    at_most("hidden_size", c.hidden_size, most_units);
    at_most("num_layers", c.num_layers, most_layers);
    for (const auto& [name, rate] : {std::pair("dropout", c.dropout), std::pair("input_dropout", c.input_dropout)})
        if (!(rate >= 0 && rate < 1))
            throw std::invalid_argument(std::string(name) + " is " + number(rate) + ", expected at least 0, below 1");
    if (c.lstm.projection_size < 0 || c.lstm.projection_size > c.hidden_size)
        throw std::invalid_argument("proj_size is " + std::to_string(c.lstm.projection_size) + ", expected 0 to " +
                                    std::to_string(c.hidden_size) + " = hidden_size");
    if (c.tokens && c.input_dropout > 0)
        throw std::invalid_argument("input_dropout is " + number(c.input_dropout) + ", expected 0 for tokens");
    return c;
}

Index stream_of(const std::vector<Index>& streams, Index segment) {
    return streams.empty() ? segment : streams[static_cast<std::size_t>(segment)];
}

// [streams, H] -> [segments, H], zeros where a segment has no stream, or no state is given.
template <class T>
void segment_states(const std::vector<Index>& streams, Index segments, Index H, const T* given, T* own) {
    for (Index s = 0; s < segments; ++s) {
        const Index stream = stream_of(streams, s);
        if (given && stream >= 0)
            std::copy_n(given + stream * H, H, own + s * H);
        else
            std::fill_n(own + s * H, H, T(0));
    }
}

// The other way, [batch, H] zeros but where a segment has a stream.
template <class T>
void stream_states(const std::vector<Index>& streams, Index segments, Index batch, Index H, const T* own, T* result) {
    std::fill_n(result, batch * H, T(0));
    for (Index s = 0; s < segments; ++s)
        if (const Index stream = stream_of(streams, s); stream >= 0) std::copy_n(own + s * H, H, result + stream * H);
}

}  // namespace

template <class T>
struct StackWorkspace<T>::Layer {
    CellMemory<T> memory[2];
    LayerInput<T> x[2];           // what each direction read
    Buffer<T> dropped, reversed;  // copies of the layer's input
    Buffer<T> output;             // both directions' side by side
};

template <class T>
Stack<T>::Stack(const StackConfig& config) : config_(checked(config)) {
    for (Index l = 0; l < config.num_layers; ++l) {
        for (Index d = 0; d < directions(); ++d) {
            layers_.emplace_back(config_, layer_input_size(l));
            const std::string prefix = "layers." + std::to_string(l) + (d == 1 ? ".reverse." : ".");
            for (const auto& p : layers_.back().parameters()) parameters_.push_back({prefix + p.name, p.shape});
        }
    }
}

template <class T>
Stack<T>::~Stack() = default;
template <class T>
Stack<T>::Stack(Stack&&) noexcept = default;
template <class T>
Stack<T>& Stack<T>::operator=(Stack&&) noexcept = default;

template <class T>
void Stack<T>::prepare(const std::vector<T*>& parameters, bool for_backward, Threads& threads) {
    const std::size_t each = parameters_.size() / layers_.size();
    for (std::size_t k = 0; k < layers_.size(); ++k) {
        const bool tokens = config_.tokens && static_cast<Index>(k) < directions();
        layers_[k].prepare(parameters.data() + k * each, tokens, for_backward, threads);
    }
}

template <class T>
void Stack<T>::forward(LayerInput<T> given, std::optional<RandomKey> masks, StackWorkspace<T>& w, Threads& threads,
                       Poll& poll) const {
    const FloatScope scope;
    const Packing& packing = w.segments_.packing();
    const Index rows = packing.rows(), P = h_size();
    w.masks_ = masks;
    LayerInput<T> x = w.pack(given, threads, poll);
    for (Index l = 0; l < config_.num_layers; ++l) {
        auto& layer = w.layers_[static_cast<std::size_t>(l)];
        const Index columns = layer_input_size(l);
        if (masks && layer_dropout(l) > 0) {
            T* const dropped = of_size(layer.dropped, rows * columns);
            gather_rows({}, rows, columns, Rows<const T>{x.dense, columns}, Rows<T>{dropped, columns}, threads, poll);
            apply_dropout(layer_dropout(l), w.mask_key(l), w.segments_.places(), rows, columns, dropped, threads, poll);
            x.dense = dropped;
        }
        for (Index d = 0; d < directions(); ++d) {
            layer.x[d] = d == 0 ? x : w.reverse(x, columns, layer.reversed, threads, poll);
            layers_[index(l, d)].forward(packing, layer.x[d], layer.memory[d], threads, poll);
        }
        x = {nullptr, layer.memory[0].h.data() + packing.batch * P};
        if (!config_.bidirectional) continue;
        T* const both = of_size(layer.output, rows * 2 * P);
        const T* const other = layer.memory[1].h.data() + packing.batch * P;
        gather_rows({}, rows, P, Rows<const T>{x.dense, P}, Rows<T>{both, 2 * P}, threads, poll);
        gather_rows(w.reversed_, rows, P, Rows<const T>{other, P}, Rows<T>{both + P, 2 * P}, threads, poll);
        x.dense = both;
    }
    w.outputs_ = x.dense;
}

template <class T>
void Stack<T>::backward(T* dy, const std::vector<T*>& gradients, T* dx, StackState<T> state, StackWorkspace<T>& w,
                        Threads& threads, Poll& poll) const {
    const FloatScope scope;
    const Packing& packing = w.segments_.packing();
    const Index rows = packing.rows(), batch = w.segments_.batch(), out = output_size();
    const Index P = h_size(), H = config_.hidden_size;
    const std::size_t each = parameters_.size() / layers_.size();
    T* const dh = of_size(w.dh_, packing.batch * P);
    T* const dc = has_c() ? of_size(w.dc_, packing.batch * H) : nullptr;
    for (Index l = config_.num_layers; l-- > 0;) {
        auto& layer = w.layers_[static_cast<std::size_t>(l)];
        const Index columns = layer_input_size(l);
        T* const dx_layer = l > 0 ? of_size(w.dx_[l % 2], rows * columns) : layer.x[0].tokens ? nullptr : dx;
        T* dx_reverse = nullptr;
        for (Index d = 0; d < directions(); ++d) {
            T* dh_out = dy;
            if (config_.bidirectional) {
                dh_out = of_size(w.dh_out_, rows * P);
                gather_rows(d == 0 ? std::vector<Index>() : w.reversed_, rows, P, Rows<const T>{dy + d * P, out},
                            Rows<T>{dh_out, P}, threads, poll);
            }
            if (d == 1 && dx_layer) dx_reverse = of_size(w.dx_reverse_, rows * columns);
            const Index at = static_cast<Index>(index(l, d)) * batch;  // the stream before the first one's state
            segment_states(w.ends(d), packing.batch, P, state.h ? state.h + at * P : nullptr, dh);
            if (dc) segment_states(w.ends(d), packing.batch, H, state.c ? state.c + at * H : nullptr, dc);
            const auto& cell = layers_[index(l, d)];
            cell.backward(packing, layer.x[d], dh_out, layer.memory[d],
                          {gradients.data() + index(l, d) * each, d == 0 ? dx_layer : dx_reverse, dh, dc},
                          of_size(w.scratch_, cell.backward_scratch(packing)), threads, poll);
            if (state.h) stream_states(w.starts(d), packing.batch, batch, P, dh, state.h + at * P);
            if (dc && state.c) stream_states(w.starts(d), packing.batch, batch, H, dc, state.c + at * H);
        }
        if (dx_reverse)
            for_rows(rows, columns, threads, poll, [&](Index row) {
                const T* const other = dx_reverse + w.reversed_[static_cast<std::size_t>(row)] * columns;
                T* const own = dx_layer + row * columns;
                for (Index j = 0; j < columns; ++j) own[j] += other[j];
            });
        if (dx_layer && w.masks_ && layer_dropout(l) > 0)
            apply_dropout(layer_dropout(l), w.mask_key(l), w.segments_.places(), rows, columns, dx_layer, threads,
                          poll);
        dy = dx_layer;
    }
}

template <class T>
Index Stack<T>::step_scratch(Index batch) const noexcept {
    return layers_.front().step_scratch(batch);
}

template <class T>
void Stack<T>::step(Index t, Index batch, LayerInput<T> x, const T* h_prev, T* h, T* c, T* scratch, Poll& poll) const {
    const Index of_h = batch * h_size(), of_c = batch * config_.hidden_size;
    for (Index l = 0; l < config_.num_layers; ++l) {
        T* const own = h + l * of_h;
        layers_[index(l, 0)].step(t, batch, x, h_prev + l * of_h, own, c ? c + l * of_c : nullptr, scratch, poll);
        x = {nullptr, own};
    }
}

template <class T>
StackWorkspace<T>::StackWorkspace(const Stack<T>& stack, Segments segments)
    : stack_(&stack), segments_(0, 0), layers_(static_cast<std::size_t>(stack.config().num_layers)) {
    set_segments(std::move(segments));
}

template <class T>
StackWorkspace<T>::~StackWorkspace() = default;

template <class T>
void StackWorkspace<T>::set_segments(Segments segments) {
    segments_ = std::move(segments);
    if (stack_->config().bidirectional) reversed_ = segments_.reversed();
    for (Index l = 0; l < stack_->config().num_layers; ++l)
        for (Index d = 0; d < stack_->directions(); ++d)
            stack_->layers_[stack_->index(l, d)].make_room(segments_.packing(),
                                                           layers_[static_cast<std::size_t>(l)].memory[d]);
}

template <class T>
void StackWorkspace<T>::set_steps(Index steps) {
    if (steps != segments_.steps()) set_segments(Segments(steps, segments_.batch()));
}

template <class T>
LayerInput<T> StackWorkspace<T>::pack(LayerInput<T> x, Threads& threads, Poll& poll) {
    if (segments_.whole()) return x;
    const Index rows = segments_.packing().rows(), D = stack_->config().input_size;
    if (x.tokens) {
        auto* const tokens = of_size(tokens_[0], rows);
        gather_rows(segments_.places(), rows, 1, Rows<const std::int32_t>{x.tokens, 1}, Rows<std::int32_t>{tokens, 1},
                    threads, poll);
        return {tokens, nullptr};
    }
    T* const dense = of_size(x_, rows * D);
    gather_rows(segments_.places(), rows, D, Rows<const T>{x.dense, D}, Rows<T>{dense, D}, threads, poll);
    return {nullptr, dense};
}

template <class T>
LayerInput<T> StackWorkspace<T>::reverse(LayerInput<T> x, Index columns, Buffer<T>& memory, Threads& threads,
                                         Poll& poll) {
    const Index rows = segments_.packing().rows();
    if (x.tokens) {
        auto* const tokens = of_size(tokens_[1], rows);
        gather_rows(reversed_, rows, 1, Rows<const std::int32_t>{x.tokens, 1}, Rows<std::int32_t>{tokens, 1}, threads,
                    poll);
        return {tokens, nullptr};
    }
    T* const dense = of_size(memory, rows * columns);
    gather_rows(reversed_, rows, columns, Rows<const T>{x.dense, columns}, Rows<T>{dense, columns}, threads, poll);
    return {nullptr, dense};
}

template <class T>
RandomKey StackWorkspace<T>::mask_key(Index layer) const noexcept {
    const auto layers = static_cast<std::uint64_t>(stack_->config().num_layers);
    return {masks_->seed, masks_->stream * layers + static_cast<std::uint64_t>(layer)};
}

template <class T>
const std::vector<Index>& StackWorkspace<T>::starts(Index direction) const noexcept {
    return direction == 0 ? segments_.heads() : segments_.tails();
}

template <class T>
void StackWorkspace<T>::load_state(const T* h, const T* c) {
    const Index P = stack_->h_size(), H = stack_->config().hidden_size, segments = segments_.packing().batch;
    Index at = 0;
    for (Layer& layer : layers_) {
        for (Index d = 0; d < stack_->directions(); ++d, at += segments_.batch()) {
            segment_states(starts(d), segments, P, h ? h + at * P : nullptr, layer.memory[d].h.data());
            if (stack_->has_c())
                segment_states(starts(d), segments, H, c ? c + at * H : nullptr, layer.memory[d].c.data());
        }
    }
}

template <class T>
void StackWorkspace<T>::carry_state() {
    const Index batch = segments_.batch(), last = segments_.steps() * batch;
    const auto carry = [&](Buffer<T>& states, Index columns) {
        if (states.size() > 0) std::copy_n(states.data() + last * columns, batch * columns, states.data());
    };
    for (Layer& layer : layers_) {
        for (CellMemory<T>& memory : layer.memory) {
            carry(memory.h, stack_->h_size());
            carry(memory.c, stack_->config().hidden_size);
        }
    }
}

template <class T>
void StackWorkspace<T>::store_state(T* h, T* c) const {
    const Index P = stack_->h_size(), H = stack_->config().hidden_size, segments = segments_.packing().batch;
    Index at = 0;
    for (const Layer& layer : layers_) {
        for (Index d = 0; d < stack_->directions(); ++d, at += segments_.batch()) {
            std::fill_n(h + at * P, segments_.batch() * P, T(0));  // stays where a reset is the last that is read
            if (stack_->has_c()) std::fill_n(c + at * H, segments_.batch() * H, T(0));
            for (Index s = 0; s < segments; ++s) {
                const Index stream = stream_of(ends(d), s), row = segments_.final_row(s);
                if (stream < 0) continue;
                std::copy_n(layer.memory[d].h.data() + row * P, P, h + (at + stream) * P);
                if (stack_->has_c()) std::copy_n(layer.memory[d].c.data() + row * H, H, c + (at + stream) * H);
            }
        }
    }
}

template class Stack<float>;
template class Stack<double>;
template class StackWorkspace<float>;
template class StackWorkspace<double>;

}  // namespace rnnfast
