"""What came beside what is right, variable by variable, in the order in which they are computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

RELATIVE, ABSOLUTE = 1e-6, 1e-9
"""Two right implementations differ by rounding alone; float32 is let pass, a mistake is not."""


class Pair(NamedTuple):
    """A variable: its name, where it is in the returned value, and its time step (None outside of caches)."""

    name: str
    place: str
    time: int | None
    right: Any
    got: Any
    structure: str = ""
    """What is wrong with the structure that it should be in, if so; `got` is None then."""

    @property
    def differs(self) -> bool:
        """Whether what came is not right."""
        return bool(self.structure) or not equal(self.right, self.got)


def equal(right: Any, got: Any) -> bool:
    """Whether two numbers, arrays or strings are the same, up to rounding; shapes count."""
    if isinstance(right, str) or right is None:
        return bool(type(got) is type(right) and got == right)
    numbers, expected = as_numbers(got), as_numbers(right)
    if numbers is None or expected is None or numbers.shape != expected.shape:
        return False
    if expected.size == 0:
        return True
    error = np.abs(numbers - expected).max()
    return bool(error <= RELATIVE * np.abs(expected).max() + ABSOLUTE)


def as_numbers(value: Any) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Take a value as an array of float64, or give None where it is none."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def pairs(right: Any, got: Any, name: str, place: str, time: int | None = None) -> Iterator[Pair]:
    """Go through a right value and what came in its place, down to arrays, numbers and strings."""
    if isinstance(right, Mapping):
        yield from _pairs_of_mapping(right, got, name, place, time)
    elif isinstance(right, tuple) or (isinstance(right, list) and not _is_numbers(right)):
        yield from _pairs_of_sequence(right, got, name, place, time)
    else:
        yield Pair(name, place, time, right, got)


def _pairs_of_mapping(
    right: Mapping[Any, Any], got: Any, name: str, place: str, time: int | None
) -> Iterator[Pair]:
    if not isinstance(got, Mapping):
        yield Pair(name, place, time, right, None, f"is {described(got)}, expected a dictionary")
        return
    for key, value in right.items():
        inner = key if isinstance(key, str) else name
        where = f"{place}[{key!r}]" if place else str(key)
        step = key if isinstance(key, int) else time
        if key in got:
            yield from pairs(value, got[key], inner, where, step)
        else:
            yield Pair(inner, where, step, value, None, "is missing")


def _pairs_of_sequence(
    right: Sequence[Any], got: Any, name: str, place: str, time: int | None
) -> Iterator[Pair]:
    fields = getattr(right, "_fields", None)
    if not isinstance(got, tuple | list) or len(got) != len(right):
        expected = f"{len(right)} values" + (f": {', '.join(fields)}" if fields else "")
        yield Pair(name, place, time, right, None, f"is {described(got)}, expected {expected}")
        return
    for k, (value, other) in enumerate(zip(right, got, strict=True)):
        inner = fields[k] if fields else f"{name}[{k}]"
        step = k if isinstance(right, list) else time
        yield from pairs(value, other, inner, f"{place}[{k}]", step)


def _is_numbers(value: list[Any]) -> bool:
    return all(isinstance(element, int | float | np.number) for element in value)


def described(value: Any) -> str:
    """Say what kind of thing a value is."""
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"a {type(value).__name__}"
