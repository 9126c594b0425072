#include "rnnfast/parameters.hpp"

#include <new>

namespace rnnfast {

template <class T>
Parameters<T>::Parameters(const std::vector<ParameterShape>& shapes) {
    constexpr Index cache_line = 64, step = cache_line / static_cast<Index>(sizeof(T));
    constexpr Index most = Index{1} << 58;  // one parameter has at most 2^57 numbers: the sum cannot overflow
    const auto padded = [](Index size) { return (size + step - 1) / step * step; };
    Index total = 0;
    for (const auto& p : shapes)
        if ((total += padded(p.size())) > most) throw std::bad_alloc();
    flat_ = Buffer<T>(total);
    Index at = 0;
    for (const auto& p : shapes) {
        views_.push_back({p.name, p.shape, flat_.data() + at, p.size()});
        at += padded(p.size());
    }
}

template <class T>
std::vector<T*> Parameters<T>::places_in(Buffer<T>& other) const {
    std::vector<T*> places;
    for (const auto& view : views_) places.push_back(other.data() + (view.data - flat_.data()));
    return places;
}

template class Parameters<float>;
template class Parameters<double>;

}  // namespace rnnfast
