"""Between the exercises' layout and the engine's.

The exercises put the features first and time last, [n, m, T], and multiply from the left: W [n_a, n_a + n_x] over
[a; x], one for each gate. The engine puts time first, [T, N, D], and multiplies from the right: W [D, G * H] and
R [H, G * H] for all G gates at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from rnnfast import _core
from rnnfast.reference._arrays import Floats, Parameters


class Weights(NamedTuple):
    """A cell's parameters as the engine reads them: W [D, G * H], R [H, G * H], b [G * H]."""

    W: Floats
    R: Floats
    b: Floats


def swapped(array: Floats) -> Floats:
    """Turn [n, m, T] into [T, m, n] or back, [n, m] into [m, n]; always a new array."""
    return np.array(array.T, order="C")


def one_step(array: Floats) -> Floats:
    """Turn [n, m] into a sequence [n, m, 1] of one step."""
    return array[:, :, np.newaxis]


def columns(states: Floats) -> list[Floats]:
    """Give the states [T, m, n] of each step as [n, m], in place."""
    return [state.T for state in states]


def gates_of(gates: Floats, count: int) -> Floats:
    """Give the gates [T, m, count * n_a] as [T, count, n_a, m], in place."""
    T, m, width = gates.shape
    return gates.reshape(T, m, count, width // count).transpose(0, 2, 3, 1)


def stack(steps: Iterable[Floats]) -> Floats:
    """Turn arrays [n, m], one for each step, into [T, m, n]."""
    rows = [step.T for step in steps]
    return np.ascontiguousarray(np.concatenate(rows)).reshape(len(rows), *rows[0].shape)


def stack_gates(steps: Sequence[Sequence[Floats]]) -> Floats:
    """Turn the gates [n_a, m] of each step, `count` of them, into [T, m, count * n_a]."""
    T, count = len(steps), len(steps[0])
    n_a, m = steps[0][0].shape
    gates = stack(gate for step in steps for gate in step).reshape(T, count, m, n_a)
    return np.ascontiguousarray(gates.swapaxes(1, 2)).reshape(T, m, count * n_a)


def join(matrices: Sequence[Floats], biases: Sequence[Floats] = ()) -> Weights:
    """Join each gate's W [n_a, n_a + n_x] over [a; x], and its b [n_a, 1] (none: zeros), into the engine's."""
    n_a = len(matrices[0])
    both = np.array(np.concatenate(matrices).T, order="C")
    b = np.concatenate(biases)[:, 0] if biases else np.zeros(both.shape[1])
    return Weights(W=both[n_a:], R=both[:n_a], b=b)


def split(gradients: dict[str, Any], gates: str, order: str) -> dict[str, Floats]:
    """Split the engine's dW, dR, db of a cell with these gates into dW and db of each, in the given order."""
    both = np.concatenate([gradients["dR"], gradients["dW"]]).T
    n_a = len(both) // len(gates)
    result = {}
    for gate in order:
        first = gates.index(gate) * n_a
        result[f"dW{gate}"] = np.ascontiguousarray(both[first : first + n_a])
        result[f"db{gate}"] = gradients["db"][first : first + n_a, np.newaxis]
    return result


def zero_gradients(gates: str, n_a: int, n_x: int) -> dict[str, Floats]:
    """Give the gradients that no steps leave."""
    zeros = {}
    for gate in gates:
        zeros[f"dW{gate}"], zeros[f"db{gate}"] = np.zeros((n_a, n_a + n_x)), np.zeros((n_a, 1))
    return zeros


def predictions(a: Floats, Wy: Floats, by: Floats) -> Floats:
    """Give softmax(Wy a + by) [n_y, m, T] for the states a [T, m, n_a]."""
    T, m, n_a = a.shape
    logits = _core.dense_forward(a.reshape(T * m, n_a), swapped(Wy), by[:, 0].copy())
    return swapped(_core.softmax(logits).reshape(T, m, len(by)))


def expect_one_run(cells: Sequence[Any], states: str) -> None:
    """Check that each step begins with the states ("a", or "ac") that the one before it ended with."""
    for t, (before, after) in enumerate(pairwise(cells)):
        if after.xt.shape != before.xt.shape:
            raise ValueError(
                f"caches[0][{t + 1}].xt has shape {after.xt.shape}, expected {before.xt.shape} as caches[0][{t}].xt"
            )
        for state in states:
            left, found = getattr(before, f"{state}_next"), getattr(after, f"{state}_prev")
            if left is not found and not np.array_equal(left, found, equal_nan=True):
                raise ValueError(
                    f"caches[0][{t + 1}].{state}_prev differs from caches[0][{t}].{state}_next, "
                    "expected the steps of one run"
                )
        if not _same(before.parameters, after.parameters):
            raise ValueError(
                f"caches[0][{t + 1}] has other parameters than caches[0][{t}], expected one run's"
            )


def _same(parameters: Parameters, others: Parameters) -> bool:
    return parameters is others or (
        parameters.keys() == others.keys()
        and all(np.array_equal(value, others[name]) for name, value in parameters.items())
    )
