"""The exercise's parameters as the engine reads them, and back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast.reference._arrays import Floats, Parameters
from rnnfast.reference.dinosaur.network import take_parameters

Letters = npt.NDArray[np.int32]
"""The engine's tokens; -1 is none."""


class Weights(NamedTuple):
    """W [n_x, n_a], R [n_a, n_a] and b [n_a] of the RNN, dense_W [n_a, n_y] and dense_b [n_y] of what follows it."""

    W: Floats
    R: Floats
    b: Floats
    dense_W: Floats
    dense_b: Floats

    @classmethod
    def of(cls, parameters: Parameters) -> Weights:
        """Copy them from Wax, Waa, Wya, b and by, which are checked."""
        Wax, Waa, Wya, b, by = take_parameters(parameters)
        arrays = Wax.T, Waa.T, b[:, 0], Wya.T, by[:, 0]
        return cls(*(np.array(array, order="C") for array in arrays))

    def parameters(self, prefix: str = "") -> dict[str, Floats]:
        """Copy them, or gradients on them, into Wax, Waa, Wya, b and by; each name with `prefix` before it."""
        arrays = {
            "Wax": self.W.T,
            "Waa": self.R.T,
            "Wya": self.dense_W.T,
            "b": self.b[:, np.newaxis],
            "by": self.dense_b[:, np.newaxis],
        }
        return {prefix + name: np.array(array, order="C") for name, array in arrays.items()}

    def run(self, x: Letters | Floats, a_prev: Floats) -> Floats:
        """Run over x, tokens [T] or vectors [T, n_x], from the state a_prev [n_a]: states [T + 1, n_a]."""
        rnn = self.W, self.R, self.b
        return _core.rnn_forward(x[:, np.newaxis], *rnn, a_prev[np.newaxis], "tanh")[:, 0]

    def logits(self, a: Floats) -> Floats:
        """Give the logits [T, n_y] of states [T, n_a]."""
        return _core.dense_forward(a, self.dense_W, self.dense_b)

    def run_back(self, dy: Floats, x: Letters | Floats, a: Floats, da_next: Floats) -> tuple[Weights, Floats]:
        """Take the gradient dy [T, n_y] on the logits back through `run`.

        `a` is what `run` gave, `da_next` [n_a] the gradient on the last state from beyond. Gives the gradients on
        the weights, and on the first state.
        """
        da, dense_dW, dense_db = _core.dense_backward(dy, a[1:], self.dense_W)
        one = np.newaxis
        g = _core.rnn_backward(da[:, one], x[:, one], a[:, one], *self[:3], da_next[one], "tanh")
        return Weights(g["dW"], g["dR"], g["db"], dense_dW, dense_db), g["dh0"][0]
