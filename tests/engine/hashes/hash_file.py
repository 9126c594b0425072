"""The cases whose results must never change by a bit, and the file of their hashes. Standard library only.

A line of `hashes.txt` is a kind of case, a precision, settings, and the SHA-256 of the results. What the settings mean
is written twice: in Python (`python_results.py`) and in C++ (`tests/cpp/results/`); both must give the same bytes.

Where the results of one input may not depend on how it is computed, the case is computed in each arrangement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

FILE = Path(__file__).parent / "hashes.txt"

THREADS = [1, 2]
"""Numbers of threads to compute every case with."""

# (batch, position in it, pieces of time)
PLACES = [(1, 0, 1), (1, 0, 3), (7, 0, 1), (7, 3, 3), (7, 6, 1), (64, 37, 1), (64, 63, 3)]
DO_NOT_DEPEND_ON_PLACE = ("layers", "generate")

Settings = dict[str, float]


@dataclass(frozen=True)
class Case:
    """One line of the file."""

    kind: str
    dtype: str
    settings: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.kind} {self.dtype} {self.settings}"

    def arrangements(self) -> Iterator[str]:
        """Settings with all ways to compute the case."""
        places = [""]
        if self.kind in DO_NOT_DEPEND_ON_PLACE:
            places = [f" batch={batch} position={at} pieces={pieces}" for batch, at, pieces in PLACES]
        for threads in THREADS:
            for place in places:
                yield f"{self.settings}{place} threads={threads}"


Compute = Callable[[str, str, str], bytes]
"""(kind, dtype, settings with an arrangement) -> the results, as they are in memory."""


def parse(settings: str) -> Settings:
    """Read "L=1 scale=0.5" as numbers by name."""
    return {name: float(value) for name, value in (word.split("=") for word in settings.split())}


def read(path: Path = FILE) -> list[Case]:
    """Read all cases; a line of comment begins with #."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    cases = []
    for line in lines:
        kind, dtype, *settings, sha256 = line.split()
        cases.append(Case(kind, dtype, " ".join(settings), sha256))
    return cases


def rewrite(cases: list[Case], path: Path = FILE) -> None:
    """Write the cases' hashes; comments and the order of lines stay."""
    hashes = {str(case): case.sha256 for case in cases}
    lines = path.read_text(encoding="utf-8").splitlines()
    new = [line if line[:1] in ("", "#") else _with_hash(line, hashes) for line in lines]
    path.write_text("\n".join(new) + "\n", encoding="utf-8")


def _with_hash(line: str, hashes: dict[str, str]) -> str:
    description = line.rsplit(None, 1)[0]
    return f"{description} {hashes[' '.join(description.split())]}"


def hashed(case: Case, compute: Compute, arrangement: str) -> Case:
    """Return the case with the hash that `compute` gives in this arrangement."""
    results = compute(case.kind, case.dtype, arrangement)
    return replace(case, sha256=hashlib.sha256(results).hexdigest())
