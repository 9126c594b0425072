// The next-token language model: tokens -> stack of recurrent layers -> dense layer -> loss, probabilities or a draw.
// A whole training run and a whole generated piece are one call each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rnnfast/buffer.hpp"
#include "rnnfast/index.hpp"
#include "rnnfast/loss.hpp"
#include "rnnfast/non_finite_error.hpp"
#include "rnnfast/optimizer.hpp"
#include "rnnfast/parameters.hpp"
#include "rnnfast/poll.hpp"
#include "rnnfast/sampler.hpp"
#include "rnnfast/stack.hpp"
#include "rnnfast/threads.hpp"

namespace rnnfast {

struct LanguageModelConfig {
    Index vocab_size;        ///< V, 1 to 2^31 - 1
    Index hidden_size;       ///< H, at least 1
    Index num_layers = 1;    ///< L, at least 1
    std::uint64_t seed = 0;  ///< decides the initial weights, every shuffle and every mask
    Cell cell = Cell::lstm;
    Index embedding_size = 0;  ///< E of an embedding before the layers; 0: none, tokens are one-hot vectors
    bool tie_weights = false;  ///< dense.W is the embedding's transposed; needs E = H
    double dropout = 0;  ///< in fit, of the inputs of all layers and of the dense layer, but not of one-hot tokens
};

/// Names and shapes of a model's parameters, in its order. Throws std::invalid_argument as the model does.
std::vector<ParameterShape> parameter_shapes(const LanguageModelConfig& config);

/// All that a model needs to go on where it stopped, at one moment.
template <class T>
struct Snapshot {
    Buffer<T> parameters;  ///< [storage_size()]: parameter k at parameters()[k].data - parameters()[0].data
    OptimizerState<T> optimizer;
    std::uint64_t epochs_begun = 0;  ///< in the model's life: the stream number of the next epoch's shuffle
};

/// State of N streams, the caller's arrays: h and c [L, N, H], c null but for LSTM; position [N] counts the tokens
/// drawn so far.
template <class T>
struct StateView {
    T* h;
    T* c;
    std::uint64_t* position;
};

/// Samples [samples, steps], row-major: inputs (-1 = zero vector) and targets (-1 = does not count).
struct Sequences {
    Index samples = 0;
    Index steps = 0;
    const std::int32_t* inputs = nullptr;
    const std::int32_t* targets = nullptr;
};

enum class Reduction {
    token,    ///< the mean over the batch's targets that count
    sequence  ///< the sum over time, averaged over the batch
};

struct EpochStats {
    LossSums training;
    std::optional<LossSums> validation;
    double seconds = 0;
};

/// Where a running fit is; the caller may look at it from the poll's hook.
struct FitProgress {
    Index epoch = 0;  ///< whole epochs done in this call
    Index step = 0;   ///< whole steps done in this epoch
    Index steps_per_epoch = 0;
    std::int64_t tokens = 0;         ///< targets trained on in this call
    LossSums current;                ///< of this epoch so far
    std::vector<EpochStats> epochs;  ///< of the whole epochs
};

struct FitOptions {
    Index epochs = 1;
    Index batch_size = 0;   ///< 0: all samples
    Index truncate = 0;     ///< steps that backward goes through at most, and so an update; 0: all (T is cut so)
    bool stateful = false;  ///< the state is carried from piece to piece of a sample; false: each starts from zeros
    OptimizerConfig optimizer;
    Reduction reduction = Reduction::token;
    Clipping clipping;
    bool shuffle = true;
    Sequences validation;                               ///< none where it has no samples
    std::function<bool(const FitProgress&)> epoch_end;  ///< true stops; may be null, may throw
    Index num_threads = 0;  ///< 0: as many as pay (rnnfast/threads.hpp); no bit depends on it
};

struct GenerateOptions {
    Index length = 0;
    SamplerConfig sampler;
    std::int32_t stop_token = -1;     ///< a stream ends with it; -1: none
    std::int32_t initial_token = -1;  ///< the input before the first draw of a stream without prompt
    Index num_threads = 0;            ///< 0: as many as pay; a stream is one thread's
};

/// One stream of generate: its random numbers and its prompt (tokens of the vocabulary or -1).
struct Stream {
    std::uint64_t seed;
    std::uint64_t stream;
    const std::int32_t* prompt = nullptr;
    Index prompt_length = 0;
};

/// Calls of several threads: any may read (evaluate, predict, generate, snapshot) at the same time, also while one
/// fits, which then changes the weights between their calls; set_parameters and restore wait for them. A call from
/// inside a poll's hook, while this thread is at work on the same model, throws std::runtime_error. Not after a move.
template <class T>
class LanguageModel {
public:
    /// Weights as the configuration's seed decides: W Glorot-uniform, R with orthonormal rows, b zero but 1 for the
    /// LSTM's forget gate. Throws std::invalid_argument (sizes) or std::bad_alloc.
    /// Large ones take seconds: `poll` is called meanwhile.
    explicit LanguageModel(const LanguageModelConfig& config);
    LanguageModel(const LanguageModelConfig& config, Poll& poll);
    ~LanguageModel();
    LanguageModel(LanguageModel&&) noexcept;
    LanguageModel& operator=(LanguageModel&&) noexcept;

    const LanguageModelConfig& config() const noexcept;
    Index num_parameters() const noexcept;

    /// embedding.W where there is one, then the stack's (rnnfast/stack.hpp), dense.W unless it is tied, dense.b. Read
    /// through them at any time.
    const std::vector<ParameterView<T>>& parameters() const noexcept;

    /// values[k] [parameters()[k].size], or null to keep parameter k. Waits for running calls of other threads.
    /// Throws std::invalid_argument where values has another size than parameters().
    void set_parameters(const std::vector<const T*>& values, Poll& poll);

    /// Size of the flat array that holds all parameters, and zeros between them: of what the optimiser remembers, too.
    Index storage_size() const noexcept;

    /// A copy of all state, taken between two steps of a running fit.
    Snapshot<T> snapshot(Poll& poll) const;

    /// Takes it back. Throws std::invalid_argument where a size does not fit; nothing has changed then.
    void restore(const Snapshot<T>& snapshot, Poll& poll);

    /// Trains. `progress` is written as it goes and holds the history of the whole epochs, also after an exception:
    /// whatever ends fit (the poll's hook, epoch_end, a NonFiniteError of loss or gradient), it ends between two whole
    /// steps.
    /// The memory of its activations is kept for the next fit, until one of another shape or the model's end.
    /// `data` is copied at entry. epoch_end runs in the caller's floating-point mode.
    /// Throws std::invalid_argument (options, tokens outside the vocabulary, nothing to learn from), NonFiniteError,
    /// and std::runtime_error where the model is being fitted already; in the first and last case `progress` is
    /// untouched.
    void fit(const Sequences& data, const FitOptions& options, FitProgress& progress, Poll& poll);

    /// Sums over all targets that count, each sample from the zero state. `data` must not change meanwhile.
    /// Throws std::invalid_argument (sizes, tokens), std::bad_alloc and what `poll` throws.
    LossSums evaluate(const Sequences& data, Index num_threads, Poll& poll) const;

    /// inputs [N, steps], row-major; probabilities [N, steps, V] out; state in and out (position is left alone and may
    /// be null). Throws std::invalid_argument (sizes, tokens; nothing is written then), std::bad_alloc and what `poll`
    /// throws (probabilities are then partly written, state is as it was).
    void predict(Index N, Index steps, const std::int32_t* inputs, T* probabilities, StateView<T> state,
                 Index num_threads, Poll& poll) const;

    /// tokens [streams, length] out, -1 after a stop; state in and out. A stream's tokens depend on nothing but its own
    /// prompt, key, position and state. Throws std::invalid_argument, NonFiniteError (logits that allow no draw: the
    /// message names stream and step) and what the poll throws; tokens and state are then partly written.
    void generate(const GenerateOptions& options, const std::vector<Stream>& streams, std::int32_t* tokens,
                  StateView<T> state, Poll& poll) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

extern template class LanguageModel<float>;
extern template class LanguageModel<double>;

}  // namespace rnnfast
