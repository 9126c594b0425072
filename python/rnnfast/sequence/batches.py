"""Sequences as they come in, padded or ragged, and the batches that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rnnfast._arguments import as_array, floats, tokens

Array = npt.NDArray[Any]
Lengths = npt.NDArray[np.int64]


class Batch(NamedTuple):
    """Some sequences, time-major, cut behind the longest of them.

    Attributes
    ----------
    x : (T, N) tokens or (T, N, D) numbers
    lengths : (N,) int64
    """

    x: Array
    lengths: Lengths


@dataclass(frozen=True)
class Sequences:
    """Sequences of one or of different lengths.

    Attributes
    ----------
    values : (N, T) int32, or (N, T, D) of the net's dtype
        Behind a sequence's end -1 or 0.
    lengths : (N,) int64
    """

    values: Array
    lengths: Lengths

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, chosen: slice) -> Sequences:
        return Sequences(self.values[chosen], self.lengths[chosen])

    def batch(self, chosen: Any) -> Batch:
        """Take those of some places."""
        lengths = self.lengths[chosen]
        steps = int(lengths.max(initial=0))
        return Batch(np.ascontiguousarray(self.values[chosen, :steps].swapaxes(0, 1)), lengths)

    def padded(self, name: str, values: Any, fill: float, dtype: npt.DTypeLike, width: int | None) -> Array:
        """Lay out what belongs to each step, (N, T) or (N, T, width), like the sequences themselves.

        Raises
        ------
        ValueError, TypeError
            Unless `values` has as many steps as the sequences, padded or ragged as they are.
        """
        array, lengths = _stacked(name, values, width is not None)
        same = np.array_equal(lengths, self.lengths) if lengths is not None else True
        if array.shape[:2] != self.values.shape[:2] or not same:
            came = array.shape if lengths is None else f"lengths {_few(lengths)}"
            raise ValueError(
                f"{name} has {came}, expected the steps of X: {self.values.shape[:2]}, lengths {_few(self.lengths)}"
            )
        return _typed(name, array, self.lengths, fill, dtype, width)


def sequences(
    X: Any, lengths: Any, *, vocab_size: int | None, input_size: int | None, dtype: Any
) -> Sequences:
    """Take X as a padded array or as a list of arrays, with tokens below `vocab_size` or vectors of `input_size`.

    Raises
    ------
    ValueError, TypeError
        For other shapes and dtypes, tokens outside -1 to vocab_size - 1, numbers that are not finite, lengths outside 0
        to T, and lengths where the list says them already.
    """
    array, own = _stacked("X", X, input_size is not None)
    if own is None:
        own = _lengths(lengths, *array.shape[:2])
    elif lengths is not None:
        raise ValueError("lengths: X is a list of sequences, which have their own")
    if vocab_size is None:
        return Sequences(_typed("X", array, own, 0, dtype, input_size), own)
    counts = within(own, array.shape[1])
    read = np.where(counts, array, 0) if array.dtype.kind in "iu" else array
    return Sequences(np.where(counts, tokens("X", read, vocab_size), np.int32(-1)), own)


def _typed(
    name: str, array: Array, lengths: Lengths, fill: float, dtype: npt.DTypeLike, width: int | None
) -> Array:
    """With `fill` behind the ends, of the dtype, and finite."""
    if width is not None and array.shape[-1] != width:
        raise ValueError(f"{name} has shape {array.shape}, expected {width} numbers a step")
    counts = within(lengths, array.shape[1]).reshape(*array.shape[:2], *[1] * (array.ndim - 2))
    own = np.where(counts, array, np.zeros((), array.dtype))
    typed = (_integers if np.dtype(dtype).kind == "i" else _floats)(name, own, np.dtype(dtype))
    return np.where(counts, typed, np.array(fill, dtype))


def _integers(name: str, array: Array, dtype: np.dtype[Any]) -> Array:
    """Of the dtype, none of them wrapped around."""
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}, expected integers")
    range_of = np.iinfo(dtype)
    if array.size and not (array.min() >= range_of.min and array.max() <= range_of.max):
        raise ValueError(f"{name} has {array.min()} to {array.max()}, expected integers of {dtype}")
    return array.astype(dtype)


def _floats(name: str, array: Array, dtype: np.dtype[Any]) -> Array:
    """Of the dtype, and finite."""
    own = floats(name, array, array.dtype)
    if not np.isfinite(own).all():
        n, t = (int(i) for i in np.argwhere(~np.isfinite(own))[0][:2])
        raise ValueError(f"{name}[{n}, {t}] is not finite")
    with np.errstate(over="ignore"):
        typed = own.astype(dtype)
    if not np.isfinite(typed).all():
        raise ValueError(f"{name} has numbers that are not finite in {dtype}")
    return typed


def _stacked(name: str, values: Any, has_width: bool) -> tuple[Array, Lengths | None]:
    """One array (N, T) or (N, T, D), and the lengths where `values` is a list of arrays."""
    expected = "(N, T, D)" if has_width else "(N, T)"
    if not isinstance(values, np.ndarray) and isinstance(values, Sequence):
        return _of_list(name, list(values), 1 + has_width)
    array = as_array(name, values)
    if array.ndim != 2 + has_width:
        raise ValueError(f"{name} has shape {array.shape}, expected {expected}, or a list of N arrays")
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} has dtype {array.dtype}, expected numbers")
    return array, None


def _of_list(name: str, items: list[Any], dimensions: int) -> tuple[Array, Lengths]:
    arrays = [as_array(f"{name}[{n}]", item) for n, item in enumerate(items)]
    if not arrays:
        raise ValueError(f"{name} is empty, expected at least one sequence")
    trailing = arrays[0].shape[1:]
    for n, array in enumerate(arrays):
        if array.ndim != dimensions or array.shape[1:] != trailing:
            expected = (
                f"(T, {trailing[0]})" if trailing and dimensions == 2 else ("(T,)", "(T, D)")[dimensions - 1]
            )
            raise ValueError(f"{name}[{n}] has shape {array.shape}, expected {expected}")
        if array.dtype.kind not in "iuf" and array.size:
            raise TypeError(f"{name}[{n}] has dtype {array.dtype}, expected numbers")
    lengths = np.array([len(array) for array in arrays], np.int64)
    filled = [array.dtype for array in arrays if array.size]  # an empty list would count as float64
    dtype = np.result_type(*filled) if filled else np.int64
    whole = np.zeros((len(arrays), int(lengths.max()), *trailing), dtype)
    for row, array in zip(whole, arrays, strict=True):
        row[: len(array)] = array
    return whole, lengths


def _lengths(lengths: Any, N: int, T: int) -> Lengths:
    if lengths is None:
        return np.full(N, T, np.int64)
    array = as_array("lengths", lengths)
    if array.shape != (N,):
        raise ValueError(f"lengths has shape {array.shape}, expected {(N,)}")
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"lengths has dtype {array.dtype}, expected integers")
    if array.size and not (array.min() >= 0 and array.max() <= T):
        raise ValueError(f"lengths has {array.min()} to {array.max()}, expected 0 to {T} = T")
    return np.ascontiguousarray(array, dtype=np.int64)


def within(lengths: Lengths, steps: int) -> npt.NDArray[np.bool_]:
    """(N, T): whether a step is before its sequence's end."""
    counts: npt.NDArray[np.bool_] = np.arange(steps) < lengths[:, np.newaxis]
    return counts


def _few(lengths: Lengths) -> str:
    shown = ", ".join(map(str, lengths[:3]))
    return f"{shown}, ..." if len(lengths) > 3 else shown
