"""Fixtures that every test shares, and what the summary says besides passes and failures."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real inputs (MIDI files, texts) that RNNFAST_TEST_DATA names."""
    folder = os.environ.get("RNNFAST_TEST_DATA")
    if not folder:
        pytest.skip("RNNFAST_TEST_DATA is not set: tests on real MIDI files and texts DID NOT RUN")
    return Path(folder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests passed on which instruction set: one that did not run must not look tested."""
    passed = Counter(
        value
        for report in terminalreporter.stats.get("passed", [])
        for name, value in report.user_properties
        if name == "isa"
    )
    if passed:
        import rnnfast

        counts = ", ".join(f"{isa}: {passed[isa]} passed" for isa in rnnfast._core.known_isas())
        terminalreporter.write_line(f"instruction sets: {counts}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With RNNFAST_NO_SKIPS set (as .ci/run does), a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("RNNFAST_NO_SKIPS") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
