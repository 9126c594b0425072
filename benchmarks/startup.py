"""Row 10: what it takes before the first token: import, installed size, first `generate`."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import rnnfast
from benchmarks.harness import CLOCKS, REPEATS, Measure, clock_name

IMPORT = """
import time, numpy
begin = time.{clock}()
import rnnfast
print(1e3 * (time.{clock}() - begin))
"""
FIRST_TOKENS = """
import time, rnnfast
model = rnnfast.LanguageModel(90, 64)
begin = time.{clock}()
model.generate(50)
print(1e3 * (time.{clock}() - begin))
"""


def rows_alone(isas: Sequence[str]) -> Iterator[Measure]:
    """Each in a new process of its own."""
    for name, script, most in (
        ("import rnnfast, after numpy", IMPORT, 30),
        ("first generate, 50 tokens", FIRST_TOKENS, 2),
    ):
        times = [_milliseconds(script) for _ in range(REPEATS)]
        values = statistics.median(times), min(times), max(times)
        yield Measure.of(10, name, rnnfast.active_isa(), "ms", values, at_most=most)
    size = installed_size() / 1e6
    yield Measure.of(10, "installed size", "", "MB", (size, size, size), at_most=3)


def installed_size() -> int:
    """Bytes of the package as a wheel installs it: no caches of compiled Python."""
    package = Path(rnnfast.__file__).parent
    files = (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sum(path.stat().st_size for path in files)


def _milliseconds(script: str) -> float:
    timed = script.format(clock=CLOCKS[clock_name()].__name__)
    answer = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)
    return float(answer.stdout)
