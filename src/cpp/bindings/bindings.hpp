// What the bind_*.cpp files share. They translate and check types and shapes; there is no arithmetic in them.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rnnfast/index.hpp"
#include "rnnfast/parameters.hpp"
#include "rnnfast/poll.hpp"
#include "rnnfast/stack.hpp"

namespace rnnfast::bindings {

namespace py = pybind11;

/// Bound with noconvert(): another dtype or layout is a TypeError, never a silent copy.
template <class T>
using Array = py::array_t<T, py::array::c_style>;
using Tokens = Array<std::int32_t>;

using Shape = std::vector<Index>;

/// Throws ValueError: "name has shape (3, 4), expected (3, 5) = (H, V)". `letters` may be empty.
void expect_shape(const char* name, const py::array& array, const Shape& expected, const char* letters);

/// Throws ValueError unless the array has that many dimensions.
void expect_dimensions(const char* name, const py::array& array, Index dimensions, const char* letters);

/// A new array, not initialised.
template <class T>
Array<T> empty(const Shape& shape) {
    return Array<T>(std::vector<py::ssize_t>(shape.begin(), shape.end()));
}

template <class T>
Array<T> zeros(const Shape& shape) {
    Array<T> result = empty<T>(shape);
    std::fill_n(result.mutable_data(), result.size(), T(0));
    return result;
}

template <class T>
Array<T> copy(const Array<T>& array) {
    Array<T> result = empty<T>(Shape(array.shape(), array.shape() + array.ndim()));
    std::copy_n(array.data(), array.size(), result.mutable_data());
    return result;
}

/// Throws ValueError: "cell is 'x', expected ...".
Cell cell_named(const std::string& name);

/// Name -> view on the owner's own memory: views keep the owner alive, show every change, and refuse to be written.
template <class T>
py::dict parameter_views(const std::vector<ParameterView<T>>& parameters, const py::object& owner) {
    py::dict views;
    for (const auto& p : parameters) {
        Array<T> view(std::vector<py::ssize_t>(p.shape.begin(), p.shape.end()), p.data, owner);
        view.attr("setflags")(py::arg("write") = false);
        views[py::str(p.name)] = view;
    }
    return views;
}

/// Where new values for some of the parameters lie, null for those that stay. Throws ValueError for another shape.
template <class T>
std::vector<const T*> parameter_data(const std::vector<ParameterView<T>>& parameters,
                                     const std::vector<std::optional<Array<T>>>& values) {
    std::vector<const T*> data;
    for (std::size_t k = 0; k < values.size() && k < parameters.size(); ++k) {
        if (values[k]) expect_shape(parameters[k].name.c_str(), *values[k], parameters[k].shape, "the parameter's own");
        data.push_back(values[k] ? values[k]->data() : nullptr);
    }
    return data;
}

/// A Poll that lets Python see Ctrl-C about every 20 ms, and calls `also` (null: nothing) with the GIL held.
Poll python_poll(std::function<void()> also = nullptr);

void bind_dense(py::module_& m);
void bind_embedding(py::module_& m);
void bind_gru(py::module_& m);
void bind_isa(py::module_& m);
void bind_layers(py::module_& m);
void bind_online(py::module_& m);
void bind_lstm(py::module_& m);
void bind_optimizer(py::module_& m);
void bind_random(py::module_& m);
void bind_recurrent(py::module_& m);
void bind_rnn(py::module_& m);
void bind_sampler(py::module_& m);
void bind_model(py::module_& m);
void bind_trainable(py::module_& m);

}  // namespace rnnfast::bindings
