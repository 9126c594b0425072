"""Checks of arguments that the three cells share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from rnnfast.reference._arrays import Floats, Parameters, floats, take

Cache = TypeVar("Cache", bound=NamedTuple)


def take_output(parameters: Parameters, W: str, n_a: int) -> tuple[Floats, Floats]:
    """Take the output layer: the weights named `W` [n_y, n_a], and by [n_y, 1]."""
    shapes: dict[str, Any] = {W: (None, n_a)}
    (weights,) = take(parameters, **shapes)
    (by,) = take(parameters, by=(len(weights), 1))
    return weights, by


def take_cache(kind: type[Cache], cache: Sequence[Any]) -> Cache:
    """Take any sequence of the values that `kind` names as a cache of that kind."""
    fields = kind._fields
    if len(cache) != len(fields):
        raise ValueError(f"cache has {len(cache)} values, expected {len(fields)}: {', '.join(fields)}")
    *arrays, parameters = cache
    n_a, m = floats("cache.a_next", arrays[0], None, None).shape
    checked = [
        floats(f"cache.{name}", array, None if name == "xt" else n_a, m)
        for name, array in zip(fields, arrays, strict=False)
    ]
    return kind._make([*checked, parameters])


def take_caches(caches: Sequence[Any], da: Floats) -> tuple[Sequence[Any], Floats]:
    """Take `caches` as ([one cache a step], x) with at least as many steps as `da` [n_a, m, T] has."""
    if len(caches) != 2:
        raise ValueError(f"caches has {len(caches)} values, expected 2: one cache a step, and x")
    steps, x = caches[0], floats("caches[1]", caches[1], None, da.shape[1], None)
    if len(steps) < da.shape[2]:
        raise ValueError(f"da has {da.shape[2]} steps, expected at most {len(steps)} as caches has")
    return steps, x
