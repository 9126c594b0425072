#include "bindings.hpp"
#include "rnnfast/random.hpp"

namespace rnnfast::bindings {
namespace {

Array<Index> permutation(Index n, std::uint64_t seed, std::uint64_t stream) {
    if (n < 0) throw py::value_error("n is " + std::to_string(n) + ", expected at least 0");
    Array<Index> order = empty<Index>({n});
    random_permutation({seed, stream}, n, order.mutable_data());
    return order;
}

}  // namespace

void bind_random(py::module_& m) {
    m.def(
        "random_word",
        [](std::uint64_t seed, std::uint64_t stream, std::uint64_t position, std::uint64_t purpose) {
            return random_word({seed, stream}, position, static_cast<Purpose>(purpose));
        },
        py::arg("seed"), py::arg("stream"), py::arg("position"), py::arg("purpose"));
    m.def("random_permutation", permutation, py::arg("n"), py::arg("seed"), py::arg("stream"));
}

}  // namespace rnnfast::bindings
