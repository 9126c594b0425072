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


@pytest.mark.parametrize(
    "name", sorted(set(reference.steps.__all__) ^ set(reference.dinosaur.__all__) - {"model"})
)
def test_the_exercises_functions_are_at_hand(name):
    exercise = reference.steps if name in reference.steps.__all__ else reference.dinosaur
    assert getattr(reference, name) is getattr(exercise, name)
    assert name in dir(reference)


@pytest.mark.parametrize("name", sorted(set(reference.steps.__all__) & set(reference.dinosaur.__all__)))
def test_a_name_that_two_exercises_have_is_in_either(name):
    assert name not in dir(reference)
    with pytest.raises(
        AttributeError, match=f"no '{name}' of its own: take steps.{name} or dinosaur.{name}$"
    ):
        getattr(reference, name)


def test_other_names_are_as_they_were():
    assert reference.model is importlib.import_module("rnnfast.reference.model")
    assert dir(reference).count("model") == 1
    with pytest.raises(
        AttributeError, match=r"module 'rnnfast.reference' has no attribute 'lstm_backwards'$"
    ):
        reference.lstm_backwards  # noqa: B018


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
