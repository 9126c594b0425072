"""Checks of what `set_parameters` is given, for every class that has parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]


def dtype_name(dtype: npt.DTypeLike) -> str:
    """Return "float32" or "float64".

    Raises
    ------
    ValueError
        For any other dtype.
    """
    try:
        name = "None" if dtype is None else np.dtype(dtype).name
    except TypeError:
        name = repr(dtype)
    if name not in ("float32", "float64"):
        raise ValueError(f"dtype is {name}, expected float32 or float64")
    return name


def check_arrays(
    arrays: Mapping[str, Floats], expected: Iterable[tuple[str, tuple[int, ...]]], dtype: npt.DTypeLike
) -> None:
    """Check that `arrays` has these names, shapes and dtype, before anything of the claimed size is allocated.

    `expected` may have no end: the first name that is missing ends it.

    Raises
    ------
    ValueError
        Naming the array.
    """
    own, names = np.dtype(dtype), set()
    for name, shape in expected:
        if name not in arrays:
            raise ValueError(f"{name} is missing")
        if arrays[name].shape != shape or arrays[name].dtype != own:
            raise ValueError(f"{name} is {arrays[name].dtype} {arrays[name].shape}, expected {own} {shape}")
        names.add(name)
    for name in sorted(set(arrays) - names):
        raise ValueError(f"{name} is no part of such a model or layer")


def checked_parameters(
    mapping: Mapping[str, npt.ArrayLike], own: Mapping[str, Floats]
) -> list[Floats | None]:
    """Give the new value of each of `own`, in their order and dtype, None where it stays. Nothing has changed then.

    Raises
    ------
    ValueError
        For a name that `own` does not have, another shape, or a number that is not finite.
    TypeError
        For anything but a mapping to real numbers.
    """
    if not isinstance(mapping, Mapping):
        raise TypeError(f"set_parameters: mapping is {mapping!r}, expected a mapping of names to arrays")
    unknown = sorted(set(mapping) - set(own))
    if unknown:
        raise ValueError(f"set_parameters: no parameter {unknown[0]!r}, expected of {', '.join(own)}")
    new = {name: _parameter(name, value, own[name]) for name, value in mapping.items()}
    return [new.get(name) for name in own]


def _parameter(name: str, value: npt.ArrayLike, own: Floats) -> Floats:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"set_parameters: {name} is ragged, expected {own.shape}") from error
    if array.dtype.kind not in "iuf":
        raise TypeError(f"set_parameters: {name} has dtype {array.dtype}, expected real numbers")
    if array.shape != own.shape:
        raise ValueError(f"set_parameters: {name} has shape {array.shape}, expected {own.shape}")
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(array, dtype=own.dtype)
    if not np.isfinite(array).all():
        raise ValueError(f"set_parameters: {name} has numbers that are not finite in {own.dtype}")
    return array
