"""The step-by-step exercise: an LSTM of 5 units over 10 examples of 7 steps, forward and all the way back, float64."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType

import numpy as np

from benchmarks.harness import Row, Work, compare
from benchmarks.peers import Floats, StepByStep
from rnnfast import reference
from rnnfast.course import steps

RUNS = 100
N_X, M, N_A, N_Y, T_X = 3, 10, 5, 2, 7
GATES = "ifco"
"""The exercise's letters in the peers' order."""


class Exercise:
    """Its inputs, with the exercise's names and shapes."""

    def __init__(self) -> None:
        normal = np.random.default_rng(0).normal
        self.x, self.a0 = normal(size=(N_X, M, T_X)), normal(size=(N_A, M))
        self.da = normal(size=(N_A, M, T_X))
        self.parameters = {f"W{gate}": normal(size=(N_A, N_A + N_X)) for gate in GATES}
        self.parameters |= {f"b{gate}": normal(size=(N_A, 1)) for gate in GATES}
        self.parameters |= {"Wy": normal(size=(N_Y, N_A)), "by": normal(size=(N_Y, 1))}

    def run(self, module: ModuleType) -> dict[str, Floats]:
        """Forward and back with `course.steps` or its twin."""
        *_, caches = module.lstm_forward(self.x, self.a0, self.parameters)
        gradients: dict[str, Floats] = module.lstm_backward(self.da, caches)
        return gradients

    def for_peers(self) -> StepByStep:
        """The same as the peers take it."""
        p = self.parameters
        packed = pack(p, "")
        return StepByStep(
            x=self.x.transpose(2, 1, 0).copy(),
            h0=self.a0.T.copy(),
            dh=self.da.transpose(2, 1, 0).copy(),
            **packed,
            dense_W=p["Wy"].T.copy(),
            dense_b=p["by"][:, 0].copy(),
        )


def pack(arrays: Mapping[str, Floats], prefix: str) -> dict[str, Floats]:
    """W (D, 4H), R (H, 4H) and b (4H,), or with the prefix "d" their gradients, from the exercise's arrays."""
    W = np.concatenate([arrays[f"{prefix}W{gate}"] for gate in GATES]).T
    b = np.concatenate([arrays[f"{prefix}b{gate}"] for gate in GATES])[:, 0]
    return {f"{prefix}W": W[N_A:].copy(), f"{prefix}R": W[:N_A].copy(), f"{prefix}b": b}


def verify(exercise: Exercise, module: ModuleType) -> None:
    """The gradients must agree within 1e-9."""
    expected = pack(exercise.run(steps), "d")
    for name, gradient in module.step_by_step(exercise.for_peers())().items():
        np.testing.assert_allclose(
            gradient, expected[name], rtol=1e-9, atol=1e-9, err_msg=f"{module.NAME}: {name}"
        )


def rows(peer: str, module: ModuleType, isas: Sequence[str]) -> Iterator[Row]:
    """Against the NumPy twin, and against layers of the other libraries."""
    exercise = Exercise()
    work = Work(0, "LSTM step by step", "run", RUNS)
    if peer == "numpy":
        name, run = f"{module.NAME}, rnnfast.reference", lambda: exercise.run(reference.steps)
    elif hasattr(module, "step_by_step"):
        verify(exercise, module)
        name, run = module.NAME, module.step_by_step(exercise.for_peers())
    else:
        return

    def ours() -> None:
        for _ in range(RUNS):
            exercise.run(steps)

    def theirs() -> None:
        for _ in range(RUNS):
            run()

    yield from compare(work, ours, name, theirs, isas=isas)
