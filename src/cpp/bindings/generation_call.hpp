// What the files that bind generation share.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>

#include "model_call.hpp"

namespace rnnfast::bindings {

using Keys = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
using Sequences = std::vector<std::vector<std::int32_t>>;

/// Streams, and copies of what they read: another thread may change the caller's.
class StreamsCall {
public:
    StreamsCall(const Keys& keys, const std::vector<Tokens>& prompts, const std::vector<Tokens>& histories) {
        expect_one_each("prompts", prompts.size(), keys.size());
        if (!histories.empty()) expect_one_each("histories", histories.size(), keys.size());
        for (std::size_t n = 0; n < keys.size(); ++n) {
            Stream& stream = streams.emplace_back(Stream{keys[n].first, keys[n].second});
            keep(prompts[n], stream.prompt, stream.prompt_length);
            if (!histories.empty()) keep(histories[n], stream.history, stream.history_length);
        }
    }

    Index size() const { return static_cast<Index>(streams.size()); }
    std::vector<Stream> streams;

private:
    static void expect_one_each(const char* name, std::size_t size, std::size_t expected) {
        if (size != expected)
            throw py::value_error(std::string(name) + " has " + std::to_string(size) + " entries, expected " +
                                  std::to_string(expected) + " as keys");
    }
    void keep(const Tokens& given, const std::int32_t*& tokens, Index& length) {
        expect_dimensions("a prompt", given, 1, "(T,)");
        if (given.size() == 0) return;  // as most are: an array for each takes longer than a stream's first tokens
        tokens = own_.emplace_back(copy(given)).data();
        length = given.size();
    }
    std::vector<Tokens> own_;
};

inline GenerateOptions make_options(Index length, Index min_length, const SamplerConfig& sampler, const Sequences& stop,
                                    std::int32_t initial_token, std::shared_ptr<const Constraint> constraint) {
    if (length < 0) throw py::value_error("length is " + std::to_string(length) + ", expected at least 0");
    GenerateOptions options;
    options.length = length;
    options.min_length = min_length;
    options.sampler = sampler;
    options.stop = stop;
    options.initial_token = initial_token;
    options.constraint = std::move(constraint);
    return options;
}

template <class T>
Array<T> array_of(const std::vector<T>& numbers) {
    Array<T> array = empty<T>({static_cast<Index>(numbers.size())});
    std::copy(numbers.begin(), numbers.end(), array.mutable_data());
    return array;
}

/// One call at a time: another one comes from another thread, or from a function that the first one calls.
class Turn {
public:
    explicit Turn(std::atomic_flag& busy) : busy_(busy) {
        if (busy_.test_and_set())
            throw std::runtime_error("this stream or session is at work: it is for one thread at a time");
    }
    ~Turn() { busy_.clear(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

private:
    std::atomic_flag& busy_;
};

}  // namespace rnnfast::bindings
