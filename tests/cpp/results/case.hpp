// What the results of a case are made of: its settings, and inputs that every language and machine makes alike.
#pragma once

#include <cstdint>
#include <istream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "rnnfast/index.hpp"
#include "rnnfast/random.hpp"

namespace results {

using rnnfast::Index;

/// name=number, separated by blanks.
class Settings {
public:
    explicit Settings(std::istream& words) {
        for (std::string word; words >> word;) {
            const auto equals = word.find('=');
            if (equals == std::string::npos)
                throw std::invalid_argument("a setting is '" + word + "', expected name=number");
            values_[word.substr(0, equals)] = std::stod(word.substr(equals + 1));
        }
    }

    double number(const std::string& name) const {
        const auto found = values_.find(name);
        if (found == values_.end()) throw std::invalid_argument("the setting " + name + " is missing");
        return found->second;
    }
    Index size(const std::string& name) const { return static_cast<Index>(number(name)); }

private:
    std::map<std::string, double> values_;
};

/// The seed of every case; the streams keep its inputs apart.
constexpr std::uint64_t seed = 1;
constexpr std::uint64_t dense_stream = 100, input_stream = 10'000, state_stream = 20'000, target_stream = 30'000;

/// The three parameters of layer l have the streams 16 l, 16 l + 1 and 16 l + 2.
inline std::uint64_t layer_stream(Index l) { return 16 * static_cast<std::uint64_t>(l); }

/// [n] in [-scale, scale), without a function of the standard library.
template <class T>
std::vector<T> numbers(std::uint64_t stream, Index n, double scale) {
    std::vector<T> x;
    for (Index i = 0; i < n; ++i) {
        const T u =
            rnnfast::random_uniform<T>({seed, stream}, static_cast<std::uint64_t>(i), rnnfast::Purpose::sampling);
        x.push_back(static_cast<T>(scale) * (2 * u - 1));
    }
    return x;
}

/// [n] from -1 to V - 1.
inline std::vector<std::int32_t> tokens(std::uint64_t stream, Index n, Index V) {
    std::vector<std::int32_t> x;
    for (Index i = 0; i < n; ++i) {
        const auto word =
            rnnfast::random_word({seed, stream}, static_cast<std::uint64_t>(i), rnnfast::Purpose::sampling);
        x.push_back(static_cast<std::int32_t>(word % (static_cast<std::uint64_t>(V) + 1)) - 1);
    }
    return x;
}

/// Piece k of T steps begins here; three pieces are of unequal length.
inline Index piece_begin(Index k, Index pieces, Index T) {
    if (k == pieces) return T;
    return k == 0 ? 0 : k == 1 ? T / 5 : T / 2;
}

/// Row n of a batch is this input: 0, the one that is looked at, at `position`.
inline std::uint64_t input_of_row(Index n, Index position, Index batch) {
    return static_cast<std::uint64_t>((n - position + batch) % batch);
}

/// The results of a case, as they are in memory.
class Bytes {
public:
    template <class T>
    void append(const T* values, Index n) {
        text_.append(reinterpret_cast<const char*>(values), static_cast<std::size_t>(n) * sizeof(T));
    }
    template <class T>
    void append(const std::vector<T>& values) {
        append(values.data(), static_cast<Index>(values.size()));
    }
    const std::string& text() const { return text_; }

private:
    std::string text_;
};

// One function for each kind of case.
template <class T>
Bytes functions(const Settings& settings);
template <class T>
Bytes rnn(const Settings& settings);
template <class T>
Bytes gru(const Settings& settings);
template <class T>
Bytes lstm(const Settings& settings);
template <class T>
Bytes layers(const Settings& settings);
template <class T>
Bytes gradients(const Settings& settings);
template <class T>
Bytes parameters(const Settings& settings);
template <class T>
Bytes generate(const Settings& settings);
template <class T>
Bytes train(const Settings& settings);

}  // namespace results
