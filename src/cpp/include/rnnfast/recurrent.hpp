// A stack of recurrent layers with parameters of its own, for nets that are put together outside.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "rnnfast/poll.hpp"
#include "rnnfast/stack.hpp"
#include "rnnfast/trainable.hpp"

namespace rnnfast {

/// parameters() as Stack::parameters().
template <class T>
class Recurrent : public Trainable<T> {
public:
    /// Weights as `seed` decides: W Glorot-uniform, R with orthonormal rows, b zero but 1 for the LSTM's forget gate.
    /// Throws what Stack throws, and std::bad_alloc. Large ones take seconds: `poll` is called meanwhile.
    Recurrent(const StackConfig& config, std::uint64_t seed, Poll& poll);
    ~Recurrent() override;
    Recurrent(Recurrent&&) noexcept;
    Recurrent& operator=(Recurrent&&) noexcept;

    const Stack<T>& stack() const noexcept;

    /// One forward and, where it is for training, one backward after it. The arrays of T x N places are the caller's,
    /// in [T, N, columns]; places that no row is computed for count as zeros.
    class Run;

    /// `for_backward`: keeps a copy of x. The result may outlive this object. The memory of a run that has ended serves
    /// the next one, unless it is large.
    /// num_threads: 0 for as many as pay. Throws std::invalid_argument for tokens outside [-1, D) and for tokens with
    /// masks where the stack has input_dropout, std::bad_alloc and what `poll` throws.
    Run forward(LayerInput<T> x, Segments segments, const T* h, const T* c, std::optional<RandomKey> masks,
                bool for_backward, Index num_threads, Poll& poll);

    /// Stack::step for one time step, without keeping anything: from h_prev and c to h and c [L, batch, H].
    void step(Index batch, LayerInput<T> x, const T* h_prev, T* h, T* c, Poll& poll) const;

private:
    struct Memory;
    struct Impl;
    std::shared_ptr<Impl> impl_;  // the base's weights
    explicit Recurrent(std::shared_ptr<Impl> impl);
};

template <class T>
class Recurrent<T>::Run {
public:
    ~Run();
    Run(Run&&) noexcept;
    Run& operator=(Run&&) noexcept;

    const Stack<T>& stack() const noexcept;
    const Segments& segments() const noexcept;

    /// y [T, N, output_size].
    void outputs(T* y, Poll& poll) const;

    /// h and c [L * directions, N, H] each.
    void final_state(T* h, T* c) const;

    /// dy [T, N, output_size]; dh and dc: in, the gradient on the final state; out, on the initial one; gradients as
    /// Stack::parameters(), written; dx [T, N, D], written, null where not wanted.
    /// Throws std::logic_error without for_backward, the second time, and where parameters have changed since forward.
    void backward(const T* dy, const std::vector<T*>& gradients, T* dx, T* dh, T* dc, Index num_threads, Poll& poll);

private:
    friend class Recurrent<T>;
    struct Impl;
    explicit Run(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

extern template class Recurrent<float>;
extern template class Recurrent<double>;

}  // namespace rnnfast
