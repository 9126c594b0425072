"""Where streams are: a value that goes into a call and comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]


@dataclass(frozen=True)
class State:
    """Where N streams are: give it to a call, get the next one back. Nothing is hidden in the model.

    Attributes
    ----------
    h : (L, N, H) array of the model's dtype
        Hidden state of each layer.
    c : (L, N, H) array of the model's dtype, or None
        Cell state of each layer; None but for LSTM.
    position : (N,) uint64
        Tokens drawn so far in each stream: where its random numbers go on.
    """

    h: Floats
    c: Floats | None
    position: npt.NDArray[np.uint64]

    def __repr__(self) -> str:
        shape = np.shape(self.h)
        names = "h" if self.c is None else "h and c"
        return f"<State: {names} {shape}, position {np.shape(self.position)}>"


def zero_state(shape: tuple[int, int, int], dtype: np.dtype[Any], *, has_c: bool) -> State:
    """Make the state (L, N, H) before anything was read."""
    c = np.zeros(shape, dtype) if has_c else None
    return State(np.zeros(shape, dtype), c, np.zeros(shape[1], dtype=np.uint64))


def native_c(state: State) -> Floats:
    """State's c as the native code takes it: empty, (0, N, H), where there is none."""
    return np.empty((0, *state.h.shape[1:]), state.h.dtype) if state.c is None else state.c


def checked_state(
    state: Any, shape: tuple[int, int, int], dtype: np.dtype[Any], *, has_c: bool = True
) -> State:
    """Take `state` as a State of shape (L, N, H), its arrays contiguous and of the model's dtype.

    Raises
    ------
    TypeError
        Unless it is a State of real numbers and integer positions.
    ValueError
        For another shape.
    """
    expect_state(state)
    if (state.c is None) == has_c:
        wanted = f"an array {shape}" if has_c else "None: the model's cell has no c"
        raise ValueError(f"state.c is {'None' if has_c else 'an array'}, expected {wanted}")
    arrays = {}
    expectations = [("h", "iuf", shape), ("position", "iu", shape[1:2])]
    for name, kinds, expected in [*expectations, *([("c", "iuf", shape)] if has_c else [])]:
        array = np.asarray(getattr(state, name))
        if array.shape != expected:
            raise ValueError(f"state.{name} has shape {array.shape}, expected {expected}")
        if array.dtype.kind not in kinds:
            wanted = "real numbers" if "f" in kinds else "integers"
            raise TypeError(f"state.{name} has dtype {array.dtype}, expected {wanted}")
        arrays[name] = array
    if arrays["position"].size and arrays["position"].min() < 0:
        raise ValueError(f"state.position has {arrays['position'].min()}, expected at least 0")
    return State(
        np.ascontiguousarray(arrays["h"], dtype=dtype),
        np.ascontiguousarray(arrays["c"], dtype=dtype) if has_c else None,
        np.ascontiguousarray(arrays["position"], dtype=np.uint64),
    )


def expect_state(state: Any) -> None:
    """Raise TypeError unless `state` is a State."""
    if not isinstance(state, State):
        raise TypeError(f"state is a {type(state).__name__}, expected a State, as step and predict return it")
