from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

from rnnfast import reference

FILES = sorted(Path(reference.__path__[0]).rglob("*.py"))
WITHOUT_EXAMPLES = {"rnnfast.reference.dinosaur.plan"}  # `training.model` has them
MODULES = sorted(module.name for module in pkgutil.iter_modules(reference.__path__))


def module_name(path):
    return ".".join(["rnnfast", "reference", *path.relative_to(reference.__path__[0]).with_suffix("").parts])


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_examples_in_docstrings(path):
    name = module_name(path)
    result = doctest.testmod(importlib.import_module(name.removesuffix(".__init__")))
    assert result.failed == 0
    assert result.attempted > 0 or "._" in name or name in WITHOUT_EXAMPLES


def test_every_public_module_is_exported():
    assert reference.__all__ == [name for name in MODULES if not name.startswith("_")]


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_only_numpy_is_imported(path):
    allowed = {"__future__", "collections", "dataclasses", "math", "typing", "numpy", "rnnfast"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            imported = [node.module]
        for full_name in imported:
            assert full_name.split(".")[0] in allowed
            assert not full_name.startswith("rnnfast") or full_name.startswith("rnnfast.reference")
