"""The progress bar, on terminals of several widths."""

from __future__ import annotations

import io
import math
import sys

import numpy as np
import pytest
from rich.console import Console

from rnnfast import LanguageModel, progress


@pytest.mark.parametrize("reduction", ["sequence", "token"])
@pytest.mark.parametrize(
    ("width", "has_loss", "has_speed"), [(40, False, False), (60, True, False), (120, True, True)]
)
def test_narrow_terminals_keep_bar_count_and_time(
    width: int, has_loss: bool, has_speed: bool, reduction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=width, force_terminal=True, color_system=None)
    monkeypatch.setattr(progress, "Console", lambda stderr: console)
    X = np.random.default_rng(0).integers(0, 5, (6, 8))
    history = LanguageModel(5, 4, seed=0).fit(X, X, epochs=3, reduction=reduction, progress=True)
    last = screen.getvalue().split("\r")[-2].removesuffix("\n").split("\x1b[2K")[-1]
    assert "3/3 0:00:00" in last
    assert "\u2501" * 10 in last
    assert len(last) < width
    by_sample = f"loss {history.sequence_loss[-1]:.1f} nats a window"
    by_token = f"loss {history.loss[-1]:.3f}, {history.loss[-1] / math.log(2):.3f} bits a token"
    assert ((by_token if reduction == "token" else by_sample) in last) == has_loss
    assert ("tokens/s" in last) == has_speed


@pytest.mark.parametrize("is_terminal", [True, False])
def test_what_a_callback_prints_goes_where_it_would_without_a_bar(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal above the bar; else to the file or pipe that standard output is."""
    screen, output = io.StringIO(), io.StringIO()
    monkeypatch.setattr(output, "isatty", lambda: is_terminal)
    monkeypatch.setattr(sys, "stdout", output)
    console = Console(file=screen, width=80, force_terminal=True, color_system=None)
    monkeypatch.setattr(progress, "Console", lambda stderr: console)
    X = np.zeros((2, 4), np.int32)
    LanguageModel(5, 4).fit(X, X, epochs=1, progress=True, callbacks=[lambda *_: print("a line")])
    assert ("a line" in screen.getvalue()) == is_terminal
    assert ("a line" in output.getvalue()) != is_terminal
