"""Rows as text. ``python -m benchmarks.table rows.json`` prints tables, or renews those of a named document."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Fields = dict[str, Any]

BEGIN, END = "<!-- tables -->", "<!-- end -->"


def line(row: Fields) -> str:
    """One row as a line, while a run goes on."""
    head = f"{row['row'] or '':>2} {row['workload']:35}"
    if "value" in row:
        spread = f"({row['low']:.3g} to {row['high']:.3g})"
        return (
            f"{head} {row['isa']:7} {row['threads']}T {row['value']:.3g} {row['unit']} {spread} {_goal(row)}"
        )
    ours, theirs = (_micro(row, side) for side in ("ours_seconds", "peer_seconds"))
    spread = f"({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
    return (
        f"{head} {row['peer']:40} {row['isa']:7} {row['threads']}T "
        f"{ours:>12} {theirs:>12} us/{row['unit']:6} {row['ratio']:8.2f}x {spread:20} {_goal(row)}"
    )


def markdown(rows: Sequence[Fields]) -> str:
    """Two tables: comparisons, and measures that stand alone."""
    comparisons = [row for row in rows if "ratio" in row]
    measures = [row for row in rows if "value" in row]
    return "\n\n".join(
        table(part) for table, part in ((_comparisons, comparisons), (_measures, measures)) if part
    )


def _comparisons(rows: Sequence[Fields]) -> str:
    """A table with a line for each comparison and columns for each instruction set."""
    isas = list(dict.fromkeys(row["isa"] for row in rows))
    head = [
        "#",
        "workload",
        "peer",
        "threads",
        "peer takes",
        *(f"rnnfast `{isa}`" for isa in isas),
        *(f"ratio `{isa}`" for isa in isas),
        "goal",
    ]
    lines = [_cells(head), "|" + "---|" * len(head)]
    for group in _groups(rows):
        first = next(iter(group.values()))
        lines.append(
            _cells(
                [
                    str(first["row"] or ""),
                    first["workload"],
                    first["peer"],
                    str(first["threads"]),
                    f"{_micro(first, 'peer_seconds')} us/{first['unit']}",
                    *(_micro(group[isa], "ours_seconds") if isa in group else "" for isa in isas),
                    *(_ratio(group[isa]) if isa in group else "" for isa in isas),
                    _goal(first),
                ]
            )
        )
    return "\n".join(lines)


def _measures(rows: Sequence[Fields]) -> str:
    lines = [_cells(["#", "what", "instruction set", "", "goal"]), "|" + "---|" * 5]
    for row in rows:
        value = f"{row['value']:.3g} {row['unit']}"
        lines.append(_cells([str(row["row"] or ""), row["workload"], row["isa"], value, _goal(row)]))
    return "\n".join(lines)


def _groups(rows: Sequence[Fields]) -> list[dict[str, Fields]]:
    """The same comparison on all instruction sets, by the set; of one measured again, the last."""
    groups: dict[tuple[Any, ...], dict[str, Fields]] = {}
    for row in rows:
        key = row["row"], row["workload"], row["peer"], row["threads"]
        groups.setdefault(key, {})[row["isa"]] = row
    return sorted(groups.values(), key=lambda group: next(iter(group.values()))["row"])


def _cells(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _micro(row: Fields, side: str) -> str:
    value = 1e6 * row[side] / row["units"]
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(row: Fields) -> str:
    return f"{row['ratio']:.2f}x ({row['ratio_low']:.2f}-{row['ratio_high']:.2f})"


def _goal(row: Fields) -> str:
    return f"{row['goal']}: {'met' if row['met'] else 'MISSED'}" if row["goal"] else ""


def main(rows: Path, document: Path | None = None) -> None:
    """Print the tables, or put them between the document's two marks."""
    tables = markdown([json.loads(text) for text in rows.read_text(encoding="utf-8").splitlines()])
    if document is None:
        print(tables)
        return
    before, _, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
