#include "model/network.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>

#include "core/check.hpp"

namespace rnnfast {
namespace {

constexpr Index cache_line = 64;

const LanguageModelConfig& checked(const LanguageModelConfig& c) {
    at_least("vocab_size", c.vocab_size, 1);
    at_least("hidden_size", c.hidden_size, 1);
    at_least("num_layers", c.num_layers, 1);
    constexpr Index most_tokens = std::numeric_limits<std::int32_t>::max(), most_units = Index{1} << 24;
    if (c.vocab_size > most_tokens)
        throw std::invalid_argument("vocab_size is " + std::to_string(c.vocab_size) + ", expected at most " +
                                    std::to_string(most_tokens));
    if (c.hidden_size > most_units || c.num_layers > most_units)
        throw std::invalid_argument("hidden_size is " + std::to_string(c.hidden_size) + " and num_layers is " +
                                    std::to_string(c.num_layers) + ", expected at most " + std::to_string(most_units));
    return c;
}

}  // namespace

template <class T>
Network<T>::Network(const LanguageModelConfig& configuration)
    : config(checked(configuration)), dense(config.hidden_size, config.vocab_size) {
    const Index V = config.vocab_size, H = config.hidden_size, L = config.num_layers;
    for (Index l = 0; l < L; ++l) {
        const Index D = l == 0 ? V : H;
        const std::string prefix = "layers." + std::to_string(l) + ".";
        layers.emplace_back(D, H);
        parameters.push_back({prefix + "W", {D, 4 * H}, nullptr, D * 4 * H});
        parameters.push_back({prefix + "R", {H, 4 * H}, nullptr, H * 4 * H});
        parameters.push_back({prefix + "b", {4 * H}, nullptr, 4 * H});
    }
    parameters.push_back({"dense.W", {H, V}, nullptr, H * V});
    parameters.push_back({"dense.b", {V}, nullptr, V});

    constexpr Index step = cache_line / static_cast<Index>(sizeof(T));
    const auto padded = [](Index size) { return (size + step - 1) / step * step; };
    Index total = 0;
    constexpr Index most = Index{1} << 58;  // one parameter has at most 2^57 numbers: the sum cannot overflow
    for (const auto& p : parameters)
        if ((total += padded(p.size)) > most) throw std::bad_alloc();
    flat = Buffer<T>(total);
    Index at = 0;
    for (auto& p : parameters) {
        p.data = flat.data() + at;
        at += padded(p.size);
    }
}

template <class T>
void Network<T>::prepare(bool for_backward, Threads& threads) {
    for (Index l = 0; l < config.num_layers; ++l)
        layers[static_cast<std::size_t>(l)].prepare({W(l).data, R(l).data, b(l).data}, l == 0, for_backward, threads);
    dense.prepare(dense_W().data, dense_b().data, for_backward, threads);
}

template <class T>
Activations<T>::Activations(const LanguageModelConfig& config, Index steps_, Index batch_)
    : steps(steps_), batch(batch_), slot_size(batch_ * config.hidden_size) {
    for (Index l = 0; l < config.num_layers; ++l)
        layers.push_back(
            {Buffer<T>((steps + 1) * slot_size), Buffer<T>((steps + 1) * slot_size), Buffer<T>(steps * slot_size * 4)});
}

template <class T>
void Activations<T>::load_state(const T* h, const T* c) {
    for (auto& layer : layers) {
        std::copy_n(h, slot_size, layer.h.data());
        std::copy_n(c, slot_size, layer.c.data());
        h += slot_size;
        c += slot_size;
    }
}

template <class T>
void Activations<T>::store_state(Index steps_done, T* h, T* c) const {
    for (const auto& layer : layers) {
        std::copy_n(layer.h.data() + steps_done * slot_size, slot_size, h);
        std::copy_n(layer.c.data() + steps_done * slot_size, slot_size, c);
        h += slot_size;
        c += slot_size;
    }
}

template <class T>
void Activations<T>::zero_state() {
    for (auto& layer : layers) {
        std::fill_n(layer.h.data(), slot_size, T(0));
        std::fill_n(layer.c.data(), slot_size, T(0));
    }
}

template <class T>
void Activations<T>::carry_state(Index steps_done) {
    for (auto& layer : layers) {
        std::copy_n(layer.h.data() + steps_done * slot_size, slot_size, layer.h.data());
        std::copy_n(layer.c.data() + steps_done * slot_size, slot_size, layer.c.data());
    }
}

template <class T>
void forward(const Network<T>& network, Index steps, const std::int32_t* tokens, Activations<T>& activations,
             Threads& threads, Poll& poll) {
    LayerInput<T> input{tokens, nullptr};
    for (std::size_t l = 0; l < network.layers.size(); ++l) {
        auto& a = activations.layers[l];
        network.layers[l].forward({steps, activations.batch}, input, a.h.data(), a.c.data(), a.gates.data(), threads,
                                  poll);
        input = {nullptr, a.h.data() + activations.slot_size};
    }
}

template struct Network<float>;
template struct Network<double>;
template struct Activations<float>;
template struct Activations<double>;
template void forward(const Network<float>&, Index, const std::int32_t*, Activations<float>&, Threads&, Poll&);
template void forward(const Network<double>&, Index, const std::int32_t*, Activations<double>&, Threads&, Poll&);

}  // namespace rnnfast
