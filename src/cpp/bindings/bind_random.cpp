#include "bindings.hpp"
#include "rnnfast/initialisers.hpp"
#include "rnnfast/random.hpp"

namespace rnnfast::bindings {
namespace {

Array<Index> permutation(Index n, std::uint64_t seed, std::uint64_t stream) {
    if (n < 0) throw py::value_error("n is " + std::to_string(n) + ", expected at least 0");
    Array<Index> order = empty<Index>({n});
    random_permutation({seed, stream}, n, order.mutable_data());
    return order;
}

Array<double> uniform_numbers(Index n, double limit, std::uint64_t seed, std::uint64_t stream) {
    Array<double> numbers = empty<double>({n});
    double* const data = numbers.mutable_data();
    Poll poll = python_poll();
    const py::gil_scoped_release release;
    uniform(n, limit, {seed, stream}, data, poll);
    return numbers;
}

Array<double> orthonormal(Index rows, Index columns, std::uint64_t seed, std::uint64_t stream) {
    if (rows > columns)
        throw py::value_error("rows is " + std::to_string(rows) + ", expected at most columns = " +
                              std::to_string(columns) + ": no more can be orthogonal");
    Array<double> numbers = empty<double>({rows, columns});
    double* const data = numbers.mutable_data();
    Poll poll = python_poll();
    const py::gil_scoped_release release;
    orthonormal_rows(rows, columns, {seed, stream}, data, poll);
    return numbers;
}

}  // namespace

void bind_random(py::module_& m) {
    m.def(
        "random_word",
        [](std::uint64_t seed, std::uint64_t stream, std::uint64_t position, std::uint64_t purpose) {
            return random_word({seed, stream}, position, static_cast<Purpose>(purpose));
        },
        py::arg("seed"), py::arg("stream"), py::arg("position"), py::arg("purpose"));
    m.def("uniform", uniform_numbers, py::arg("n"), py::arg("limit"), py::arg("seed"), py::arg("stream"));
    m.def("orthonormal_rows", orthonormal, py::arg("rows"), py::arg("columns"), py::arg("seed"), py::arg("stream"));
    m.def("random_permutation", permutation, py::arg("n"), py::arg("seed"), py::arg("stream"));
}

}  // namespace rnnfast::bindings
