// Results of one layer of each cell, of a batch whose sequences may have different lengths: all that forward and
// backward give.
#include <algorithm>

#include "case.hpp"
#include "rnnfast/gru.hpp"
#include "rnnfast/lstm.hpp"
#include "rnnfast/rnn.hpp"

namespace results {
namespace {

template <class T>
using Numbers = std::vector<T>;

template <class T>
Numbers<T> zeros(Index n) {
    return Numbers<T>(static_cast<std::size_t>(n));
}

// What goes into a layer but its weights; sequence n is `shorter` * n steps shorter than T. P is the size of h.
template <class T>
struct Batch {
    Index D, rows = 0;
    std::vector<Index> begins{0};
    rnnfast::Packing packing;
    std::vector<std::int32_t> tokens;  // or x
    Numbers<T> x, dh_out, dx;
    rnnfast::Threads threads;
    rnnfast::Poll poll;

    Batch(const Settings& s, Index P) : D(s.size("D")), threads(s.size("threads")) {
        const Index steps = s.size("T"), N = s.size("N"), shorter = s.size("shorter");
        for (Index t = 0; t < steps; ++t) {
            for (Index n = 0; n < N; ++n) rows += steps - n * shorter > t;
            begins.push_back(rows);
        }
        packing = {steps, N, shorter > 0 ? begins.data() : nullptr};
        if (s.size("tokens") != 0) {
            tokens = results::tokens(input_stream, rows, D);
        } else {
            x = numbers<T>(input_stream, rows * D, 1);
            dx = x;
        }
        dh_out = numbers<T>(target_stream, rows * P, 1);
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    bool reads_tokens() const { return !tokens.empty(); }
    rnnfast::LayerInput<T> input() const {
        if (reads_tokens()) return {tokens.data(), nullptr};
        return {nullptr, x.data()};
    }
    T* input_gradient() { return reads_tokens() ? nullptr : dx.data(); }

    // The k-th state or gradient on one, [N, columns].
    Numbers<T> state(std::uint64_t k, Index columns) const {
        return numbers<T>(state_stream + k, packing.batch * columns, 1);
    }
    // Room for all states, after the k-th one.
    Numbers<T> states(std::uint64_t k, Index columns) const {
        Numbers<T> all = state(k, columns);
        all.resize(static_cast<std::size_t>((packing.batch + rows) * columns));
        return all;
    }
};

template <class T>
Bytes joined(std::initializer_list<const Numbers<T>*> arrays) {
    Bytes bytes;
    for (const Numbers<T>* array : arrays) bytes.append(*array);
    return bytes;
}

}  // namespace

template <class T>
Bytes rnn(const Settings& s) {
    const Index D = s.size("D"), H = s.size("H");
    const double scale = s.number("scale");
    const auto W = numbers<T>(0, D * H, scale), R = numbers<T>(1, H * H, scale), b = numbers<T>(2, H, scale);
    auto dW = zeros<T>(D * H), dR = zeros<T>(H * H), db = zeros<T>(H);
    Batch<T> batch(s, H);
    auto h = batch.states(0, H), dh = batch.state(1, H);
    rnnfast::Rnn<T> layer(D, H, s.size("relu") != 0 ? rnnfast::Nonlinearity::relu : rnnfast::Nonlinearity::tanh);
    layer.prepare(W.data(), R.data(), b.data(), batch.reads_tokens(), true, batch.threads);
    layer.forward(batch.packing, batch.input(), h.data(), batch.threads, batch.poll);
    auto scratch = zeros<T>(layer.backward_scratch(batch.packing)), da = batch.dh_out;
    layer.backward(batch.packing, batch.input(), h.data(), da.data(),
                   {dW.data(), dR.data(), db.data(), batch.input_gradient(), dh.data()}, scratch.data(), batch.threads,
                   batch.poll);
    return joined<T>({&h, &batch.dx, &dW, &dR, &db, &dh});
}

template <class T>
Bytes gru(const Settings& s) {
    const Index D = s.size("D"), H = s.size("H");
    const bool reset_after = s.size("reset_after") != 0;
    const double scale = s.number("scale");
    const auto W = numbers<T>(0, D * 3 * H, scale), R = numbers<T>(1, H * 3 * H, scale);
    const auto b = numbers<T>(2, 3 * H, scale), b_Rn = numbers<T>(3, reset_after ? H : 0, scale);
    auto dW = zeros<T>(D * 3 * H), dR = zeros<T>(H * 3 * H), db = zeros<T>(3 * H),
         db_Rn = zeros<T>(reset_after ? H : 0);
    Batch<T> batch(s, H);
    auto h = batch.states(0, H), dh = batch.state(1, H);
    auto gates = zeros<T>(batch.rows * 3 * H), u = zeros<T>(batch.rows * H);
    rnnfast::Gru<T> layer(D, H, reset_after);
    layer.prepare(W.data(), R.data(), b.data(), b_Rn.data(), batch.reads_tokens(), true, batch.threads);
    layer.forward(batch.packing, batch.input(), h.data(), gates.data(), u.data(), batch.threads, batch.poll);
    auto scratch = zeros<T>(layer.backward_scratch(batch.packing)), da = gates, du = u;
    layer.backward(batch.packing, batch.input(), h.data(), batch.dh_out.data(), da.data(), du.data(),
                   {dW.data(), dR.data(), db.data(), db_Rn.data(), batch.input_gradient(), dh.data()}, scratch.data(),
                   batch.threads, batch.poll);
    return joined<T>({&h, &gates, &u, &batch.dx, &dW, &dR, &db, &db_Rn, &dh});
}

// P=0: no projection.
template <class T>
Bytes lstm(const Settings& s) {
    const Index D = s.size("D"), H = s.size("H");
    const rnnfast::LstmOptions options{s.size("P"), s.size("peephole") != 0, s.size("coupled") != 0};
    rnnfast::Lstm<T> layer(D, H, options);
    const Index G = layer.gates_size(), P = layer.output_size();
    const Index peepholes = options.peephole ? G - H : 0, projections = options.projection_size * H;
    const double scale = s.number("scale");
    const auto W = numbers<T>(0, D * G, scale), R = numbers<T>(1, P * G, scale), b = numbers<T>(2, G, scale);
    const auto peephole = numbers<T>(3, peepholes, scale), projection = numbers<T>(4, projections, scale);
    auto dW = zeros<T>(D * G), dR = zeros<T>(P * G), db = zeros<T>(G);
    auto dpeephole = zeros<T>(peepholes), dprojection = zeros<T>(projections);
    Batch<T> batch(s, P);
    auto h = batch.states(0, P), c = batch.states(1, H), dh = batch.state(2, P), dc = batch.state(3, H);
    auto workspace = zeros<T>(layer.workspace(batch.rows));
    layer.prepare({W.data(), R.data(), b.data(), peephole.data(), projection.data()}, batch.reads_tokens(), true,
                  batch.threads);
    layer.forward(batch.packing, batch.input(), h.data(), c.data(), workspace.data(), batch.threads, batch.poll);
    auto scratch = zeros<T>(layer.backward_scratch(batch.packing)), da = workspace;
    layer.backward(batch.packing, batch.input(), h.data(), c.data(), batch.dh_out.data(), da.data(),
                   {dW.data(), dR.data(), db.data(), batch.input_gradient(), dh.data(), dc.data(), dpeephole.data(),
                    dprojection.data()},
                   scratch.data(), batch.threads, batch.poll);
    return joined<T>({&h, &c, &workspace, &batch.dx, &dW, &dR, &db, &dpeephole, &dprojection, &dh, &dc});
}

template Bytes rnn<float>(const Settings&);
template Bytes rnn<double>(const Settings&);
template Bytes gru<float>(const Settings&);
template Bytes gru<double>(const Settings&);
template Bytes lstm<float>(const Settings&);
template Bytes lstm<double>(const Settings&);

}  // namespace results
