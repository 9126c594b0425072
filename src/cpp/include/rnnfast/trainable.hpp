// Layers with parameters of their own, as nets that are put together outside are made of, and how they change.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "rnnfast/parameters.hpp"
#include "rnnfast/poll.hpp"

namespace rnnfast {

/// Calls of several threads: any may compute with a layer at the same time; whoever changes it waits for them. A call
/// from inside a poll's hook, while this thread is at work on the same layer, throws std::runtime_error.
template <class T>
class Trainable {
public:
    virtual ~Trainable();

    /// Read through them at any time.
    const std::vector<ParameterView<T>>& parameters() const noexcept;

    /// values[k] [parameters()[k].size], or null to keep parameter k. Throws std::invalid_argument where values has
    /// another size than parameters().
    void set_parameters(const std::vector<const T*>& values, Poll& poll);

    struct Weights;  ///< the parameters, the lock over them, and what must follow a change

protected:
    explicit Trainable(std::shared_ptr<Weights> weights);
    Trainable(Trainable&&) noexcept;
    Trainable& operator=(Trainable&&) noexcept;

private:
    template <class U>
    friend void change_parameters(const std::vector<Trainable<U>*>& layers, Poll& poll,
                                  const std::function<void(const std::vector<U*>&)>& change);
    std::shared_ptr<Weights> weights_;
};

/// Waits until no other thread computes with any of the layers, each given once, then calls `change` with where their
/// parameters lie, layer by layer; the layers then go on with what it wrote there. Throws what `change` throws, which
/// must have changed nothing then, what `poll` throws before it, and std::bad_alloc.
template <class T>
void change_parameters(const std::vector<Trainable<T>*>& layers, Poll& poll,
                       const std::function<void(const std::vector<T*>&)>& change);

extern template class Trainable<float>;
extern template class Trainable<double>;

}  // namespace rnnfast
