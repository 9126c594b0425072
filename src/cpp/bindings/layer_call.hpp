// What a call of a recurrent layer begins with, whatever the cell.
#pragma once

#include <cstdint>
#include <string>

#include "bindings.hpp"
#include "rnnfast/layer_input.hpp"

namespace rnnfast::bindings {

/// The input x, tokens [T, N] or dense [T, N, D], and the sizes that follow from it and from the weights W [D, G],
/// R [H, G] and b [G] of a cell with G = gates * H.
template <class T>
struct LayerCall {
    LayerInput<T> x;
    Index steps, batch, D, H;

    LayerCall(const py::array& input, const Array<T>& W, const Array<T>& R, const Array<T>& b, Index gates) {
        const std::string G = gates == 1 ? "H" : std::to_string(gates) + "*H";
        const std::string of_W = "(D, " + G + ")", of_R = "(H, " + G + ")", of_b = "(" + G + ",)";
        expect_dimensions("W", W, 2, of_W.c_str());
        expect_dimensions("R", R, 2, of_R.c_str());
        D = W.shape(0);
        H = R.shape(0);
        expect_shape("W", W, {D, gates * H}, of_W.c_str());
        expect_shape("R", R, {H, gates * H}, of_R.c_str());
        expect_shape("b", b, {gates * H}, of_b.c_str());
        take(input);
    }

private:
    Tokens tokens_;

    void take(const py::array& input) {
        const bool contiguous = (input.flags() & py::array::c_style) != 0;
        if (contiguous && input.dtype().is(py::dtype::of<std::int32_t>())) {
            expect_dimensions("x", input, 2, "(T, N) tokens or (T, N, D) numbers");
            tokens_ = copy(py::cast<Tokens>(input));  // another thread may change the caller's
            x.tokens = tokens_.data();
            for (Index i = 0; i < input.size(); ++i)
                if (x.tokens[i] < -1 || x.tokens[i] >= D)
                    throw py::value_error("x has the token " + std::to_string(x.tokens[i]) + ", expected -1 to " +
                                          std::to_string(D - 1));
        } else if (contiguous && input.dtype().is(py::dtype::of<T>())) {
            expect_dimensions("x", input, 3, "(T, N) tokens or (T, N, D) numbers");
            expect_shape("x", input, {input.shape(0), input.shape(1), D}, "(T, N, D)");
            x.dense = static_cast<const T*>(input.data());
        } else {
            throw py::type_error("x has dtype " + std::string(py::str(input.dtype())) +
                                 ", expected C-contiguous int32 tokens or numbers of the weights' dtype");
        }
        steps = input.shape(0);
        batch = input.shape(1);
    }
};

}  // namespace rnnfast::bindings
