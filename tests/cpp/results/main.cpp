// Writes what the library computes, for somebody else to hash (tests/engine/hashes/): reads one case a line, such as
//   layers f32 L=1 D=5 ... batch=7 position=3 pieces=1 threads=1
// and answers each with its number of bytes, a new line, and the bytes. On the instruction set that RNNFAST_ISA names.
#include <cstring>
#include <exception>
#include <iostream>
#include <sstream>

#include "case.hpp"
#include "rnnfast/elementwise.hpp"

namespace results {
namespace {

// Any finite numbers: the highest bits of random words, an exponent of all ones made one less.
std::vector<float> any_finite(Index n, float) {
    std::vector<float> x(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) {
        auto bits = static_cast<std::uint32_t>(
            rnnfast::random_word({seed, 1}, static_cast<std::uint64_t>(i), rnnfast::Purpose::sampling) >> 32);
        if ((bits & 0x7f800000u) == 0x7f800000u) bits &= ~0x00800000u;
        std::memcpy(&x[static_cast<std::size_t>(i)], &bits, sizeof(bits));
    }
    return x;
}
std::vector<double> any_finite(Index n, double) {
    std::vector<double> x(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) {
        auto bits = rnnfast::random_word({seed, 1}, static_cast<std::uint64_t>(i), rnnfast::Purpose::sampling);
        if ((bits & 0x7ff0000000000000u) == 0x7ff0000000000000u) bits &= ~0x0010000000000000u;
        std::memcpy(&x[static_cast<std::size_t>(i)], &bits, sizeof(bits));
    }
    return x;
}

}  // namespace

// exp, log |x|, sigmoid, tanh of n numbers of any size, and of n where they vary.
template <class T>
Bytes functions(const Settings& s) {
    const Index n = s.size("n");
    std::vector<T> x = any_finite(n, T()), y(static_cast<std::size_t>(2 * n));
    for (const T value : numbers<T>(0, n, s.number("scale"))) x.push_back(value);
    Bytes bytes;
    rnnfast::exp(2 * n, x.data(), y.data());
    bytes.append(y);
    std::vector<T> magnitudes = x;
    for (T& value : magnitudes) value = value < 0 ? -value : value;
    rnnfast::log(2 * n, magnitudes.data(), y.data());
    bytes.append(y);
    rnnfast::sigmoid(2 * n, x.data(), y.data());
    bytes.append(y);
    rnnfast::tanh(2 * n, x.data(), y.data());
    bytes.append(y);
    return bytes;
}

template <class T>
Bytes results_of(const std::string& kind, const Settings& settings) {
    if (kind == "functions") return functions<T>(settings);
    if (kind == "rnn") return rnn<T>(settings);
    if (kind == "gru") return gru<T>(settings);
    if (kind == "lstm") return lstm<T>(settings);
    if (kind == "layers") return layers<T>(settings);
    if (kind == "gradients") return gradients<T>(settings);
    if (kind == "parameters") return parameters<T>(settings);
    if (kind == "generate") return generate<T>(settings);
    if (kind == "train") return train<T>(settings);
    throw std::invalid_argument("the kind of case is '" + kind + "', which is not known");
}

}  // namespace results

int main() {
    std::string line;
    try {
        while (std::getline(std::cin, line)) {
            std::istringstream words(line);
            std::string kind, dtype;
            words >> kind >> dtype;
            const results::Settings settings(words);
            if (dtype != "f32" && dtype != "f64") throw std::invalid_argument("the dtype is '" + dtype + "'");
            const results::Bytes bytes = dtype == "f32" ? results::results_of<float>(kind, settings)
                                                        : results::results_of<double>(kind, settings);
            std::cout << bytes.text().size() << '\n' << bytes.text();
        }
    } catch (const std::exception& error) {
        std::cerr << line << ": " << error.what() << '\n';
        return 1;
    }
    return 0;
}
