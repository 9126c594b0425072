"""Training by the section: report, keep the best, stop where nothing improves."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rnnfast.model import LanguageModel

if TYPE_CHECKING:
    from rnnfast.train import History

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
    callbacks: Sequence[Callable[[int, History], Any]] = (),
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
    callbacks : sequence of f(epoch, history)
        As `LanguageModel.fit` calls them: after each epoch, before its report; True stops, and what the section has
        come to by then is reported.
    **settings
        Of `LanguageModel.fit`.

    Returns
    -------
    reports : list of Report

    Notes
    -----
    All of it is one call of `fit`, with one progress bar. Ends early with what `fit`, `callbacks` and `on_report` raise
    (Ctrl-C among them); the model then has its best section's parameters, too, where there is one.

    Examples
    --------
    >>> from rnnfast import characters, text
    >>> training = characters.streams(text.encode("banana bandana " * 9, tuple(" abdn")), 2)
    >>> model = LanguageModel(5, 4)
    >>> reports = characters.train(model, training, epochs=5, section=2)
    >>> [report.epoch for report in reports]
    [2, 4, 5]
    """
    for name, value in (("epochs", epochs), ("section", section), ("patience", patience)):
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value}, expected at least 1")
    if not isinstance(callbacks, Sequence):
        raise TypeError(f"callbacks is {callbacks!r}, expected a sequence of functions f(epoch, history)")
    sections = _Sections(model, validation, epochs, section, patience, on_report)
    try:
        history = model.fit(*training, epochs=epochs, callbacks=[*callbacks, sections], **settings)
        sections.close(history)
    finally:
        sections.restore_best()
    return sections.reports


class _Sections:
    """A callback of `fit`: at each section's end a report, a copy of the best parameters, and whether to stop."""

    def __init__(
        self,
        model: LanguageModel,
        validation: Pair | None,
        epochs: int,
        section: int,
        patience: int | None,
        on_report: Callable[[Report], Any] | None,
    ) -> None:
        self._model, self._validation = model, validation
        self._epochs, self._section, self._patience = epochs, section, patience
        self._on_report = on_report
        self._begin = time.perf_counter()
        self._best: dict[str, npt.NDArray[Any]] = {}
        self.reports: list[Report] = []

    def __call__(self, epoch: int, history: History) -> bool:
        """Report where a section ends; True where patience does."""
        done = epoch + 1
        if done % self._section == 0 or done == self._epochs:
            self._report(history)
        return self._patience is not None and self._unimproved() >= self._patience

    def close(self, history: History) -> None:
        """Report the epochs since the last report: a callback has stopped within a section."""
        if len(history.loss) > (self.reports[-1].epoch if self.reports else 0):
            self._report(history)

    def restore_best(self) -> None:
        """Give the model its best section's parameters."""
        if self._best:
            self._model.set_parameters(self._best)

    def _report(self, history: History) -> None:
        training = history.loss[-1] / math.log(2)
        held_back = math.nan
        if self._validation is not None:
            held_back = self._model.evaluate(*self._validation)["bits_per_token"]
        measure = training if self._validation is None else held_back
        best = all(measure < earlier.measure for earlier in self.reports)
        seconds = time.perf_counter() - self._begin
        report = Report(len(history.loss), training, held_back, seconds, history.tokens, best)
        self.reports.append(report)
        if best:
            self._best = {name: array.copy() for name, array in self._model.parameters.items()}
        if self._on_report is not None:
            self._on_report(report)

    def _unimproved(self) -> int:
        """How many of the last reports are not the best."""
        return next((k for k, report in enumerate(reversed(self.reports)) if report.best), len(self.reports))
