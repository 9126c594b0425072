"""Golden files: what other frameworks have written, and what they computed with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def golden():
    """The folder of golden files; each framework's maker script is beside it."""
    return GOLDEN


@pytest.fixture(scope="session")
def answers():
    """Framework -> name of a value -> array, as the framework computed it."""
    return {path.parent.name: dict(np.load(path)) for path in sorted(GOLDEN.glob("*/answers.npz"))}
