"""A training run's progress bar: epochs, time left, loss, tokens a second. Nothing is shown but on a terminal."""

from __future__ import annotations

import sys
import time
from math import log

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from rnnfast.train import Progress as Account

_LEAST_BAR, _LONGEST_BAR = 10, 40
_TIME = len("0:00:00")
BITS = "bits a token"
_NUMBER, _TWO_NUMBERS = len("loss 1234.5 "), len("loss 12.345, 17.810 ")
_SPEED = len("12,345,678 tokens/s")
_SPARE = 4
"""Columns left free at the right: a ^C that the terminal echoes must not wrap the line."""


class ProgressBar:
    """Shows what `update` finds in the training loop's own account, on the standard error stream.

    Parameters
    ----------
    epochs : int, or None where it is not known
    shape : (N, T)
        Of the training data.
    progress : Progress
        What the training loop writes as it goes.
    unit : str
        Of the loss of one of the N; or "bits a token", which shows the mean of all targets, in nats and in bits.
    """

    def __init__(
        self, epochs: int | None, shape: tuple[int, ...], progress: Account, unit: str = "nats a window"
    ) -> None:
        self._native = progress
        self._by_token = unit == BITS
        self._samples = shape[0]
        self._begin = time.perf_counter()
        console = Console(stderr=True)
        self._bar = Progress(
            *_columns(console.width, epochs, unit),
            console=console,
            auto_refresh=False,  # no thread: the training loop calls, about ten times a second
            redirect_stdout=sys.stdout is not None
            and sys.stdout.isatty(),  # lines above the bar; a file gets its own
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=epochs, loss="...", speed="...")
        self._bar.start()

    def update(self) -> None:
        """Draw the bar as things stand."""
        native = self._native
        done = native.epoch + native.step / max(native.steps_per_epoch, 1)
        loss = "..."
        if native.epoch:
            loss = self._loss(*native.stats(native.epoch - 1)[0][:2], self._samples)
        elif native.step:  # the first epoch so far: about this share of the samples
            loss = self._loss(*native.current[:2], done * self._samples)
        elapsed = max(time.perf_counter() - self._begin, 1e-9)
        self._bar.update(
            self._task,
            completed=done,
            loss=loss,
            speed=f"{native.tokens / elapsed:,.0f}",
        )
        self._bar.refresh()

    def _loss(self, total: float, tokens: int, samples: float) -> str:
        if not self._by_token:
            return f"{total / samples:.1f}"
        nats = total / max(tokens, 1)
        return f"{nats:.3f}, {nats / log(2):.3f}"

    def close(self) -> None:
        """Draw it once more and leave the terminal as it was."""
        self.update()
        self._bar.stop()


def _columns(width: int, epochs: int | None, unit: str) -> list[ProgressColumn]:
    """What a terminal of `width` has room for: bar, count and time left; then the loss; then the speed."""
    columns: list[ProgressColumn] = [MofNCompleteColumn(), TimeRemainingColumn()]
    room = width - _SPARE - _LEAST_BAR - (2 * len(str(epochs)) + 2) - (_TIME + 1)
    for text, size in (
        (f"loss {{task.fields[loss]}} {unit}", (_TWO_NUMBERS if unit == BITS else _NUMBER) + len(unit)),
        ("{task.fields[speed]} tokens/s", _SPEED),
    ):
        if room <= size:
            break
        columns.append(TextColumn(text))
        room -= size + 1
    return [BarColumn(bar_width=min(_LEAST_BAR + max(room, 0), _LONGEST_BAR)), *columns]
