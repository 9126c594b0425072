"""Time rnnfast and a peer on the same work, in turn, after showing that both compute the same.

Machines are shared and noisy: the figure to quote is the ratio, taken pair by pair in one run.
"""

from __future__ import annotations

import gc
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import rnnfast
from benchmarks.environment import threads

REPEATS = 7  # at least
LONG_ENOUGH = 2.0  # seconds of turns, after which no more than REPEATS are taken
MOST_REPEATS = 31
REST = 0.1  # seconds before each run with threads: the other side's may spin for some milliseconds, awaiting more work

# The processor's time leaves out what other processes took of the one processor that this one is pinned to.
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Goal:
    """What a ratio must reach: `faster` than a peer, or `within` so many times a limit's time."""

    faster: float | None = None
    within: float | None = None

    def met(self, ratio: float) -> bool:
        """Whether the peer's (or limit's) time over ours reaches it."""
        return ratio >= self.faster if self.faster is not None else 1 / ratio <= (self.within or 0)

    def __str__(self) -> str:
        return f">= {self.faster:g}x" if self.faster is not None else f"<= {self.within:g} times"


@dataclass(frozen=True)
class Work:
    """What is timed.

    Attributes
    ----------
    row : int
        Of the table in README.md; 0 for what stands in none.
    name : str
    unit : str
        What `units` counts: token, step, epoch, ...
    units : int
        In one run.
    sizes : dict
        Numbers that a plot needs.
    """

    row: int
    name: str
    unit: str
    units: int
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One comparison: median seconds of a run; ratio = the peer's time / ours, so more than 1 is faster."""

    row: int
    workload: str
    peer: str
    unit: str
    units: int
    isa: str
    threads: int
    ours_seconds: float
    peer_seconds: float
    ratio: float
    ratio_low: float
    ratio_high: float
    repeats: int
    goal: str
    met: bool | None
    sizes: dict[str, int]
    machine: dict[str, str]

    def json(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Measure:
    """One quantity that is compared with nothing, as a limit of the machine: the figure, and how far runs lie apart."""

    row: int
    workload: str
    isa: str
    threads: int
    unit: str
    value: float
    low: float
    high: float
    goal: str
    met: bool | None
    sizes: dict[str, int]
    machine: dict[str, str]

    @classmethod
    def of(
        cls,
        row: int,
        workload: str,
        isa: str,
        unit: str,
        values: tuple[float, float, float],
        at_most: float | None = None,
        sizes: dict[str, int] | None = None,
    ) -> Measure:
        """With the figure, the lowest and the highest in `values`."""
        value, low, high = values
        goal = "" if at_most is None else f"<= {at_most:g} {unit}"
        met = None if at_most is None else value <= at_most
        return cls(row, workload, isa, threads(), unit, value, low, high, goal, met, sizes or {}, machine())

    def json(self) -> dict[str, Any]:
        """Return the measure as plain data."""
        return asdict(self)


def compare(
    work: Work,
    ours: Callable[[], Any],
    peer: str,
    theirs: Callable[[], Any],
    *,
    goal: Goal | None = None,
    isas: Sequence[str] | None = None,
    repeats: int = REPEATS,
) -> list[Row]:
    """Warm up, then run ours on each instruction set and the peer in turn; a row for each instruction set.

    The ratio is the median of the ratios, taken turn by turn: of `repeats`, or of more where they take little time.
    """
    isas = list(isas or [rnnfast.active_isa()])
    sides: dict[str, Callable[[], Any]] = {isa: lambda isa=isa: on_isa(isa, ours) for isa in isas}  # type: ignore[misc]
    sides[""] = theirs
    for run in sides.values():
        run()
    turns: list[dict[str, float]] = []
    begin = time.perf_counter()
    gc.collect()
    gc.disable()
    try:
        while len(turns) < repeats or (
            len(turns) < MOST_REPEATS and time.perf_counter() - begin < LONG_ENOUGH
        ):
            turns.append({side: _rested(run) for side, run in sides.items()})
    finally:
        gc.enable()
    return [row_of(work, peer, goal, isa, turns) for isa in isas]


def seconds(run: Callable[[], Any]) -> float:
    """Time one call by the clock in use."""
    clock = CLOCKS[clock_name()]
    begin = clock()
    run()
    return clock() - begin


def _rested(run: Callable[[], Any]) -> float:
    if threads() > 1:
        time.sleep(REST)
    return seconds(run)


def clock_name() -> str:
    """`wall`, or what RNNFAST_BENCH_CLOCK names."""
    return os.environ.get("RNNFAST_BENCH_CLOCK", "wall")


def simd_isas() -> list[str]:
    """The instruction sets of this machine that are worth timing, best first."""
    return [isa for isa in reversed(rnnfast.available_isas()) if not isa.startswith("scalar")]


def machine() -> dict[str, str]:
    """Return what the numbers depend on."""
    return {
        "rnnfast": rnnfast.__version__,
        "commit": _commit(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processor": _processor(),
        "clock": clock_name(),
        "processors": ",".join(map(str, sorted(os.sched_getaffinity(0)))),
    }


def on_isa(isa: str, run: Callable[[], Any]) -> None:
    """Run on an instruction set, which stays the active one."""
    if isa != rnnfast.active_isa():
        rnnfast.set_isa(isa)
    run()


def row_of(work: Work, peer: str, goal: Goal | None, isa: str, turns: list[dict[str, float]]) -> Row:
    """What the seconds of each turn come to, ours by instruction set, the peer's under ""."""
    ratios = [turn[""] / turn[isa] for turn in turns]
    ratio = statistics.median(ratios)
    return Row(
        row=work.row,
        workload=work.name,
        peer=peer,
        unit=work.unit,
        units=work.units,
        isa=isa,
        threads=threads(),
        ours_seconds=statistics.median(turn[isa] for turn in turns),
        peer_seconds=statistics.median(turn[""] for turn in turns),
        ratio=ratio,
        ratio_low=min(ratios),
        ratio_high=max(ratios),
        repeats=len(turns),
        goal="" if goal is None else str(goal),
        met=None if goal is None else goal.met(ratio),
        sizes=work.sizes,
        machine=machine(),
    )


def _commit() -> str:
    words = ["git", "describe", "--always", "--dirty"]
    try:
        answer = subprocess.run(words, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
        return next(names, "unknown")
