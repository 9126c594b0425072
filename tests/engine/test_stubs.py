"""The compiled module and what its stub says of it; types of the whole package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rnnfast

PACKAGE = Path(rnnfast.__file__).parent
CLASSES = [
    "FitProgress",
    "LanguageModelF32",
    "LanguageModelF64",
    "OptimizerConfig",
    "OptimizerStateF32",
    "OptimizerStateF64",
]
IGNORED = "".join(rf"rnnfast\._core\.{name}" + "\n" for name in CLASSES)
"""Only that these have pybind11's own metaclass; their members are compared."""


def run(module, *arguments, cwd=None):
    pytest.importorskip("mypy")
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=os.environ | {"PYTHONPATH": str(PACKAGE.parent), "MYPYPATH": str(PACKAGE.parent)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_stub_agrees_with_the_compiled_module(tmp_path):
    allowlist = tmp_path / "allowlist"
    allowlist.write_text(IGNORED)
    done = run("mypy.stubtest", "rnnfast._core", "--allowlist", str(allowlist), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_passes_mypy_strict(tmp_path):
    config = PACKAGE.parent.parent / "pyproject.toml"
    if not config.exists():
        pytest.skip("not in the source tree: mypy WAS NOT RUN")
    done = run(
        "mypy", "--config-file", str(config), "--cache-dir", str(tmp_path), "-p", "rnnfast", cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout
