"""Fixtures that every test shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real inputs (MIDI files, texts) that RNNFAST_TEST_DATA names."""
    folder = os.environ.get("RNNFAST_TEST_DATA")
    if not folder:
        pytest.skip("RNNFAST_TEST_DATA is not set: tests on real MIDI files and texts DID NOT RUN")
    return Path(folder)
