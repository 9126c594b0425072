"""Each kind of sequence problem is learnt, on real data, better than a rule that is named."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import Adam, SequenceClassifier, SequenceRegressor

from . import problems

SETTINGS = {"batch_size": 32, "optimizer": Adam(0.01), "clip_norm": 1.0}


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_many_to_one_a_dinosaur_or_a_surname(data_dir, cell):
    """The rule: what its last two letters mostly belong to."""
    words, y = problems.dinosaurs_and_surnames(data_dir)
    X = [problems.letters(word) for word in words]
    train = len(X) * 3 // 4
    rule = max(problems.accuracy_by_ending(words, y, train, size) for size in (1, 2, 3))
    assert rule > 0.8
    model = SequenceClassifier(2, 32, vocab_size=26, cell=cell, bidirectional=True)
    model.fit(X[:train], y[:train], epochs=5, **SETTINGS)
    error, of_rule = 1 - model.evaluate(X[train:], y[train:])["accuracy"], 1 - rule
    assert error < 0.5 * of_rule


def test_many_to_many_where_words_end(data_dir):
    """The rule: whether a word mostly ends between the same two letters."""
    X, y = problems.text_without_spaces(data_dir)
    train = len(X) * 3 // 4
    rule = problems.accuracy_by_pairs(X, y, train)
    assert rule > 0.8
    model = SequenceClassifier(2, 48, vocab_size=26, embedding_size=16, bidirectional=True, output="all")
    model.fit(X[:train], y[:train], epochs=6, batch_size=16, optimizer=Adam(0.01), clip_norm=1.0)
    assert 1 - model.evaluate(X[train:], y[train:])["accuracy"] < 0.67 * (1 - rule)


def test_a_time_series_is_foreseen():
    """The rule: that it stays as it is (persistence), six seconds ahead."""
    T, ahead = 50, 6
    series = problems.mackey_glass(2500)
    windows = np.array([series[i : i + T + ahead] for i in range(0, len(series) - T - ahead, T // 2)])[
        ..., None
    ]
    X, y = windows[:, :T], windows[:, ahead:]
    train = len(X) * 3 // 4
    persistence = np.mean(np.square(X[train:] - y[train:]))
    model = SequenceRegressor(1, 32, input_size=1, cell="gru", output="all")
    model.fit(X[:train], y[:train], epochs=40, batch_size=16, optimizer=Adam(0.01), clip_norm=1.0)
    assert model.evaluate(X[train:], y[train:])["loss"] < 0.25 * persistence


def test_two_marked_numbers_are_added():
    """The rule: to guess the mean."""
    X, y = problems.adding(1200, T=20, seed=1)
    model = SequenceRegressor(1, 32, input_size=2, cell="gru")
    history = model.fit(X[:1000], y[:1000], epochs=30, validation=(X[1000:], y[1000:]), **SETTINGS)
    assert history.validation_loss[-1] < 0.02 * y[1000:].var()
