from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

from rnnfast import reference

MODULES = sorted(module.name for module in pkgutil.iter_modules(reference.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    module = importlib.import_module(f"rnnfast.reference.{name}")
    result = doctest.testmod(module)
    assert result.failed == 0
    assert result.attempted > 0 or name.startswith("_")


def test_every_public_module_is_exported():
    assert reference.__all__ == [name for name in MODULES if not name.startswith("_")]


@pytest.mark.parametrize("name", MODULES)
def test_only_numpy_is_imported(name):
    allowed = {"__future__", "collections", "dataclasses", "math", "typing", "numpy", "rnnfast"}
    for node in ast.walk(ast.parse((Path(reference.__path__[0]) / f"{name}.py").read_text(encoding="utf-8"))):
        imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            imported = [node.module]
        for full_name in imported:
            assert full_name.split(".")[0] in allowed
            assert not full_name.startswith("rnnfast") or full_name.startswith("rnnfast.reference")
