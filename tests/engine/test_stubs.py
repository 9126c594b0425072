"""The compiled module is what its stub says it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import rnnfast

CLASSES = [
    "Constraint",
    "CosineDecay",
    "DenseF32",
    "DenseF64",
    "EmbeddingF32",
    "EmbeddingF64",
    "ExponentialDecay",
    "FitProgress",
    "InverseTimeDecay",
    "LanguageModelF32",
    "LanguageModelF64",
    "LearningRate",
    "OptimizerConfig",
    "RecurrentF32",
    "RecurrentF64",
    "RunF32",
    "RunF64",
    "SamplerConfig",
    "SessionF32",
    "SessionF64",
    "StepDecay",
    "TokenIteratorF32",
    "TokenIteratorF64",
    "TrainableF32",
    "TrainableF64",
]
IGNORED = "".join(rf"rnnfast\._core\.{name}" + "\n" for name in CLASSES)
"""Only that these have pybind11's own metaclass; their members are compared."""


def test_the_stub_agrees_with_the_compiled_module(tmp_path):
    (tmp_path / "allowlist").write_text(IGNORED)
    # mypy reads what is installed by itself, and refuses to be told of it again
    folder = str(Path(rnnfast.__file__).parent.parent)
    is_installed = Path(folder).name == "site-packages"
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "rnnfast._core", "--allowlist", "allowlist"],
        env=os.environ | ({} if is_installed else {"PYTHONPATH": folder, "MYPYPATH": folder}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
