// What generate can tell of each draw: of the model's own distribution, before any filter.
#pragma once

#include "rnnfast/language_model.hpp"

namespace rnnfast {

/// Writes a GenerateDetails' arrays, draw by draw. Holds scratch: one for each thread.
template <class T>
class DetailWriter {
public:
    /// `length`: how many draws of a stream there is room for.
    DetailWriter(const GenerateDetails<T>& details, Index length, Index V);

    /// Draw `step` of stream n, with logits [V] that are neither NaN nor all -inf.
    void write(Index n, Index step, std::int32_t token, const T* logits);

private:
    GenerateDetails<T> out_;
    Index length_, V_;
    Buffer<T> log_p_, scratch_;
    Buffer<std::int32_t> order_;
};

extern template class DetailWriter<float>;
extern template class DetailWriter<double>;

}  // namespace rnnfast
