"""The examples run, and say and write what they promise."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
NAMES = ("step_by_step", "dinosaur_island", "jazz_solo")


TWO_MINUTES = 120
"""What a user waits at most for a script, or for all of a notebook."""


def run(name: str, folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    environment = os.environ | {"MPLBACKEND": "agg"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TWO_MINUTES, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_tested() -> None:
    names = {f"{name}{suffix}" for name in NAMES for suffix in (".py", ".ipynb")} | {"encoder_decoder.py"}
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == names


@pytest.mark.notebooks
@pytest.mark.parametrize("name", NAMES)
def test_notebooks_run_from_top_to_bottom(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbclient
    import nbformat

    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells), "committed without outputs"
    client = nbclient.NotebookClient(notebook, resources={"metadata": {"path": tmp_path}})
    asyncio.run(asyncio.wait_for(client.async_execute(), TWO_MINUTES))
    shown = {
        kind
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    }
    assert "image/png" in shown
    assert ("text/html" in shown) == (name == "jazz_solo"), "the player of the solo"


def test_step_by_step(tmp_path: Path) -> None:
    printed = run("step_by_step.py", tmp_path)
    words = next(line for line in printed.splitlines() if line.startswith("dWf")).split()
    assert float(words[2]) == pytest.approx(float(words[-1]), rel=1e-5)
    assert "the sum over the batch is missing in dba" in printed
    assert (tmp_path / "gates.png").stat().st_size > 10_000


def test_dinosaur_island(tmp_path: Path) -> None:
    printed = run("dinosaur_island.py", tmp_path)
    assert "907 names, 27 characters" in printed
    assert printed.count("Iteration: ") == 16
    invented = printed.splitlines()[-1].split(", ")
    assert len(invented) == 10
    assert sum(name.endswith("us") for name in invented) >= 3


def test_jazz_solo(tmp_path: Path) -> None:
    printed = run("jazz_solo.py", tmp_path)
    assert "Your generated music is saved in output/my_music.midi" in printed
    for name in ("loss.png", "roll.png", "output/my_music.midi", "output/rendered.wav"):
        assert (tmp_path / name).stat().st_size > 1_000, name


def test_jazz_solo_of_a_tune_of_ones_own(tmp_path: Path, data_dir: Path) -> None:
    tune = next(path for path in (data_dir / "midi").iterdir() if "cuckoos" in path.name)
    from rnnfast import music

    melody, chords = (part.name for part in music.read_midi(tune).parts[:2])
    assert "windows of 30 values" in run("jazz_solo.py", tmp_path, str(tune), melody, chords)
