"""A training run's progress bar: epochs, loss, tokens a second, time left. Nothing is shown but on a terminal."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rnnfast import _core


class ProgressBar:
    """Shows what `update` finds in the native loop's own account, on the standard error stream.

    Parameters
    ----------
    epochs : int
    shape : (N, T)
        Of the training data.
    progress : FitProgress
        What the native loop writes as it goes.
    """

    def __init__(self, epochs: int, shape: tuple[int, ...], progress: _core.FitProgress) -> None:
        self._native = progress
        self._samples = shape[0]
        self._begin = time.perf_counter()
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("epochs  loss {task.fields[loss]}  {task.fields[speed]} tokens/s "),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=False,  # no thread: the training loop calls, about ten times a second
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=epochs, loss="...", speed="...")
        self._bar.start()

    def update(self) -> None:
        """Draw the bar as things stand."""
        native = self._native
        steps = max(native.steps_per_epoch, 1)
        if native.epoch:
            (total, count, _), _, _ = native.stats(native.epoch - 1)
        else:
            total, count, _ = native.current
        elapsed = max(time.perf_counter() - self._begin, 1e-9)
        self._bar.update(
            self._task,
            completed=native.epoch + native.step / steps if native.step else native.epoch,
            loss=f"{total / count:.3f}" if count else "...",
            speed=f"{native.tokens / elapsed:,.0f}",
        )
        self._bar.refresh()

    def close(self) -> None:
        """Draw it once more and leave the terminal as it was."""
        self.update()
        self._bar.stop()
