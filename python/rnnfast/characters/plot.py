"""How training went, as a picture."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from rnnfast._files import atomic_write
from rnnfast.characters.training import Report


def plot_reports(reports: Sequence[Report], path: str | os.PathLike[str]) -> None:
    """Draw bits a character against epochs, as a PNG file.

    Parameters
    ----------
    reports : sequence of Report
        At least one.
    path : str or path

    Raises
    ------
    ImportError
        Without matplotlib, which the extra ``rnnfast[plot]`` brings.
    """
    if not reports:
        raise ValueError("reports is empty, expected at least one")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    epochs = [report.epoch for report in reports]
    axes.plot(epochs, [report.training for report in reports], label="training")
    if not math.isnan(reports[0].validation):
        axes.plot(epochs, [report.validation for report in reports], label="held back")
    best = min(reports, key=lambda report: report.measure)
    axes.plot([best.epoch], [best.measure], "o", label=f"best: {best.measure:.3f}")
    axes.set_xlabel("epoch")
    axes.set_ylabel("bits a character")
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=120)
