// The next-token language model: tokens -> stack of recurrent layers -> dense layer -> loss, probabilities or a draw.
// A whole training run and a whole generated piece are one call each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "rnnfast/buffer.hpp"
#include "rnnfast/constraint.hpp"
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
/// drawn so far. Of a const T it is only read.
template <class T>
struct StateView {
    T* h;
    T* c;
    std::conditional_t<std::is_const_v<T>, const std::uint64_t, std::uint64_t>* position;
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
    Index epoch = 0;                 ///< whole epochs done in this call
    Index step = 0;                  ///< whole steps done in this epoch
    Index steps_per_epoch = 0;       ///< at most: a batch has fewer pieces where its last targets do not count
    std::int64_t steps = 0;          ///< whole steps done in this call
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
    /// Makes the data an endless stream, an epoch at a time: the samples' next steps, valid until they are copied, at
    /// the next call at the latest; false: there are none. Each sample goes on from its state. Needs stateful, truncate
    /// and batch_size 0; the order of samples stays. May be null, may throw; called in the caller's floating-point
    /// mode.
    std::function<bool(Sequences& data)> next;
    Sequences validation;                               ///< none where it has no samples
    std::function<bool(const FitProgress&)> epoch_end;  ///< true stops; may be null, may throw
    Index num_threads = 0;  ///< 0: as many as pay (rnnfast/threads.hpp); no bit depends on it
};

/// Logits that allow no draw: a NaN, only -inf, or nothing left by bans and the like.
struct SamplingError : NonFiniteError {
    SamplingError(const std::string& what, Index stream_, Index step_)
        : NonFiniteError(what), stream(stream_), step(step_) {}
    Index stream, step;  ///< which stream, and which of its draws
};

struct GenerateOptions {
    Index length = 0;
    Index min_length = 0;  ///< before so many draws no stop is completed: the token that would is not drawn
    SamplerConfig sampler;
    std::vector<std::vector<std::int32_t>> stop = {};  ///< a stream ends when its draws end with one of these sequences
    /// May be null, may throw: whether a stream ends after `count` draws, at least min_length. Called in the caller's
    /// thread and floating-point mode.
    std::function<bool(Index stream, const std::int32_t* tokens, Index count)> stop_when = {};
    /// What each stream must look like, compiled for `length`; null: anything. Then there is no stop, stop_when or
    /// min_length: the constraint says where a stream ends.
    std::shared_ptr<const Constraint> constraint = {};
    std::int32_t initial_token = -1;  ///< the input before the first draw of a stream without prompt
    Index num_threads = 0;            ///< 0: as many as pay; a stream is one thread's
};

/// One stream of generate: its random numbers and its prompt (tokens of the vocabulary or -1).
struct Stream {
    std::uint64_t seed;
    std::uint64_t stream;
    const std::int32_t* prompt = nullptr;
    Index prompt_length = 0;
    const std::int32_t* history = nullptr;  ///< tokens before the prompt that penalties count, too
    Index history_length = 0;
};

/// What generate tells of each draw, by the model's own distribution (temperature 1, before any filter). The caller's
/// arrays [N, length] or null; places after a stream's end are left alone.
template <class T>
struct GenerateDetails {
    Index* lengths = nullptr;  ///< [N]: how many tokens were drawn
    T* log_probabilities = nullptr;
    T* entropies = nullptr;                ///< in nats
    Index num_alternatives = 0;            ///< n, at most V
    std::int32_t* alternatives = nullptr;  ///< [N, length, n]: the likeliest tokens, of equals the lowest ids first
    T* alternative_log_probabilities = nullptr;  ///< [N, length, n]

    bool any() const noexcept { return log_probabilities || entropies || num_alternatives > 0; }
};

struct BeamOptions {
    Index width = 4;  ///< how many beams go on, and come out at most
    Index length = 0;
    double length_penalty = 0;  ///< a beam's score is its log-probability / (its length)^length_penalty
    std::vector<std::vector<std::int32_t>> stop = {};   ///< a beam ends with one of these sequences
    std::int32_t initial_token = -1;                    ///< as in GenerateOptions
    std::shared_ptr<const Constraint> constraint = {};  ///< as in GenerateOptions; probabilities stay the model's own
};

struct Beam {
    std::vector<std::int32_t> tokens;
    double log_probability;
    double score;
};

template <class T>
class TokenStream;
template <class T>
class Session;

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

    /// tokens [streams, length] out, -1 after a stop; state in and out: that before the last token is read, which is
    /// the prompt's where length is 0; where state.h is null, all streams begin with zeros at position 0, and no state
    /// is told. A stream's tokens depend on nothing but its own prompt, key, position, history
    /// and state; what it drew in earlier calls is no part of a stop. Throws std::invalid_argument, SamplingError and
    /// what the poll and stop_when throw; tokens and state are then as they were, `details` may be partly written.
    void generate(const GenerateOptions& options, const std::vector<Stream>& streams, std::int32_t* tokens,
                  StateView<T> state, Poll& poll, const GenerateDetails<T>& details = {}) const;

    /// log_probabilities [N, steps] out: of each of tokens [N, steps] after those before it in its row, and before
    /// those first [N] and the state; 0 where the token is -1, which is the zero input to what follows. state.position
    /// may be null. Throws std::invalid_argument (nothing is written then), std::bad_alloc and what `poll` throws.
    void score(Index N, Index steps, const std::int32_t* first, const std::int32_t* tokens, T* log_probabilities,
               StateView<const T> state, Index num_threads, Poll& poll) const;

    /// The best beams after the stream's prompt and the state of one stream, best first; of equal ones the lowest ids
    /// first. The search is exact where `width` beams are all there are. Random numbers play no part. Throws
    /// std::invalid_argument, SamplingError (a NaN, or no token for any beam), std::bad_alloc and what `poll` throws.
    std::vector<Beam> beam_search(const BeamOptions& options, const Stream& stream, StateView<const T> state,
                                  Poll& poll) const;

private:
    friend class TokenStream<T>;
    friend class Session<T>;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// The tokens of generate, one of each stream at a time. One thread at a time may use it; others may use the model.
template <class T>
class TokenStream {
public:
    /// Copies all but the model, which must not be moved or destroyed before the stream. options.num_threads is without
    /// meaning. Throws as generate does.
    TokenStream(const LanguageModel<T>& model, const GenerateOptions& options, const std::vector<Stream>& streams,
                StateView<const T> state);
    ~TokenStream();
    TokenStream(TokenStream&&) noexcept;
    TokenStream& operator=(TokenStream&&) noexcept;

    /// The next token of each stream, tokens [N], -1 for those that have ended; false, and nothing written, where all
    /// have. With the model's weights of this moment. Throws SamplingError and what the poll and stop_when throw; then
    /// the stream is at its end.
    bool next(std::int32_t* tokens, Poll& poll);

    /// Where the streams are, h and c [L, N, H]: before their last tokens are read, which are their prompts' before the
    /// first draw; prompts are read for that. Throws what the poll throws, and then may be called again, and
    /// std::runtime_error where next has failed.
    void store(StateView<T> state, Poll& poll);

    /// How far each stream is.
    struct Progress {
        std::vector<Index> lengths;      ///< [N]: tokens drawn
        std::vector<std::int32_t> last;  ///< [N]: the last of them, or -1
        std::vector<std::vector<std::int32_t>>
            drawn;  ///< [N], or empty where nothing looks back: penalties, history, stop_when
    };
    const Progress& progress() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Streams that join and leave, and go on together. Each draws what it would draw alone. One thread at a time may use
/// it; others may use the model, also in sessions of their own.
template <class T>
class Session {
public:
    /// At most `capacity` live streams. The model must not be moved or destroyed before the session.
    Session(const LanguageModel<T>& model, Index capacity);
    ~Session();

    /// A stream with the state of one stream, [L, H]. Returns its id: 0, 1, 2 ..., never twice. Copies all it is given.
    /// options.stop_when must be null, num_threads is without meaning. Throws as generate does, and std::runtime_error
    /// where the session is full.
    Index add(const GenerateOptions& options, const Stream& stream, StateView<const T> state);

    struct Tokens {
        std::vector<Index> ids;            ///< ascending: those that were live, or had tokens left
        std::vector<std::int32_t> tokens;  ///< [ids, k], -1 after a stream's end
        /// Of a stream that could not draw, in this step or an earlier one: it has ended, others have not. Each is told
        /// once, one by a step.
        std::optional<SamplingError> failure;
    };

    /// k more tokens of every stream. Where the poll throws, no token and no failure is lost: the next step goes on.
    Tokens step(Index k, Poll& poll);

    struct Left {
        Buffer<T> h, c;  ///< [L, H], c empty but for LSTM: before `pending` is read
        std::uint64_t position;
        std::int32_t pending;               ///< the last token, drawn or of the prompt; -1: the zero vector
        std::vector<std::int32_t> history;  ///< what penalties counted, `pending` among it
    };

    /// Takes a stream out; one that no step has advanced reads its prompt first. What an interrupted step has drawn of
    /// it the next step delivers. Throws std::out_of_range where there is no such stream, any more or yet, and what the
    /// poll throws: the stream is then still there.
    Left remove(Index id, Poll& poll);

    /// What a stream was added with. Throws std::out_of_range for one that has left and been delivered.
    std::uint64_t seed(Index id) const;

    Index size() const noexcept;     ///< streams that have something to tell: live ones, and what steps left untold
    std::vector<Index> ids() const;  ///< of the live streams, ascending

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

extern template class LanguageModel<float>;
extern template class LanguageModel<double>;
extern template class TokenStream<float>;
extern template class TokenStream<double>;
extern template class Session<float>;
extern template class Session<double>;

}  // namespace rnnfast
