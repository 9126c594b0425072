"""The instruction set and the precision as parameters of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import rnnfast

from .cases import CELLS

FMA_ISAS = [name for name in rnnfast.available_isas() if name != "scalar"]
"""Those that must agree in every bit."""


@pytest.fixture(params=rnnfast.available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test runs once on each instruction set that the machine has."""
    before = rnnfast.active_isa()
    rnnfast.set_isa(request.param)
    request.node.user_properties.append(("isa", request.param))
    yield request.param
    rnnfast.set_isa(before)


@pytest.fixture(params=[np.float32, np.float64], ids=["f32", "f64"])
def dtype(request: pytest.FixtureRequest) -> type:
    return request.param


@pytest.fixture(params=CELLS)
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """make(T, N, D, H, dtype): a problem of one recurrent layer, for each cell."""
    return CELLS[request.param]


@pytest.fixture
def run_on() -> Iterator[Callable[[str, Callable[[], Any]], Any]]:
    """run_on(isa, f): what f() gives on that instruction set."""
    before = rnnfast.active_isa()

    def run(name: str, function: Callable[[], Any]) -> Any:
        rnnfast.set_isa(name)
        return function()

    yield run
    rnnfast.set_isa(before)
