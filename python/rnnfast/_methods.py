"""Methods that are written in a file of their own, next to what only they need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


def method_of(module: str, owner: str) -> Callable[[_F], _F]:
    """Make a function say, in messages, help and pickles, that it is a method of the class `owner`.

    As a method's, its `self` is not annotated when the program runs: the class is made after the function.

    Parameters
    ----------
    module : str
        Where the class is.
    owner : str
        Its name; it has the function as an attribute of the same name.
    """

    def name(function: _F) -> _F:
        function.__module__, function.__qualname__ = module, f"{owner}.{function.__name__}"
        del function.__annotations__["self"]
        return function

    return name
