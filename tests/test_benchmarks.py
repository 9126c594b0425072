"""The benchmarks' peers compute what rnnfast computes, and the harness keeps its promises. No time is judged here."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import generation, harness, jazz_training, sequence_forward, table, training
from benchmarks.peers import PEERS, Training, load

import rnnfast
from rnnfast import LanguageModel

EVERY_PEER = [pytest.param(name, marks=() if name == "numpy" else pytest.mark.peers) for name in PEERS]
TASKS = [Training(7, 5, layers, samples=5, steps=4, batch=3, epochs=6) for layers in (1, 2)]


@pytest.fixture(params=EVERY_PEER)
def peer(request):
    return load(request.param)


def test_draws_the_same_tokens(peer):
    if not hasattr(peer, "generators"):
        return  # no such work
    model = LanguageModel(generation.V, generation.H, seed=3)
    ways = peer.generators(dict(model.parameters), 20, 30, generation.TEMPERATURE)
    for generate in ways.values():
        generation.verify(model, generate, 20, 30)
    other = LanguageModel(generation.V, generation.H, seed=4)
    with pytest.raises(AssertionError, match="nothing to time"):
        generation.verify(other, generate, 20, 30)


@pytest.mark.parametrize("task", TASKS, ids=["1 layer", "2 layers"])
def test_learns_the_same_curve(peer, task):
    if not hasattr(peer, "trainer"):
        return
    generator = np.random.default_rng(0)
    shape = task.samples, task.steps
    X, Y = (generator.integers(-1, task.vocab_size, shape).astype(np.int32) for _ in range(2))
    training.verify(task, X, Y, peer)
    training.verify(replace(task, epochs=1), X, Y, peer)
    with pytest.raises(AssertionError, match="learns otherwise"):
        training.verify(task, X, Y, SimpleNamespace(NAME="fast", trainer=faster(peer.trainer)))


def faster(trainer):
    """The same peer with twice the learning rate."""
    return lambda parameters, task, X, Y: trainer(parameters, replace(task, rate=2 * task.rate), X, Y)


def test_gives_the_same_hidden_states(peer):
    if not hasattr(peer, "sequence"):
        return
    sequence_forward.verify(17, 30, peer)
    unlike = SimpleNamespace(NAME="unlike", sequence=lambda W, R, b, steps: peer.sequence(W, R, -b, steps))
    with pytest.raises(AssertionError, match="unlike"):
        sequence_forward.verify(17, 30, unlike)


def test_the_jazz_data_is_that_of_the_exercise():
    X, Y = jazz_training.data()
    assert X.shape == Y.shape == (60, 30)
    assert (X[:, 0] == -1).all()
    assert (Y[:, -1] == -1).all()
    np.testing.assert_array_equal(X[:, 1:], Y[:, :-1])


def measured(order, isas, goal):
    def ours():
        order.append(rnnfast.active_isa())

    return harness.compare(
        harness.Work(1, "work", "unit", 10),
        ours,
        "peer",
        lambda: order.append("peer"),
        goal=goal,
        isas=isas,
        repeats=3,
    )


def test_takes_turns_and_reports():
    before, order, isas = rnnfast.active_isa(), [], ["scalar_fma", "scalar"]
    try:
        rows = measured(order, isas, None)
    finally:
        rnnfast.set_isa(before)
    assert order == [*isas, "peer"] * 4
    assert [row.isa for row in rows] == isas
    for row in rows:
        assert row.ratio_low <= row.ratio <= row.ratio_high
        assert row.met is None
        assert json.loads(json.dumps(row.json()))["machine"]["numpy"] == np.__version__


@pytest.mark.parametrize(
    ("goal", "ratio", "met"),
    [
        (harness.Goal(faster=5), 5.0, True),
        (harness.Goal(faster=5), 4.9, False),
        (harness.Goal(within=1.25), 0.81, True),
        (harness.Goal(within=1.25), 0.79, False),
    ],
)
def test_says_whether_a_goal_was_met(goal, ratio, met):
    assert goal.met(ratio) is met


def test_the_table_has_a_line_for_each_comparison_and_a_column_for_each_isa():
    fields = {
        "row": 1,
        "workload": "work",
        "peer": "Peer 1.0",
        "unit": "token",
        "units": 100,
        "threads": 1,
        "ours_seconds": 1e-4,
        "peer_seconds": 1e-3,
        "ratio": 10.0,
        "ratio_low": 9.0,
        "ratio_high": 11.0,
        "goal": ">= 5x",
        "met": True,
    }
    rows = [fields | {"isa": "avx512"}, fields | {"isa": "avx2", "ours_seconds": 2e-4, "ratio": 5.0}]
    text = table.markdown(rows).splitlines()
    assert len(text) == 3
    for cell in ("Peer 1.0", "10 us/token", "| 1 | 2 |", "10.00x (9.00-11.00)", ">= 5x: met"):
        assert cell in text[2]
    assert "Peer 1.0" in table.line(rows[0])
