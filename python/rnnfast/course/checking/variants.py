"""The reference with one known mistake made in it."""

from __future__ import annotations

import functools
import importlib
import inspect
import types
from collections.abc import Callable
from typing import Any

from rnnfast.course.checking.mistakes import MISTAKES, Mistake


def mistakes_in(function: Callable[..., Any]) -> list[Mistake]:
    """The mistakes that can be made in the reference's `function`, and then those in what it may call.

    None where the package is installed without its sources.
    """
    try:
        own = inspect.getsource(function)
    except OSError:
        return []
    modules = _modules_below(function.__module__)
    found = [mistake for mistake in MISTAKES if mistake.module in modules]
    return sorted(found, key=lambda mistake: mistake.module != function.__module__ or mistake.old not in own)


def variant(function: Callable[..., Any], mistake: Mistake) -> Callable[..., Any]:
    """Make the mistake, and give the reference's `function` as it then is.

    Raises
    ------
    ValueError
        Where what the mistake changes is not once in the source, as after an edit of the reference.
    """
    wrong: Callable[..., Any] = _namespace(function.__module__, mistake)[function.__name__]
    return wrong


@functools.cache
def _namespace(module_name: str, mistake: Mistake) -> dict[str, Any]:
    """Run a module's source anew, with the mistake in it or in a module that it takes functions from."""
    module = importlib.import_module(module_name)
    source = inspect.getsource(module)
    if module_name == mistake.module:
        if source.count(mistake.old) != 1:
            raise ValueError(
                f"{module_name} has {mistake.old!r} {source.count(mistake.old)} times, expected once"
            )
        source = source.replace(mistake.old, mistake.new)
    namespace: dict[str, Any] = {"__name__": module_name}
    exec(compile(source, f"<{module_name}: {mistake.text}>", "exec", dont_inherit=True), namespace)
    for name, value in list(namespace.items()):
        if _is_imported(value, module_name) and mistake.module in _modules_below(value.__module__):
            namespace[name] = _namespace(value.__module__, mistake)[name]
    return namespace


@functools.cache
def _modules_below(module_name: str) -> frozenset[str]:
    """A module of the reference, and those that its functions come from."""
    found = {module_name}
    for value in vars(importlib.import_module(module_name)).values():
        if _is_imported(value, module_name):
            found |= _modules_below(value.__module__)
    return frozenset(found)


def _is_imported(value: Any, module_name: str) -> bool:
    """Whether a value is a function that a module of the reference took from another one."""
    return (
        isinstance(value, types.FunctionType)
        and value.__module__ != module_name
        and value.__module__.startswith("rnnfast.reference.")
    )
