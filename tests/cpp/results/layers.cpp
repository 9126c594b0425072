// Results of the layers' own functions: outputs and states of one input among others, and all gradients.
#include <algorithm>
#include <utility>

#include "case.hpp"
#include "rnnfast/dense.hpp"
#include "rnnfast/loss.hpp"
#include "rnnfast/lstm.hpp"

namespace results {
namespace {

template <class T>
using Numbers = std::vector<T>;

template <class T>
Numbers<T> zeros(Index n) {
    return Numbers<T>(static_cast<std::size_t>(n));
}

// A stack of LSTM layers under a dense one.
template <class T>
struct Network {
    struct Layer {
        Numbers<T> W, R, b;
        rnnfast::Lstm<T> lstm;
    };

    Index L, D, H, V;
    bool reads_tokens;
    std::vector<Layer> layers;
    Numbers<T> dense_W, dense_b;
    rnnfast::Dense<T> dense;
    mutable rnnfast::Threads threads;

    explicit Network(const Settings& s)
        : L(s.size("L")),
          D(s.size("D")),
          H(s.size("H")),
          V(s.size("V")),
          reads_tokens(s.size("tokens") != 0),
          dense_W(numbers<T>(dense_stream, H * V, s.number("scale"))),
          dense_b(numbers<T>(dense_stream + 1, V, s.number("bias"))),
          dense(H, V),
          threads(s.size("threads")) {
        const double scale = s.number("scale");
        for (Index l = 0; l < L; ++l) {
            const Index inputs = l == 0 ? D : H;
            const std::uint64_t stream = layer_stream(l);
            layers.push_back({numbers<T>(stream, inputs * 4 * H, scale), numbers<T>(stream + 1, H * 4 * H, scale),
                              numbers<T>(stream + 2, 4 * H, s.number("bias")), rnnfast::Lstm<T>(inputs, H)});
            Layer& layer = layers.back();
            layer.lstm.prepare({layer.W.data(), layer.R.data(), layer.b.data()}, l == 0 && reads_tokens, true, threads);
        }
        dense.prepare(dense_W.data(), dense_b.data(), true, threads);
    }
};

// Some steps of a batch: what goes in, and what forward leaves. h and c [steps + 1, N, H], slot 0 in.
template <class T>
struct Piece {
    Index steps = 0, N = 0;
    std::vector<std::int32_t> tokens;  // or x
    Numbers<T> x;
    std::vector<Numbers<T>> h, c, gates;
    Numbers<T> logits;
    rnnfast::Poll poll;

    rnnfast::LayerInput<T> input(Index l, Index H) const {
        if (l > 0) return {nullptr, h[static_cast<std::size_t>(l - 1)].data() + N * H};
        return tokens.empty() ? rnnfast::LayerInput<T>{nullptr, x.data()}
                              : rnnfast::LayerInput<T>{tokens.data(), nullptr};
    }
};

// Steps [from, to) of the inputs, time-major.
template <class T>
Piece<T> read(const Network<T>& network, const Settings& s, Index from, Index to, Index N, Index position) {
    Piece<T> piece;
    piece.steps = to - from;
    piece.N = N;
    if (network.reads_tokens)
        piece.tokens.resize(static_cast<std::size_t>(piece.steps * N));
    else
        piece.x = zeros<T>(piece.steps * N * network.D);
    for (Index n = 0; n < N; ++n) {
        const std::uint64_t stream = input_stream + input_of_row(n, position, N);
        if (network.reads_tokens) {
            const auto all = tokens(stream, to, network.D);
            for (Index t = 0; t < piece.steps; ++t)
                piece.tokens[static_cast<std::size_t>(t * N + n)] = all[static_cast<std::size_t>(from + t)];
        } else {
            const auto all = numbers<T>(stream, to * network.D, s.number("input"));
            for (Index t = 0; t < piece.steps; ++t)
                std::copy_n(all.data() + (from + t) * network.D, network.D, piece.x.data() + (t * N + n) * network.D);
        }
    }
    return piece;
}

// From the state at the end of `before`, or where there is none from the case's initial state.
template <class T>
void forward(const Network<T>& network, const Settings& s, Index position, const Piece<T>* before, Piece<T>& piece) {
    const Index N = piece.N, H = network.H, slot = N * H;
    for (Index l = 0; l < network.L; ++l) {
        const auto at = static_cast<std::size_t>(l);
        auto h = zeros<T>((piece.steps + 1) * slot), c = h;
        for (Index n = 0; n < N && !before; ++n) {
            const auto state =
                numbers<T>(state_stream + input_of_row(n, position, N), network.L * 2 * H, s.number("state"));
            std::copy_n(state.data() + 2 * l * H, H, h.data() + n * H);
            std::copy_n(state.data() + (2 * l + 1) * H, H, c.data() + n * H);
        }
        if (before) {
            std::copy_n(before->h[at].data() + before->steps * slot, slot, h.data());
            std::copy_n(before->c[at].data() + before->steps * slot, slot, c.data());
        }
        auto gates = zeros<T>(piece.steps * N * 4 * H);
        network.layers[at].lstm.forward({piece.steps, N}, piece.input(l, H), h.data(), c.data(), gates.data(),
                                        network.threads, piece.poll);
        piece.h.push_back(std::move(h));
        piece.c.push_back(std::move(c));
        piece.gates.push_back(std::move(gates));
    }
    piece.logits = zeros<T>(piece.steps * N * network.V);
    network.dense.forward(piece.steps * N, piece.h.back().data() + slot, piece.logits.data(), network.threads,
                          piece.poll);
}

template <class T>
std::vector<Piece<T>> forward(const Network<T>& network, const Settings& s, Index N, Index position) {
    const Index T_ = s.size("T"), pieces = s.size("pieces");
    std::vector<Piece<T>> done;
    for (Index k = 0; k < pieces; ++k) {
        Piece<T> piece = read(network, s, piece_begin(k, pieces, T_), piece_begin(k + 1, pieces, T_), N, position);
        forward(network, s, position, done.empty() ? nullptr : &done.back(), piece);
        done.push_back(std::move(piece));
    }
    return done;
}

// dh and dc of a layer, on the state between two pieces.
template <class T>
struct StateGradient {
    Numbers<T> dh, dc;
};

template <class T>
void backward(const Network<T>& network, Piece<T>& piece, Numbers<T> dlogits, std::vector<StateGradient<T>>& carried,
              Bytes& bytes) {
    const Index N = piece.N, H = network.H, V = network.V, rows = piece.steps * N;
    auto dh_out = zeros<T>(rows * H), dW = zeros<T>(H * V), db = zeros<T>(V);
    auto scratch = zeros<T>(network.dense.backward_scratch(rows));
    network.dense.backward(rows, piece.h.back().data() + N * H, dlogits.data(), dh_out.data(), dW.data(), db.data(),
                           scratch.data(), network.threads, piece.poll);
    bytes.append(dW);
    bytes.append(db);
    for (Index l = network.L; l-- > 0;) {
        const auto at = static_cast<std::size_t>(l);
        const rnnfast::Lstm<T>& lstm = network.layers[at].lstm;
        const Index inputs = lstm.input_size();
        dW = zeros<T>(inputs * 4 * H);
        db = zeros<T>(4 * H);
        scratch = zeros<T>(lstm.backward_scratch({piece.steps, N}));
        auto dR = zeros<T>(H * 4 * H), dx = zeros<T>(l == 0 && network.reads_tokens ? 0 : rows * inputs);
        lstm.backward({piece.steps, N}, piece.input(l, H), piece.h[at].data(), piece.c[at].data(), dh_out.data(),
                      piece.gates[at].data(),
                      {dW.data(), dR.data(), db.data(), dx.empty() ? nullptr : dx.data(), carried[at].dh.data(),
                       carried[at].dc.data()},
                      scratch.data(), network.threads, piece.poll);
        for (const auto* gradient : {&dW, &dR, &db, &dx}) bytes.append(*gradient);
        dh_out = std::move(dx);
    }
}

}  // namespace

// h and c of every layer, logits and probabilities of one input, at every step.
template <class T>
Bytes layers(const Settings& s) {
    const Network<T> network(s);
    const Index N = s.size("batch"), position = s.size("position"), H = network.H, V = network.V;
    std::vector<Bytes> parts(static_cast<std::size_t>(2 * network.L + 2));
    for (Piece<T>& piece : forward(network, s, N, position)) {
        auto probabilities = piece.logits;
        rnnfast::softmax(piece.steps * N, V, probabilities.data(), network.threads, piece.poll);
        for (Index t = 0; t < piece.steps; ++t) {
            for (std::size_t l = 0; l < piece.h.size(); ++l) {
                parts[2 * l].append(piece.h[l].data() + ((t + 1) * N + position) * H, H);
                parts[2 * l + 1].append(piece.c[l].data() + ((t + 1) * N + position) * H, H);
            }
            parts[parts.size() - 2].append(piece.logits.data() + (t * N + position) * V, V);
            parts.back().append(probabilities.data() + (t * N + position) * V, V);
        }
    }
    Bytes bytes;
    for (const Bytes& part : parts) bytes.append(part.text().data(), static_cast<Index>(part.text().size()));
    return bytes;
}

// The loss and all gradients of a batch, from the last piece of time to the first.
template <class T>
Bytes gradients(const Settings& s) {
    const Network<T> network(s);
    const Index N = s.size("N"), T_ = s.size("T"), V = network.V, pieces = s.size("pieces");
    auto done = forward(network, s, N, 0);
    std::vector<StateGradient<T>> carried(static_cast<std::size_t>(network.L),
                                          {zeros<T>(N * network.H), zeros<T>(N * network.H)});
    Bytes bytes;
    rnnfast::LossSums sums;
    for (Index k = pieces; k-- > 0;) {
        Piece<T>& piece = done[static_cast<std::size_t>(k)];
        std::vector<std::int32_t> targets;
        for (Index t = 0; t < piece.steps; ++t)
            for (Index n = 0; n < N; ++n) {
                const Index at = piece_begin(k, pieces, T_) + t;
                const bool counts = T_ - at <= s.size("counted");
                const auto row = tokens(target_stream + static_cast<std::uint64_t>(n), T_, V);
                targets.push_back(counts ? row[static_cast<std::size_t>(at)] : -1);
            }
        auto dlogits = piece.logits;
        rnnfast::LossSums of_piece;
        rnnfast::cross_entropy_gradient(piece.steps * N, V, targets.data(), static_cast<T>(0.125), dlogits.data(),
                                        of_piece, network.threads, piece.poll);
        sums += of_piece;
        backward(network, piece, std::move(dlogits), carried, bytes);
    }
    for (const auto& gradient : carried) {
        bytes.append(gradient.dh);
        bytes.append(gradient.dc);
    }
    bytes.append(&sums.loss, 1);
    bytes.append(&sums.count, 1);
    bytes.append(&sums.correct, 1);
    return bytes;
}

template Bytes layers<float>(const Settings&);
template Bytes layers<double>(const Settings&);
template Bytes gradients<float>(const Settings&);
template Bytes gradients<double>(const Settings&);

}  // namespace results
