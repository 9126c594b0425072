"""Checks of single arguments that the public modules share. Messages name the argument and what came."""

from __future__ import annotations

import numbers
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt


def integer(name: str, value: Any) -> int:
    """Take `value` as an integer that fits 32 bits, so that sizes made of a few of them fit 64."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}, expected an integer") from None
    if isinstance(value, bool | np.bool_) or abs(number) >= 2**31:
        raise ValueError(f"{name} is {value!r}, expected an integer below 2^31")
    return number


def thread_count(value: Any) -> int:
    """Take `value` as a number of threads for the native code, where 0 is "as many as pay"."""
    if value is None:
        return 0
    number = integer("num_threads", value)
    if not 1 <= number <= 1024:
        raise ValueError(f"num_threads is {value}, expected 1 to 1024, or None for as many as pay")
    return number


def seed(value: Any, name: str = "seed") -> int:
    """Take `value` as a seed of random numbers."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}, expected an integer") from None
    if isinstance(value, bool | np.bool_) or not 0 <= number < 2**64:
        raise ValueError(f"{name} is {value!r}, expected 0 to 2^64 - 1")
    return number


def counter(name: str, value: Any) -> int:
    """Take `value`, which was read, as a count that the native code goes on with."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ValueError(f"{name} is {value!r}, expected at least 0, below 2^63")
    return value


def real(name: str, value: Any) -> float:
    """Take `value` as a float; its range is for the native code to check."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, expected a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} is too large for a float") from None


def cell_name(cell: Any, nonlinearity: Any, reset_after: Any) -> str:
    """Return the native name of a cell with its options."""
    if cell not in ("lstm", "gru", "rnn"):
        raise ValueError(f"cell is {cell!r}, expected 'lstm', 'gru' or 'rnn'")
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"nonlinearity is {nonlinearity!r}, expected 'tanh' or 'relu'")
    if cell == "rnn":
        return f"rnn_{nonlinearity}"
    return "gru_reset_before" if cell == "gru" and not reset_after else str(cell)


def as_array(name: str, values: Any) -> npt.NDArray[Any]:
    """Take `values` as an array, of whatever dtype."""
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is ragged, expected an array") from error


def iterator(name: str, values: Any, expected: str) -> Iterator[Any]:
    """Iterate over `values`; TypeError, with what was expected, where that cannot be."""
    try:
        return iter(values)
    except TypeError:
        raise TypeError(f"{name} is {values!r}, expected {expected}") from None


def floats(name: str, values: Any, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Take real numbers as a C-contiguous array of `dtype`; a view where they are one already."""
    array = as_array(name, values)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} has dtype {array.dtype}, expected real numbers")
    return np.ascontiguousarray(array, dtype=dtype).reshape(array.shape)


def tokens(name: str, values: Any, count: int) -> npt.NDArray[np.int32]:
    """Take integers from -1 to `count` - 1 as a C-contiguous array of int32."""
    array = as_array(name, values)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"{name} has dtype {array.dtype}, expected integers")
    if array.size and (array.min() < -1 or array.max() >= count):
        raise ValueError(f"{name} has {array.min()} to {array.max()}, expected -1 to {count - 1}")
    return np.ascontiguousarray(array, dtype=np.int32).reshape(array.shape)
