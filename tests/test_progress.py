"""The progress bar, on terminals of several widths."""

from __future__ import annotations

import io
import math

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
    by_token = f"{history.loss[-1] / math.log(2):.3f} bits a token"
    assert ((by_token if reduction == "token" else by_sample) in last) == has_loss
    assert ("tokens/s" in last) == has_speed
