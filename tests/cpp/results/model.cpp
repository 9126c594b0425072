// Results of the language model: its first weights, what it generates, and what it has learnt.
#include <algorithm>

#include "case.hpp"
#include "rnnfast/language_model.hpp"

namespace results {
namespace {

using rnnfast::LanguageModel;

// With the weights that its seed gives, or where `scale` is not 0 with the case's own.
template <class T>
LanguageModel<T> make_model(const Settings& s, double scale) {
    LanguageModel<T> model({s.size("V"), s.size("H"), s.size("L"), seed});
    if (scale == 0) return model;
    std::vector<std::vector<T>> values;
    std::vector<const T*> pointers;
    for (const auto& p : model.parameters()) {
        values.push_back(numbers<T>(values.size(), p.size, scale));
        pointers.push_back(values.back().data());
    }
    rnnfast::Poll poll;
    model.set_parameters(pointers, poll);
    return model;
}

template <class T>
void append_parameters(const LanguageModel<T>& model, Bytes& bytes) {
    for (const auto& p : model.parameters()) bytes.append(p.data, p.size);
}

}  // namespace

template <class T>
Bytes parameters(const Settings& s) {
    Bytes bytes;
    append_parameters(make_model<T>(s, 0), bytes);
    return bytes;
}

// The tokens of one stream, and its state at the end: h and c of each layer, and the position.
template <class T>
Bytes generate(const Settings& s) {
    const LanguageModel<T> model = make_model<T>(s, s.number("scale"));
    const Index length = s.size("length"), pieces = s.size("pieces"), N = s.size("batch"), at = s.size("position");
    const Index L = s.size("L"), H = s.size("H");
    std::vector<T> h(static_cast<std::size_t>(L * N * H)), c = h;
    std::vector<std::uint64_t> position(static_cast<std::size_t>(N));
    std::vector<std::int32_t> last(static_cast<std::size_t>(N), -1);
    rnnfast::GenerateOptions options;
    options.num_threads = s.size("threads");
    options.sampler = {s.number("temperature"), false, s.size("top_k"), s.number("top_p")};
    rnnfast::Poll poll;
    Bytes bytes;
    for (Index k = 0; k < pieces; ++k) {
        options.length = piece_begin(k + 1, pieces, length) - piece_begin(k, pieces, length);
        std::vector<rnnfast::Stream> streams;
        for (Index n = 0; n < N; ++n)
            streams.push_back({seed, input_of_row(n, at, N), &last[static_cast<std::size_t>(n)], 1});
        std::vector<std::int32_t> drawn(static_cast<std::size_t>(N * options.length));
        model.generate(options, streams, drawn.data(), {h.data(), c.data(), position.data()}, poll);
        bytes.append(drawn.data() + at * options.length, options.length);
        for (Index n = 0; n < N; ++n)
            last[static_cast<std::size_t>(n)] = drawn[static_cast<std::size_t>((n + 1) * options.length - 1)];
    }
    for (Index l = 0; l < L; ++l) {
        bytes.append(h.data() + (l * N + at) * H, H);
        bytes.append(c.data() + (l * N + at) * H, H);
    }
    bytes.append(&position[static_cast<std::size_t>(at)], 1);
    return bytes;
}

// All parameters after training, and the loss with them. `silence`: no tokens but the first of each sample.
template <class T>
Bytes train(const Settings& s) {
    LanguageModel<T> model = make_model<T>(s, s.number("scale"));
    const Index N = s.size("N"), T_ = s.size("T"), V = s.size("V");
    std::vector<std::int32_t> X, Y;
    for (Index n = 0; n < N; ++n) {
        auto x = tokens(input_stream + static_cast<std::uint64_t>(n), T_, V);
        const auto y = tokens(target_stream + static_cast<std::uint64_t>(n), T_, V);
        if (s.size("silence")) std::fill(x.begin() + 1, x.end(), -1);
        X.insert(X.end(), x.begin(), x.end());
        Y.insert(Y.end(), y.begin(), y.end());
    }
    rnnfast::FitOptions options;
    options.num_threads = s.size("threads");
    options.epochs = s.size("epochs");
    options.batch_size = s.size("batch_size");
    if (s.size("adam")) {
        options.optimizer.learning_rate = 0.01;
        options.clipping.norm = 1.0;
    } else {
        options.optimizer.kind = rnnfast::OptimizerConfig::Kind::sgd;
        options.optimizer.learning_rate = {0.1, rnnfast::InverseTimeDecay{0.01}};
        options.reduction = rnnfast::Reduction::sequence;
        options.clipping.value = 0.05;
    }
    rnnfast::FitProgress progress;
    rnnfast::Poll poll;
    const rnnfast::Sequences data{N, T_, X.data(), Y.data()};
    model.fit(data, options, progress, poll);
    Bytes bytes;
    append_parameters(model, bytes);
    const rnnfast::LossSums sums = model.evaluate(data, options.num_threads, poll);
    const double loss = sums.loss / static_cast<double>(sums.count);
    bytes.append(&loss, 1);
    return bytes;
}

template Bytes parameters<float>(const Settings&);
template Bytes parameters<double>(const Settings&);
template Bytes generate<float>(const Settings&);
template Bytes generate<double>(const Settings&);
template Bytes train<float>(const Settings&);
template Bytes train<double>(const Settings&);

}  // namespace results
