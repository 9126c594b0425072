#include "model/stepper.hpp"

#include <algorithm>
#include <utility>

namespace rnnfast {

template <class T>
Stepper<T>::Stepper(const Network<T>& network, Index capacity)
    : network_(network),
      h_(network.config.num_layers * capacity * network.config.hidden_size),
      c_(network.stack.has_c() ? h_.size() : 0),
      next_h_(h_.size()),
      next_c_(c_.size()),
      embedded_(capacity * network.config.embedding_size),
      scratch_(network.stack.step_scratch(capacity)),
      logits_(capacity * network.config.vocab_size) {}

template <class T>
void Stepper<T>::rearrange(const std::vector<Index>& from) {
    const Index H = network_.config.hidden_size, rows = static_cast<Index>(from.size());
    for (Index l = 0; l < network_.config.num_layers; ++l)
        for (Index r = 0; r < rows; ++r) {
            const Index old = from[static_cast<std::size_t>(r)];
            if (old < 0) continue;
            std::copy_n(h_.data() + (l * rows_ + old) * H, H, next_h_.data() + (l * rows + r) * H);
            if (c_.size() > 0) std::copy_n(c_.data() + (l * rows_ + old) * H, H, next_c_.data() + (l * rows + r) * H);
        }
    std::swap(h_, next_h_);
    std::swap(c_, next_c_);
    rows_ = rows;
}

template <class T>
void Stepper<T>::load(Index row, const T* h, const T* c, Index stride) {
    const Index H = network_.config.hidden_size;
    const auto copy = [H](const T* from, T* to) { from ? std::copy_n(from, H, to) : std::fill_n(to, H, T(0)); };
    for (Index l = 0; l < network_.config.num_layers; ++l) {
        copy(part_of(h, l * stride), h_.data() + l * slot() + row * H);
        if (c_.size() > 0) copy(part_of(c, l * stride), c_.data() + l * slot() + row * H);
    }
}

template <class T>
void Stepper<T>::store(Index row, T* h, T* c, Index stride) const {
    const Index H = network_.config.hidden_size;
    for (Index l = 0; l < network_.config.num_layers; ++l) {
        std::copy_n(h_.data() + l * slot() + row * H, H, h + l * stride);
        if (c_.size() > 0) std::copy_n(c_.data() + l * slot() + row * H, H, c + l * stride);
    }
}

template <class T>
void Stepper<T>::step(const std::int32_t* inputs, Poll& poll) {
    LayerInput<T> x{inputs, nullptr};
    if (network_.embedding) {
        network_.embedding->forward(rows_, inputs, network_.weights.embedding_W, embedded_.data(), alone_, poll);
        x = {nullptr, embedded_.data()};
    }
    network_.stack.step(steps_, rows_, x, h_.data(), next_h_.data(), c_.data(), scratch_.data(), poll);
    std::swap(h_, next_h_);
    ++steps_;
}

template <class T>
T* Stepper<T>::logits(Poll& poll) {
    const T* const top = h_.data() + (network_.config.num_layers - 1) * slot();
    network_.dense.forward(rows_, top, logits_.data(), alone_, poll);
    return logits_.data();
}

template class Stepper<float>;
template class Stepper<double>;

}  // namespace rnnfast
