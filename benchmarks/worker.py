"""One scenario against one peer, or against none, in a process of its own: a JSON row a line on standard output.

Started by run.py with the environment of `benchmarks.environment`. Nothing that a peer does (thread pools, allocators,
floating-point modes) can disturb another's comparison.
"""

from __future__ import annotations

import json
import os
import sys

from benchmarks.environment import pin

pin()  # before any library counts processors
rows_out = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)  # whatever a peer prints is no row


def main(scenario: str, peer: str, isas: list[str]) -> None:
    """Print the rows as they come."""
    import importlib

    from benchmarks import peers

    module = importlib.import_module(f"benchmarks.{scenario}")
    rows = module.rows(peer, peers.load(peer), isas) if peer != peers.NO_PEER else module.rows_alone(isas)
    for row in rows:
        print(json.dumps(row.json()), file=rows_out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3].split(","))
