"""Training by the section: report, keep the best, stop where nothing improves."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast.model import LanguageModel

Pair = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]


@dataclass(frozen=True)
class Report:
    """What a section of the training came to.

    Attributes
    ----------
    epoch : int
        Whole epochs so far.
    training, validation : float
        Bits a character: over the section's last epoch, each batch before its own update; after the section on what was
        held back, nan where nothing was.
    seconds : float
        Since training began.
    tokens : int
        Characters learnt from so far.
    best : bool
        No section before was as good, by `validation` or, without it, by `training`.
    """

    epoch: int
    training: float
    validation: float
    seconds: float
    tokens: int
    best: bool

    @property
    def measure(self) -> float:
        """What decides which section is the best."""
        return self.training if math.isnan(self.validation) else self.validation


def train(
    model: LanguageModel,
    training: Pair,
    validation: Pair | None = None,
    *,
    epochs: int,
    section: int = 1,
    patience: int | None = None,
    on_report: Callable[[Report], Any] | None = None,
    **settings: Any,
) -> list[Report]:
    """Train a model, and leave it with the parameters of its best section.

    Parameters
    ----------
    model : LanguageModel
    training, validation : (X, Y)
        As `LanguageModel.fit` takes them.
    epochs : int
        At most so many.
    section : int
        Epochs from one report to the next.
    patience : int, optional
        Stop after so many sections without a new best; None: never.
    on_report : f(report), optional
        Called after each section, when the model is as that section left it.
    **settings
        Of `LanguageModel.fit`.

    Returns
    -------
    reports : list of Report

    Notes
    -----
    Ends early with what `fit` and `on_report` raise (Ctrl-C among them); the model then has its best section's
    parameters, too, where there is one.
    """
    for name, value in (("epochs", epochs), ("section", section)):
        if value < 1:
            raise ValueError(f"{name} is {value}, expected at least 1")
    reports: list[Report] = []
    best: dict[str, npt.NDArray[Any]] = {}
    begin, tokens, unimproved = time.perf_counter(), 0, 0
    try:
        while (done := reports[-1].epoch if reports else 0) < epochs:
            history = model.fit(*training, epochs=min(section, epochs - done), **settings)
            tokens += history.tokens
            report = _report(
                model, history.loss[-1], validation, done + len(history.loss), begin, tokens, reports
            )
            reports.append(report)
            if report.best:
                best = {name: array.copy() for name, array in model.parameters.items()}
            unimproved = 0 if report.best else unimproved + 1
            if on_report is not None:
                on_report(report)
            if patience is not None and unimproved >= patience:
                break
    finally:
        if best:
            model.set_parameters(best)
    return reports


def _report(
    model: LanguageModel,
    loss: float,
    validation: Pair | None,
    epoch: int,
    begin: float,
    tokens: int,
    before: list[Report],
) -> Report:
    held_back = math.nan if validation is None else model.evaluate(*validation)["bits_per_token"]
    bits = loss / math.log(2)
    measure = bits if validation is None else held_back
    best = all(measure < earlier.measure for earlier in before)
    return Report(epoch, bits, held_back, time.perf_counter() - begin, tokens, best)
