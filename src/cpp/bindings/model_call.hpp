// What the files that bind LanguageModel share.
#pragma once

#include "bindings.hpp"
#include "rnnfast/language_model.hpp"

namespace rnnfast::bindings {

/// Copies of a caller's arrays, of the shapes that the model's N streams have.
template <class T>
struct State {
    Array<T> h, c;
    Array<std::uint64_t> position;

    State(const LanguageModel<T>& model, Index N, const Array<T>& h_in, const Array<T>& c_in,
          const Array<std::uint64_t>& position_in) {
        const auto& config = model.config();
        expect_shape("state.h", h_in, {config.num_layers, N, config.hidden_size}, "(L, N, H)");
        has_c = config.cell == Cell::lstm;
        expect_shape("state.c", c_in, {has_c ? config.num_layers : 0, N, config.hidden_size},
                     has_c ? "(L, N, H)" : "(0, N, H), for the cell has no c");
        expect_shape("state.position", position_in, {N}, "(N,)");
        h = copy(h_in);
        c = copy(c_in);
        position = copy(position_in);
    }
    StateView<const T> const_view() const { return {h.data(), has_c ? c.data() : nullptr, position.data()}; }
    StateView<T> view() { return {h.mutable_data(), has_c ? c.mutable_data() : nullptr, position.mutable_data()}; }

    bool has_c = false;
};

/// model.generate and what is like it (bind_generation.cpp).
template <class T>
void bind_generation(py::module_& m, py::class_<LanguageModel<T>>& model);

/// model.session (bind_session.cpp).
template <class T>
void bind_session(py::module_& m);

}  // namespace rnnfast::bindings
