"""The benchmarks' peers compute what rnnfast computes, and the harness keeps its promises. No time is judged here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import denormals, generation, harness, jazz_training, peer_numpy

from rnnfast import LanguageModel


def test_numpy_draws_the_same_tokens() -> None:
    model = LanguageModel(generation.V, generation.H, seed=3)
    generation.verify(model, peer_numpy.NumpyModel(dict(model.parameters)), 100, 40)


def test_verification_fails_for_another_model() -> None:
    model = LanguageModel(generation.V, generation.H, seed=3)
    other = LanguageModel(generation.V, generation.H, seed=4)
    with pytest.raises(AssertionError, match="nothing to time"):
        generation.verify(model, peer_numpy.NumpyModel(dict(other.parameters)), 100, 40)


def test_numpy_learns_the_same_curve() -> None:
    peer = peer_numpy.NumpyModel(dict(LanguageModel(jazz_training.V, jazz_training.H).parameters))
    step = peer.step
    peer.step = lambda X, Y: step(X, Y, jazz_training.RATE, jazz_training.DECAY)  # type: ignore[method-assign, call-arg, misc]
    theirs = jazz_training.train_peer(peer, 32, 5)
    np.testing.assert_allclose(jazz_training.train_ours(32, 5), theirs, rtol=1e-3)


def test_harness_alternates_and_reports() -> None:
    order: list[str] = []
    ours, theirs = (harness.Peer(name, lambda name=name: order.append(name)) for name in ("ours", "theirs"))
    row = harness.compare("work", "unit", 10, ours, theirs, repeats=3)
    assert order == ["ours", "theirs"] * 4
    assert row.ratio_low <= row.ratio <= row.ratio_high
    assert json.loads(json.dumps(row.json()))["machine"]["numpy"] == np.__version__
    assert "theirs" in row.text()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_only_subnormal_cases_are_timed_as_such(dtype: type) -> None:
    for make in denormals.CASES.values():
        denormals.verify(make(dtype))
    with pytest.raises(AssertionError, match="the states are not subnormal"):
        denormals.verify(denormals.arguments(dtype))
