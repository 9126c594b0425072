// The numbers that training changes: named arrays in one flat array.
#pragma once

#include <string>
#include <vector>

#include "rnnfast/buffer.hpp"
#include "rnnfast/index.hpp"

namespace rnnfast {

struct ParameterShape {
    std::string name;  ///< such as layers.0.W
    std::vector<Index> shape;

    Index size() const noexcept {
        Index product = 1;
        for (const Index n : shape) product *= n;
        return product;
    }
};

/// One parameter inside the flat array. `data` stays valid as long as its owner.
template <class T>
struct ParameterView {
    std::string name;
    std::vector<Index> shape;
    const T* data;
    Index size;
};

/// One flat array holds all parameters, each from a cache line on, with zeros between: the optimiser, the clipping and
/// the gradient see one array.
template <class T>
class Parameters {
public:
    /// Zeros. Throws std::bad_alloc.
    explicit Parameters(const std::vector<ParameterShape>& shapes);

    const std::vector<ParameterView<T>>& views() const noexcept { return views_; }
    Buffer<T>& flat() noexcept { return flat_; }
    const Buffer<T>& flat() const noexcept { return flat_; }

    /// Where each parameter lies in an array laid out like flat(): the parameters themselves, or their gradients.
    std::vector<T*> places_in(Buffer<T>& other) const;

private:
    Buffer<T> flat_;
    std::vector<ParameterView<T>> views_;
};

extern template class Parameters<float>;
extern template class Parameters<double>;

}  // namespace rnnfast
