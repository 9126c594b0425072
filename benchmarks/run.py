"""``python -m benchmarks.run``: every scenario against every peer, as it goes and as a table; JSON rows on demand."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.environment import environment
from benchmarks.harness import CLOCKS, clock_name, machine, simd_isas
from benchmarks.peers import NO_PEER, PEERS, missing
from benchmarks.table import line, markdown

# Scenarios in order, each with the numbers of threads that it is run with.
SCENARIOS = {
    "limits": (1,),
    "generation": (1,),
    "sampling": (1,),
    "constraints": (1,),
    "streaming": (1,),
    "sessions": (1,),
    "jazz_training": (1,),
    "dinosaur_training": (1,),
    "step_by_step": (1,),
    "char_training": (1,),
    "sequence_forward": (1, 2),
    "threads": (2,),
    "startup": (1,),
    "denormals": (1,),
    "ragged": (1,),
    "gemms": (1,),
    "scaling": (1,),
    "learning": (1,),
}
BY_DEFAULT = [name for name in SCENARIOS if name not in ("gemms", "scaling", "learning")]
TIMEOUT = 1800  # seconds for one scenario against one peer: a bound, far from what any takes


class WorkerError(RuntimeError):
    """A comparison's process failed: a peer that computes something else, or a crash."""


def main() -> None:
    """Run what the command line names."""
    options = _options()
    os.environ["RNNFAST_BENCH_CLOCK"] = options.clock
    isas = options.isa.split(",") if options.isa else simd_isas()
    peers = [peer for peer in options.peer.split(",") if peer == NO_PEER or _is_installed(peer)]
    _say(", ".join(f"{key} {value}" for key, value in machine().items()))
    if options.json:
        options.json.write_text("", encoding="utf-8")
    rows, failed = [], False
    for scenario, threads, peer in _plan(options.scenarios or BY_DEFAULT, peers):
        try:
            for row in _worker(scenario, peer, threads, isas):
                rows.append(row)
                print(line(row), flush=True)
                if options.json:
                    with options.json.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")
        except WorkerError as error:
            _say(f"NOT MEASURED: {scenario} against {peer}: {error}")
            failed = True
    print("\n" + markdown(rows))
    sys.exit(1 if failed else 0)


def _plan(scenarios: Sequence[str], peers: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    """What to start: scenario, number of threads, peer."""
    for scenario in scenarios:
        module = importlib.import_module(f"benchmarks.{scenario}")
        for threads in SCENARIOS[scenario]:
            if threads > 1 and clock_name() == "cpu":
                reason = "the processors' time adds threads up; use --clock wall"
                _say(f"NOT MEASURED: {scenario} with {threads} thread(s): {reason}")
                continue
            for peer in peers:
                if hasattr(module, "rows_alone" if peer == NO_PEER else "rows"):
                    yield scenario, threads, peer


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument(
        "scenarios",
        nargs="*",
        metavar="SCENARIO",
        help=f"of {', '.join(SCENARIOS)}; default: all but the last three",
    )
    parser.add_argument(
        "--peer", default=",".join([NO_PEER, *PEERS]), help="of them, with commas (default: %(default)s)"
    )
    parser.add_argument(
        "--isa", help="instruction sets, with commas (default: all of this machine with SIMD)"
    )
    parser.add_argument(
        "--clock",
        choices=CLOCKS,
        default="wall",
        help="cpu: for a machine that others use at the same time; one thread only (default: wall)",
    )
    parser.add_argument("--json", metavar="PATH", type=Path, help="write one JSON object a row")
    options = parser.parse_args()
    for kind, given, known in (
        ("scenario", options.scenarios, SCENARIOS),
        ("peer", options.peer.split(","), [NO_PEER, *PEERS]),
        ("instruction set", options.isa.split(",") if options.isa else [], simd_isas()),
    ):
        for name in given:
            if name not in known:
                parser.error(f"no {kind} {name!r}, expected of {', '.join(known)}")
    return options


def _is_installed(peer: str) -> bool:
    packages = missing(peer)
    if packages:
        _say(f"NOT MEASURED: {peer} needs {', '.join(packages)} (pip install 'rnnfast[bench]')")
    return not packages


def _worker(scenario: str, peer: str, threads: int, isas: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of one scenario against one peer, from a process of its own."""
    begin = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.worker", scenario, peer, ",".join(isas)]
    with subprocess.Popen(command, env=environment(threads), stdout=subprocess.PIPE, text=True) as process:
        timer = threading.Timer(TIMEOUT, process.kill)
        timer.start()
        assert process.stdout is not None
        for text in process.stdout:
            yield json.loads(text)
        process.wait()
        timer.cancel()
    if process.returncode:
        raise WorkerError(f"the process ended with {process.returncode}")
    _say(f"{scenario}, {peer}, {threads} thread(s): {time.monotonic() - begin:.0f} s")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
