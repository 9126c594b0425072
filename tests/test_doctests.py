"""Every example in a docstring does what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import rnnfast

MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(rnnfast.__path__, "rnnfast.")
    if not info.name.endswith(("._core", ".__main__"))
)


@pytest.mark.parametrize("name", ["rnnfast", *MODULES])
def test_examples_in_docstrings(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert result.failed == 0, f"{result.failed} of {result.attempted} examples of {name}"


@pytest.mark.parametrize("name", ["model", "optim", "text", "runtime", "music.harmony", "reference.lstm"])
def test_the_main_modules_have_examples(name):
    assert doctest.testmod(importlib.import_module(f"rnnfast.{name}")).attempted > 0
