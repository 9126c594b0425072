// What a call of a recurrent layer begins with, whatever the cell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "rnnfast/layer_input.hpp"
#include "rnnfast/packing.hpp"

namespace rnnfast::bindings {

/// How many sequences run at each step: none where all run through all steps.
using BatchSizes = std::optional<std::vector<Index>>;

/// The input x, tokens [T, N] or dense [T, N, D], and the sizes that follow from it, from the weights W [D, G], R [P,
/// G] and b [G] of a cell with G = gates * H, and from a state [N, P]; P is H but with a projection [H, P]. With
/// batch_sizes, arrays over time hold packed rows: x is [rows] or [rows, D], and states are [N + rows, P]
/// (rnnfast/packing.hpp).
template <class T>
struct LayerCall {
    LayerInput<T> x;
    Packing packing;
    Index D, H, P;

    LayerCall(const py::array& input, const Array<T>& W, const Array<T>& R, const Array<T>& b, Index gates,
              const char* state_name, const Array<T>& state, const BatchSizes& batch_sizes,
              const std::optional<Array<T>>& projection = std::nullopt)
        : projects_(projection.has_value()) {
        const std::string G = gates == 1 ? "H" : std::to_string(gates) + "*H";
        const std::string of_W = "(D, " + G + ")", of_R = "(" + letter_of_h() + ", " + G + ")", of_b = "(" + G + ",)";
        const std::string of_state = "(N, " + letter_of_h() + ")";
        expect_dimensions("W", W, 2, of_W.c_str());
        expect_dimensions("R", R, 2, of_R.c_str());
        if (projection) expect_dimensions("projection", *projection, 2, "(H, P)");
        D = W.shape(0);
        H = projection ? projection->shape(0) : R.shape(0);
        P = projection ? projection->shape(1) : H;
        if (P < 1) throw py::value_error("projection has no columns, expected (H, P) with P at least 1");
        expect_shape("W", W, {D, gates * H}, of_W.c_str());
        expect_shape("R", R, {P, gates * H}, of_R.c_str());
        expect_shape("b", b, {gates * H}, of_b.c_str());
        expect_dimensions(state_name, state, 2, of_state.c_str());
        if (batch_sizes) pack(*batch_sizes, state.shape(0));
        take(input);
        expect_shape(state_name, state, {packing.batch, P}, of_state.c_str());
    }
    LayerCall(const LayerCall&) = delete;
    LayerCall& operator=(const LayerCall&) = delete;

    std::string letter_of_h() const { return projects_ ? "P" : "H"; }

    /// The shape of an array over time, such as dh_out.
    Shape over_time(Index columns) const {
        return packing.begins ? Shape{packing.rows(), columns} : Shape{packing.steps, packing.batch, columns};
    }
    /// The shape of an array of states, such as h.
    Shape of_states(Index columns) const {
        return packing.begins ? Shape{packing.batch + packing.rows(), columns}
                              : Shape{packing.steps + 1, packing.batch, columns};
    }
    void expect_over_time(const char* name, const Array<T>& array, Index columns, const std::string& letter) const {
        expect_shape(name, array, over_time(columns),
                     ((packing.begins ? "(rows, " : "(T, N, ") + letter + ")").c_str());
    }
    void expect_states(const char* name, const Array<T>& array, Index columns, const std::string& letter) const {
        expect_shape(name, array, of_states(columns),
                     ((packing.begins ? "(N + rows, " : "(T + 1, N, ") + letter + ")").c_str());
    }

private:
    bool projects_;
    Tokens tokens_;
    std::vector<Index> begins_{0};

    void pack(const std::vector<Index>& batch_sizes, Index batch) {
        Index most = batch;
        for (const Index size : batch_sizes) {
            if (size < 0 || size > most)
                throw py::value_error("batch_sizes has " + std::to_string(size) + " after " + std::to_string(most) +
                                      ", expected falling numbers from N = " + std::to_string(batch) + " to 0");
            begins_.push_back(begins_.back() + size);
            most = size;
        }
        packing = {static_cast<Index>(batch_sizes.size()), batch, begins_.data()};
    }

    void take(const py::array& input) {
        const bool contiguous = (input.flags() & py::array::c_style) != 0;
        const bool tokens = contiguous && input.dtype().is(py::dtype::of<std::int32_t>());
        if (!tokens && !(contiguous && input.dtype().is(py::dtype::of<T>())))
            throw py::type_error("x has dtype " + std::string(py::str(input.dtype())) +
                                 ", expected C-contiguous int32 tokens or numbers of the weights' dtype");
        const Index over = packing.begins ? 1 : 2;
        expect_dimensions(
            "x", input, tokens ? over : over + 1,
            packing.begins ? "(rows,) tokens or (rows, D) numbers" : "(T, N) tokens or (T, N, D) numbers");
        if (!packing.begins) packing = {input.shape(0), input.shape(1)};
        Shape shape = over_time(D);
        if (tokens) shape.pop_back();
        expect_shape("x", input, shape,
                     packing.begins ? (tokens ? "(rows,)" : "(rows, D)") : (tokens ? "(T, N)" : "(T, N, D)"));
        if (!tokens) {
            x.dense = static_cast<const T*>(input.data());
            return;
        }
        tokens_ = copy(py::cast<Tokens>(input));  // another thread may change the caller's
        x.tokens = tokens_.data();
        for (Index i = 0; i < input.size(); ++i)
            if (x.tokens[i] < -1 || x.tokens[i] >= D)
                throw py::value_error("x has the token " + std::to_string(x.tokens[i]) + ", expected -1 to " +
                                      std::to_string(D - 1));
    }
};

}  // namespace rnnfast::bindings
