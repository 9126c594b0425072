"""What pickle and copy bring back: checked as a saved file is, before any object changes."""

from __future__ import annotations

import contextlib
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


def restore_settings(settings: Any, state: Any) -> None:
    """Give a dataclass that has `native()`, which checks its fields, the attributes of `state`: all or none."""
    with unpickling(settings):
        for field in fields(settings):
            entry(state, field.name, object)
        trial = object.__new__(type(settings))
        vars(trial).update(state)
        trial.native()
    vars(settings).update(state)
