"""Time does not depend on values: a layer whose numbers are subnormal, against the same layer on normal ones.

Forward and backward on every instruction set of the machine. `fading`: states and gradients halve at every step, and
are subnormal after 32. `faint`: products, a gate and gradients are subnormal at every step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import rnnfast
from benchmarks.harness import Peer, Row, compare
from benchmarks.peers import Peers
from rnnfast import _core

Floats = npt.NDArray[Any]

T, N, D, H = 128, 4, 32, 32
SUBNORMAL_GATE = {np.float32: -88.0, np.float64: -709.0}
"""The sigmoid of it is subnormal."""


def arguments(dtype: Any) -> dict[str, Floats]:
    """A layer's arguments, all of them normal numbers."""
    r = np.random.default_rng(0)
    shapes = {
        "x": (T, N, D),
        "W": (D, 4 * H),
        "R": (H, 4 * H),
        "b": (4 * H,),
        "h0": (N, H),
        "c0": (N, H),
        "dh_out": (T, N, H),
        "dh_last": (N, H),
        "dc_last": (N, H),
    }
    return {name: r.uniform(-0.2, 0.2, shape).astype(dtype) for name, shape in shapes.items()}


def fading(dtype: Any) -> dict[str, Floats]:
    """No input, no bias, and no gradient but the last one."""
    given = arguments(dtype)
    given["R"] /= H
    for name in ("h0", "c0", "dh_last", "dc_last"):
        given[name] *= float(np.finfo(dtype).tiny) * 2**32
    return given | {name: np.zeros_like(given[name]) for name in ("x", "b", "dh_out")}


def faint(dtype: Any) -> dict[str, Floats]:
    """Inputs and weights whose products are subnormal, input gates that are, and gradients too."""
    given = arguments(dtype)
    tiny = float(np.finfo(dtype).tiny)
    given["x"] *= np.sqrt(tiny)
    given["W"] *= np.sqrt(tiny)
    given["b"][:H] = SUBNORMAL_GATE[dtype]
    for name in ("h0", "c0", "dh_out", "dh_last", "dc_last"):
        given[name] *= 4 * tiny
    return given


def run(given: dict[str, Floats]) -> list[Floats]:
    """Forward and backward: all results."""
    weights = given["W"], given["R"], given["b"]
    forward = _core.lstm_forward(given["x"], *weights, given["h0"], given["c0"])
    back = _core.lstm_backward(
        given["dh_out"], given["x"], *forward, *weights, given["dh_last"], given["dc_last"]
    )
    return [*forward, *back.values()]


def verify(given: dict[str, Floats]) -> None:
    """Nothing may be left subnormal, and much must have been flushed."""
    h, *others = run(given)
    tiny = np.finfo(h.dtype).tiny
    if any(((array != 0) & (np.abs(array) < tiny)).any() for array in (h[1:], *others[1:])):
        raise AssertionError("a result is subnormal: nothing to time")
    if (h[len(h) // 2 :] == 0).mean() < 0.5:
        raise AssertionError("the states are not subnormal: nothing to time")


CASES: dict[str, Callable[[Any], dict[str, Floats]]] = {"fading": fading, "faint": faint}


def rows(peers: Peers) -> Iterator[Row]:
    """A ratio of 1 is what we promise; of other libraries there is none here."""
    del peers
    before = rnnfast.active_isa()
    try:
        for isa in rnnfast.available_isas():
            rnnfast.set_isa(isa)
            for dtype in (np.float32, np.float64):
                normal = arguments(dtype)
                theirs = Peer("rnnfast, normal numbers", lambda given=normal: run(given))
                for name, make in CASES.items():
                    given = make(dtype)
                    verify(given)
                    ours = Peer("rnnfast", lambda given=given: run(given))
                    workload = f"{name} {np.dtype(dtype).name}, {isa}"
                    yield compare(workload, "step", T, ours, theirs)
    finally:
        rnnfast.set_isa(before)
