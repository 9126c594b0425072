"""Time rnnfast and a peer on the same work, in turn, after showing that both compute the same.

These machines are shared and noisy: the figure to quote is the ratio, taken pair by pair in one run.
"""

from __future__ import annotations

import gc
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import rnnfast

REPEATS = 7


@dataclass(frozen=True)
class Peer:
    """One way to do a workload.

    Attributes
    ----------
    name : str
        With its version.
    run : callable
        Does the timed work; called many times.
    """

    name: str
    run: Callable[[], Any]


@dataclass(frozen=True)
class Row:
    """One comparison: times in seconds for `units` of work; ratio > 1 means that rnnfast is faster."""

    workload: str
    peer: str
    unit: str
    units: int
    ours_seconds: float
    peer_seconds: float
    ratio: float
    ratio_low: float
    ratio_high: float
    repeats: int
    isa: str
    machine: dict[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return asdict(self)

    def text(self) -> str:
        """Return the row as a line of a table."""
        ours, theirs = (1e6 * seconds / self.units for seconds in (self.ours_seconds, self.peer_seconds))
        return (
            f"{self.workload:34} {self.peer:24} {ours:10.2f} {theirs:12.2f} us/{self.unit:7}"
            f"{self.ratio:8.1f}x  ({self.ratio_low:.1f} to {self.ratio_high:.1f})"
        )


def compare(workload: str, unit: str, units: int, ours: Peer, theirs: Peer, *, repeats: int = REPEATS) -> Row:
    """Warm both up, run them in turn, and return the median times and the ratio pair by pair."""
    ours.run()
    theirs.run()
    pairs = []
    gc.disable()
    try:
        for _ in range(repeats):
            pairs.append((_seconds(ours.run), _seconds(theirs.run)))
    finally:
        gc.enable()
    ratios = [peer / own for own, peer in pairs]
    return Row(
        workload=workload,
        peer=theirs.name,
        unit=unit,
        units=units,
        ours_seconds=statistics.median(own for own, _ in pairs),
        peer_seconds=statistics.median(peer for _, peer in pairs),
        ratio=statistics.median(ratios),
        ratio_low=min(ratios),
        ratio_high=max(ratios),
        repeats=repeats,
        isa=rnnfast.active_isa(),
        machine=machine(),
    )


def machine() -> dict[str, str]:
    """Return what the numbers depend on."""
    return {
        "rnnfast": rnnfast.__version__,
        "commit": _commit(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processor": _processor(),
        "threads": "1",
        "processors": ",".join(map(str, sorted(os.sched_getaffinity(0)))),
    }


def pin() -> None:
    """Stay on one processor, and keep the peers' libraries on one thread."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _seconds(run: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def _commit() -> str:
    try:
        here = Path(__file__).parent
        words = ["git", "describe", "--always", "--dirty"]
        return subprocess.run(words, cwd=here, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        return next(
            (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown"
        )
