"""The names that `rnnfast.music` offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rnnfast import music


@pytest.mark.parametrize("name", music.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert callable(getattr(music, name))


def test_improvise_is_the_function_and_not_the_module_of_that_name() -> None:
    code = "import rnnfast.music.improvisation; from rnnfast import music; print(callable(music.improvise))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, rnnfast.music; print({'matplotlib', 'rich', 'torch', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
