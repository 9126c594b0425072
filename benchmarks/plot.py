"""``python -m benchmarks.plot PATH.json`` draws the rows of the scenario `scaling` and the roofline as PATH.png."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Fields = dict[str, Any]
Line = list[tuple[int, float]]

INK, FAINT = "#22262e", "#7b828e"
OURS = ("#0b5fa5", "#7fb2d9")  # one for each instruction set, best first
PEERS = ("#c8562a", "#8a6d3b")


def main(path: Path) -> None:
    """Write the picture beside its rows."""
    rows = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    costs = [row for row in rows if "streams" in row["sizes"]]
    figure = draw(costs, [row for row in rows if "value" in row])
    figure.savefig(path.with_suffix(".png"), dpi=130, metadata={"Software": None})


def roofline(multiply_adds: int, streams: int, limits: Sequence[Fields]) -> float:
    """The least microseconds a token: arithmetic at the FMA peak, or reading the weights once for all streams.

    `limits` are the measures of one instruction set, with a reading of as many bytes as there are weights.
    """
    size = 4 * multiply_adds  # each weight is multiplied once
    (peak,) = (limit["value"] for limit in limits if limit["unit"] == "GFLOP/s")
    (bandwidth,) = (limit["value"] for limit in limits if limit["sizes"].get("bytes") == size)
    return float(max(2 * multiply_adds / peak, size / streams / bandwidth) / 1e3)


def draw(rows: Sequence[Fields], limits: Sequence[Fields]) -> Any:
    """One panel for each number of streams: microseconds a token against H."""
    from matplotlib.figure import Figure

    batches = sorted({row["sizes"]["streams"] for row in rows})
    figure = Figure(figsize=(3.0 * len(batches) + 1, 4.6), layout="constrained")
    panels = figure.subplots(1, len(batches), sharey=True, squeeze=False)[0]
    for panel, streams in zip(panels, batches, strict=True):
        _panel(panel, [row for row in rows if row["sizes"]["streams"] == streams], limits, streams)
    panels[0].set_ylabel("microseconds a token")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    first = rows[0]
    figure.suptitle(
        f"Cost of a generated token, LSTM of H units, 90 values, fp32, {first['threads']} thread\n"
        f"rnnfast {first['machine']['rnnfast']} ({first['machine']['commit']}), {first['machine']['processor']}",
        color=INK,
        fontsize=11,
    )
    return figure


def _panel(panel: Axes, rows: Sequence[Fields], limits: Sequence[Fields], streams: int) -> None:
    for isa, colour in zip(dict.fromkeys(row["isa"] for row in rows), OURS, strict=False):
        ours = [row for row in rows if row["isa"] == isa]
        panel.plot(
            *_xy(ours, "ours_seconds"),
            color=colour,
            marker="o",
            markersize=4,
            label=f"rnnfast, {isa}",
            zorder=3,
        )
        own_limits = [limit for limit in limits if limit["isa"] == isa]
        work = {row["sizes"]["H"]: row["sizes"]["multiply_adds"] for row in ours}
        least = [roofline(work[H], streams, own_limits) for H in sorted(work)]
        panel.plot(sorted(work), least, color=colour, linestyle="--", linewidth=1, label=f"limit, {isa}")
    best = rows[0]["isa"]
    for peer, colour in zip(dict.fromkeys(row["peer"] for row in rows), PEERS, strict=False):
        theirs = [row for row in rows if row["peer"] == peer and row["isa"] == best]
        panel.plot(*_xy(theirs, "peer_seconds"), color=colour, marker="s", markersize=3, label=peer)
    panel.set_xscale("log", base=2)
    panel.set_yscale("log")
    panel.set_xticks(sorted({row["sizes"]["H"] for row in rows}))
    panel.xaxis.set_major_formatter("{x:.0f}")
    panel.tick_params(axis="x", rotation=60, labelsize=8)
    panel.set_xlabel("H")
    panel.set_title(f"{streams} stream{'s' if streams > 1 else ''}", fontsize=10, color=INK)
    panel.grid(which="major", color="#e6e8ec", linewidth=0.8)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _xy(rows: Sequence[Fields], side: str) -> tuple[list[int], list[float]]:
    """H, and microseconds a token: the median where it was measured beside several peers."""
    times: dict[int, list[float]] = {}
    for row in rows:
        times.setdefault(row["sizes"]["H"], []).append(1e6 * row[side] / row["units"])
    sizes = sorted(times)
    return sizes, [statistics.median(times[H]) for H in sizes]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
