"""How far a stack's results in float32 may be from the exact ones, derived from the cells' bounds, layer by layer.

What a layer gives comes with its errors into the next, forwards and back again, through every piece of every sequence,
both directions and the dropout.
"""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

import numpy as np

from rnnfast.reference import stack

from . import bounds
from .bounded_cells import Cell, Gru, Lstm, Rnn, Rows
from .bounds import Approximate
from .cases import assert_near, one_hot
from .stacks import Problem, arrays

_known: dict[bytes, dict[str, Approximate]] = {}


def bounded(problem: Problem) -> dict[str, Approximate]:
    """What `problem.results()` gives, with bounds; computed once for all instruction sets."""
    p = problem
    given = p.cell, p.weights, p.x, p.state, p.dy, p.dstate, p.lengths, p.reset, p.masks()
    key = hashlib.sha256(pickle.dumps(given)).digest()
    if key not in _known:
        _known[key] = _Pass(problem).results()
    return _known[key]


def assert_specified(got: dict[str, Any], problem: Problem) -> None:
    """All results are what the specification says: in float32 within the derived bounds, in float64 to 1e-12."""
    expected = bounded(problem) if problem.layer.dtype == np.float32 else problem.specified()
    assert sorted(got) == sorted(expected)
    for name, want in expected.items():
        if isinstance(want, Approximate):
            bounds.assert_within(got[name], want)
        else:
            assert_near(got[name], want, 1e-12)


def cell_of(problem: Problem, layer: int, direction: int) -> Cell:
    """One direction of a layer."""
    prefix = f"layers.{layer}." + ("reverse." if direction else "")
    own = {name.removeprefix(prefix): w for name, w in problem.weights.items() if name.startswith(prefix)}
    own = {name: w for name, w in own.items() if "." not in name}
    weights = own.pop("W"), own.pop("R"), own.pop("b")
    if problem.cell == "gru":
        return Gru(*weights, own.get("b_Rn"))
    if problem.cell.startswith("rnn"):
        return Rnn(*weights, problem.cell.removeprefix("rnn_"))
    return Lstm(*weights, problem.cell == "lstm_coupled", own.get("peephole"), own.get("projection"))


def zeros(*shape: int) -> Approximate:
    return bounds.exact(np.zeros(shape))


def put(target: Approximate, places: Any, part: Approximate) -> None:
    target.value[places], target.error[places] = part.value, part.error


class _Pass:
    """Forward on construction, then backward."""

    def __init__(self, problem: Problem) -> None:
        self.problem, x = problem, problem.x
        self.x = bounds.exact(
            x if x.ndim == 3 else one_hot(x, problem.layer.config["input_size"], np.float64)
        )
        self.T, self.N = x.shape[:2]
        self.L, self.directions = (
            problem.layer.config["num_layers"],
            1 + problem.layer.config["bidirectional"],
        )
        self.masks = problem.masks() or [None] * self.L
        samples = stack._samples_by_cuts(self.T, self.N, problem.lengths, problem.reset)
        self.pieces = [stack._pieces(samples, reverse=d == 1) for d in range(self.directions)]
        self.states = [bounds.exact(s.astype(np.float64)) for s in arrays(problem.state)]
        self.final = [zeros(*s.shape) for s in self.states]
        self.inputs: list[Approximate] = []
        self.runs: list[list[Any]] = []
        self.y = self.forward()

    def forward(self) -> Approximate:
        below = self.x
        for layer, mask in enumerate(self.masks):
            # 1 / (1 - rate) is rounded, and so is its product
            below = below if mask is None else below * bounds.rounded(mask, np.zeros_like(mask))
            self.inputs.append(below)
            below = bounds.concatenate([self.forward_direction(layer, d) for d in range(self.directions)])
        return below

    def forward_direction(self, layer: int, d: int) -> Approximate:
        k, cell = layer * self.directions + d, cell_of(self.problem, layer, d)
        y, runs = zeros(self.T, self.N, self.states[0].shape[2]), []
        for piece in self.pieces[d]:
            own = self.inputs[layer][piece.places]
            steps = [own[t] for t in range(len(piece.steps))]
            before = [
                s[k, piece.samples] if piece.starts else zeros(*s[k, piece.samples].shape)
                for s in self.states
            ]
            run = cell.forward(steps, *before)
            runs.append((piece, steps, run))
            if steps:
                put(y, piece.places, bounds.stack(run["h"][1:]))
            for s, name in zip(self.final, "hc", strict=False):
                if piece.ends:
                    put(s, (k, piece.samples), run[name][-1])
        self.runs.append(runs)
        return y

    def results(self) -> dict[str, Approximate]:
        """Backward, and all by name."""
        named = {"y": self.y} | dict(zip("hc", self.final, strict=False))
        dstate = [bounds.exact(s.astype(np.float64)) for s in arrays(self.problem.dstate)]
        on_states, gradients = [zeros(*s.shape) for s in dstate], {}
        from_above = bounds.exact(self.problem.dy.astype(np.float64))
        for layer in reversed(range(self.L)):
            halves = np.split(np.arange(from_above.shape[2]), self.directions)
            found = [
                self.backward_direction(layer, d, from_above[..., halves[d]], dstate, on_states)
                for d in range(self.directions)
            ]
            for d, (_, own) in enumerate(found):
                prefix = f"layers.{layer}." + ("reverse." if d else "")
                gradients |= {prefix + name: gradient for name, gradient in own.items()}
            from_above = found[0][0] if self.directions == 1 else found[0][0] + found[1][0]
            mask = self.masks[layer]
            from_above = (
                from_above if mask is None else from_above * bounds.rounded(mask, np.zeros_like(mask))
            )
        if self.problem.x.ndim == 3:
            named["dx"] = from_above
        return named | dict(zip(("dh", "dc"), on_states, strict=False)) | gradients

    def backward_direction(
        self, layer: int, d: int, dy: Approximate, dstate: list[Approximate], on_states: list[Approximate]
    ) -> tuple[Approximate, Rows]:
        """On its input and its parameters; those on the states go into `on_states`."""
        k, cell = layer * self.directions + d, cell_of(self.problem, layer, d)
        every: list[Rows] = []
        places = []
        for piece, steps, run in self.runs[k]:
            own_dy = dy[piece.places]
            after = [s[k, piece.samples] if piece.ends else zeros(*s[k, piece.samples].shape) for s in dstate]
            if steps:
                own_rows, before = cell.backward(steps, run, [own_dy[t] for t in range(len(steps))], *after)
                every.append(own_rows)
                places.append(piece.places)
            else:
                before = dict(zip(("dh0", "dc0"), after, strict=False))
            for s, name in zip(on_states, ("dh0", "dc0"), strict=False):
                if piece.starts:
                    put(s, (k, piece.samples), before[name])
        dx = zeros(*self.inputs[layer].shape)
        gradients = cell.gradients(
            {name: bounds.concatenate([r[name] for r in every], axis=0) for name in every[0]}
        )
        rows_of_dx, begin = gradients.pop("dx"), 0
        for where in places:
            shape = (*np.broadcast_shapes(where[0].shape, where[1].shape), dx.shape[2])
            count = shape[0] * shape[1]
            put(dx, where, rows_of_dx[begin : begin + count].reshape(*shape))
            begin += count
        names = {
            "dW": "W",
            "dR": "R",
            "db": "b",
            "db_Rn": "b_Rn",
            "dpeepholes": "peephole",
            "dprojection": "projection",
        }
        return dx, {names[name]: gradients[name] for name in names if name in gradients}
