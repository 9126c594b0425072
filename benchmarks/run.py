"""``python -m benchmarks.run``: all comparisons, as a table and as JSON rows."""

from __future__ import annotations

import argparse
import json
import os
import sys

# Before NumPy loads its BLAS: one thread for everybody.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from benchmarks import denormals, generation, jazz_training  # noqa: E402
from benchmarks.harness import machine, pin  # noqa: E402
from benchmarks.peers import Peers  # noqa: E402

SCENARIOS = {"generation": generation, "jazz_training": jazz_training, "denormals": denormals}


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)}; default: all"
    )
    parser.add_argument("--json", metavar="PATH", help="append one JSON object a row")
    options = parser.parse_args()
    unknown = sorted(set(options.scenarios) - set(SCENARIOS))
    if unknown:
        parser.error(f"no scenario {unknown[0]!r}, expected of {', '.join(SCENARIOS)}")
    pin()
    peers = Peers()
    print(", ".join(f"{key} {value}" for key, value in machine().items()), file=sys.stderr)
    print(f"{'workload':34} {'peer':24} {'rnnfast':>10} {'peer':>12}{'':11}{'ratio':>8}")
    for name in options.scenarios or SCENARIOS:
        for row in SCENARIOS[name].rows(peers):
            print(row.text(), flush=True)
            if options.json:
                with open(options.json, "a", encoding="utf-8") as file:
                    file.write(json.dumps(row.json()) + "\n")


if __name__ == "__main__":
    main()
