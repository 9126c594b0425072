"""Array types, and the checks of arguments that every module shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]
Parameters = Mapping[str, ArrayLike]
Gradients = dict[str, Floats]


def floats(name: str, value: ArrayLike, *shape: int | None) -> Floats:
    """Take `value` as float64 of `shape`, in which None stands for any length; no `shape` allows all."""
    array = np.asarray(value, dtype=np.float64)
    fits = array.shape == shape or (  # at once in the usual case: a cell's cache holds ten arrays
        len(shape) == array.ndim
        and all(want in (None, got) for want, got in zip(shape, array.shape, strict=True))
    )
    if shape and not fits:
        expected = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"{name} has shape {array.shape}, expected ({expected})")
    return array


def tokens(name: str, value: ArrayLike, size: int, *, ndim: int | None = None) -> Integers:
    """Take `value` as integers of at least -1 (no token) and below `size`."""
    array = np.asarray(value)
    if array.size == 0 and not isinstance(value, np.ndarray):
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}, expected integers")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} has shape {array.shape}, expected {ndim} dimensions")
    if array.size and not (array.min() >= -1 and array.max() < size):
        outside = array.min() if array.min() < -1 else array.max()
        raise ValueError(f"{name} holds {outside}, expected tokens from -1 (none) to {size - 1}")
    return array


def take(
    parameters: Parameters, /, what: str = "parameters", **shapes: tuple[int | None, int | None]
) -> list[Floats]:
    """Take from a dictionary the arrays that `shapes` names, each of its shape (None: any length)."""
    missing = [name for name in shapes if name not in parameters]
    if missing:
        raise ValueError(f"{what} has no {', '.join(missing)}, expected {', '.join(shapes)}")
    return [floats(f"{what}[{name!r}]", parameters[name], *shape) for name, shape in shapes.items()]
