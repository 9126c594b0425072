"""The jazz exercise's model learns as published: a loss of about 130 at epoch 1, single digits at epoch 100."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from rnnfast import Adam, LanguageModel, music


@pytest.mark.parametrize("seed", range(10))
def test_loss_falls_from_130_to_below_10(data_dir: Path, seed: int) -> None:
    X, Y, n_values, _, _ = music.load_music_utils(data_dir / "metheny.mid")
    model = LanguageModel(n_values, 64, seed=seed)
    assert model.num_parameters == 45_530
    history = model.fit(
        X, Y, epochs=100, batch_size=32, optimizer=Adam(0.01, decay=0.01), reduction="sequence"
    )
    assert history.sequence_loss[0] == pytest.approx(29 * math.log(90), rel=0.01)
    assert history.sequence_loss[-1] < 10
