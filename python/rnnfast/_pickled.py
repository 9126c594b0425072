"""What pickle and copy bring back: checked as a saved file is, before any object changes."""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from typing import Any, TypeVar

_T = TypeVar("_T")


@contextlib.contextmanager
def unpickling(owner: object) -> Iterator[None]:
    """Make a ValueError, which says whose state it was, of whatever is wrong with a state."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{type(owner).__name__}: the pickled state is damaged: {type(error).__name__}: {error}"
        ) from error


def entry(state: Any, name: str, kind: type[_T]) -> _T:
    """Take the entry `name` of a state, which is a `kind`.

    Raises
    ------
    ValueError, TypeError
        Where it is missing, or something else.
    """
    if not isinstance(state, dict):
        raise TypeError(f"it is of type {type(state).__name__}, expected dict")
    if name not in state:
        raise ValueError(f"{name} is missing, there are {', '.join(map(str, state)) or 'no entries'}")
    value = state[name]
    if not isinstance(value, kind):
        raise TypeError(f"{name} is of type {type(value).__name__}, expected {kind.__name__}")
    return value


def without(attributes: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """All attributes but those."""
    return {name: value for name, value in attributes.items() if name not in names}


def attributes(owner: object, state: Mapping[Any, Any], names: Collection[str]) -> dict[str, Any]:
    """All entries of a state but those, which `owner` is to have.

    Raises
    ------
    TypeError
        For one that is no attribute, or would take the place of a method without being a function.
    """
    others = without(state, names)
    for name, value in others.items():
        if not isinstance(name, str):
            raise TypeError(f"the attribute {name!r} is of type {type(name).__name__}, expected str")
        if inspect.isroutine(getattr(type(owner), name, None)) and not callable(value):
            raise TypeError(f"{name} is of type {type(value).__name__}, expected the method of that name")
    return others


def complete(record: _T) -> _T:
    """Take a copy of a dataclass that can be made without arguments, after a look at all its fields.

    Raises
    ------
    ValueError, TypeError
        Where one is missing, or is of another type than its default.
    """
    for name, default in vars(type(record)()).items():
        entry(vars(record), name, type(default))
    return copy.deepcopy(record)


def settings_of(owner: Any, state: Any, others: Collection[str] = ()) -> Any:
    """Make what `owner`, a dataclass whose `native()` checks its fields, would be with those of `state`.

    Raises
    ------
    ValueError, TypeError
        Where one is missing or out of its range, or there is something else than fields and `others`.
    """
    own = {field.name: entry(state, field.name, object) for field in fields(owner)}
    for name in without(state, (*own, *others)):
        raise ValueError(f"{name!r} is no part of it, expected {', '.join(own)}")
    twin = object.__new__(type(owner))
    vars(twin).update(own)
    twin.native()
    return twin


def become(owner: object, twin: object) -> None:
    """Give `owner`, which may be frozen, the attributes of `twin` and no others."""
    vars(owner).clear()
    vars(owner).update(vars(twin))
