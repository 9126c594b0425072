#include "bindings.hpp"
#include "rnnfast/random.hpp"
#include "rnnfast/sampler.hpp"

namespace rnnfast::bindings {
namespace {

template <class T>
std::int32_t draw(const Array<T>& logits, double u, double temperature, bool greedy, Index top_k, double top_p) {
    expect_dimensions("logits", logits, 1, "(V,)");
    if (logits.size() == 0) throw py::value_error("logits is empty, expected at least one");
    Sampler<T> sampler({temperature, greedy, top_k, top_p}, logits.size());
    return sampler(logits.data(), static_cast<T>(u));
}

template <class T>
void bind_draw(py::module_& m) {
    m.def("draw", draw<T>, py::arg("logits").noconvert(), py::arg("u"), py::arg("temperature"), py::arg("greedy"),
          py::arg("top_k"), py::arg("top_p"));
}

Array<Index> permutation(Index n, std::uint64_t seed, std::uint64_t stream) {
    if (n < 0) throw py::value_error("n is " + std::to_string(n) + ", expected at least 0");
    Array<Index> order = empty<Index>({n});
    random_permutation({seed, stream}, n, order.mutable_data());
    return order;
}

}  // namespace

void bind_random(py::module_& m) {
    bind_draw<float>(m);
    bind_draw<double>(m);
    m.def(
        "random_word",
        [](std::uint64_t seed, std::uint64_t stream, std::uint64_t position, std::uint64_t purpose) {
            return random_word({seed, stream}, position, static_cast<Purpose>(purpose));
        },
        py::arg("seed"), py::arg("stream"), py::arg("position"), py::arg("purpose"));
    m.def("random_permutation", permutation, py::arg("n"), py::arg("seed"), py::arg("stream"));
}

}  // namespace rnnfast::bindings
