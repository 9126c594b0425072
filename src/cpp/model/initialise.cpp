// Parameter k draws from stream k of the seed.
#include "model/initialise.hpp"

#include <algorithm>
#include <string>

#include "rnnfast/initialisers.hpp"

namespace rnnfast {

template <class T>
void initialise(Parameters<T>& parameters, std::uint64_t seed, Index forget_gate, Poll& poll) {
    const std::vector<T*> places = parameters.places_in(parameters.flat());
    for (std::size_t k = 0; k < places.size(); ++k) {
        const ParameterView<T>& p = parameters.views()[k];
        const std::string kind = p.name.substr(p.name.rfind('.') + 1);
        if (kind == "W" || kind == "projection")
            glorot_uniform(p.shape[0], p.shape[1], {seed, k}, places[k], poll);
        else if (kind == "R")
            orthonormal_rows(p.shape[0], p.shape[1], {seed, k}, places[k], poll);
        else if (kind == "b" && p.name != "dense.b")
            std::fill_n(places[k] + forget_gate, forget_gate, T(1));
    }
}

template void initialise(Parameters<float>&, std::uint64_t, Index, Poll&);
template void initialise(Parameters<double>&, std::uint64_t, Index, Poll&);

}  // namespace rnnfast
