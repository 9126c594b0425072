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
    h, c : (L, N, H) array of the model's dtype
        Hidden and cell state of each layer.
    position : (N,) uint64
        Tokens drawn so far in each stream: where its random numbers go on.
    """

    h: Floats
    c: Floats
    position: npt.NDArray[np.uint64]

    def __repr__(self) -> str:
        shape = np.shape(self.h)
        return f"<State: h and c {shape}, position {np.shape(self.position)}>"


def checked_state(state: Any, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> State:
    """Take `state` as a State of shape (L, N, H), its arrays contiguous and of the model's dtype.

    Raises
    ------
    TypeError
        Unless it is a State of real numbers and integer positions.
    ValueError
        For another shape.
    """
    expect_state(state)
    arrays = {}
    for name, kinds, expected in (("h", "iuf", shape), ("c", "iuf", shape), ("position", "iu", shape[1:2])):
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
        np.ascontiguousarray(arrays["c"], dtype=dtype),
        np.ascontiguousarray(arrays["position"], dtype=np.uint64),
    )


def expect_state(state: Any) -> None:
    """Raise TypeError unless `state` is a State."""
    if not isinstance(state, State):
        raise TypeError(f"state is a {type(state).__name__}, expected a State, as step and predict return it")
