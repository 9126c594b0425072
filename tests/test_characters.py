"""Character models as a library: samples, streams, training by the section."""

from __future__ import annotations

import io
import itertools
import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from rich.console import Console

from rnnfast import Adam, LanguageModel, characters, text
from rnnfast.names import dinosaur_names

BANANAS = characters.streams(text.encode("banana bandana " * 30, tuple(" abdn")), 5)


def test_streams_use_each_character_once() -> None:
    tokens = np.arange(103, dtype=np.int32)
    X, Y = characters.streams(tokens, 10)
    assert X.shape == Y.shape == (10, 10)
    assert np.array_equal(X.ravel(), tokens[:100])
    assert np.array_equal(Y, X + 1)


@pytest.mark.parametrize(
    ("tokens", "num_streams", "message"),
    [(10, 10, "10 characters, expected at least 11"), (5, 0, "num_streams is 0"), (0, 1, "0 characters")],
)
def test_streams_of_too_little_are_refused(tokens: int, num_streams: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        characters.streams(np.zeros(tokens, np.int32), num_streams)


@pytest.mark.parametrize("share", [-0.1, 1.0, math.nan])
def test_shares_out_of_range_are_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share is"):
        characters.split_text(np.zeros(10, np.int32), share)


def test_samples_of_names_read_back() -> None:
    names = dinosaur_names()
    vocabulary = text.vocabulary_of(["\n", *"".join(names)])
    X, Y = characters.name_samples(names, vocabulary)
    for name, x, y in zip(names, X, Y, strict=True):
        assert text.decode(x, vocabulary) == "\n" + name
        assert text.decode(y, vocabulary) == name + "\n"
        assert ((x >= 0) == (y >= 0)).all()


def test_names_need_an_end() -> None:
    with pytest.raises(ValueError, match="no line's end"):
        characters.NamesModel(LanguageModel(2, 3, vocabulary="ab"))
    with pytest.raises(ValueError, match="empty"):
        characters.name_samples(["a", ""], ("\n", "a"))


@pytest.mark.parametrize(
    ("begin", "message"),
    [
        ("Tri", r"begin is 'Tri', with 'T', which no name has: they are in lower case$"),
        ("tr1", r"begin is 'tr1', with '1', which no name has$"),
        ("t\n", r"begin is 't\\n', with '\\n', which no name has$"),
        (["t"], r"begin is \['t'\], expected text$"),
    ],
)
def test_what_no_name_begins_with_is_shown(begin: str, message: str) -> None:
    inventor = characters.NamesModel.for_names(["tri", "tyr"], 2)
    with pytest.raises((TypeError, ValueError), match=message):
        inventor.invent(1, begin=begin)


def test_names_in_capitals_may_begin_with_one() -> None:
    inventor = characters.NamesModel.for_names(["Wien", "Graz"], 2)
    assert inventor.invent(1, begin="Gr")[0].startswith("Gr")
    with pytest.raises(ValueError, match=r"with 'L', which no name has$"):
        inventor.invent(1, begin="Linz")


@pytest.fixture(scope="module")
def learnt() -> tuple[characters.NamesModel, list[characters.Report]]:
    names = dinosaur_names()
    inventor = characters.NamesModel.for_names(names, 64, seed=3)
    X, Y = characters.name_samples(names, inventor.model.vocabulary or ())
    order = np.random.default_rng(0).permutation(len(names))
    reports = characters.train(
        inventor.model,
        (X[order[90:]], Y[order[90:]]),
        (X[order[:90]], Y[order[:90]]),
        epochs=40,
        section=2,
        patience=3,
        batch_size=32,
        optimizer=Adam(0.005),
        clip_norm=5.0,
    )
    return inventor, reports


def test_names_are_learnt(learnt: tuple[characters.NamesModel, list[characters.Report]]) -> None:
    """Better than letters by their frequency and than letters by the one before, both without knowledge of the rest."""
    inventor, reports = learnt
    best = min(report.validation for report in reports)
    held_back = np.random.default_rng(0).permutation(907)[:90]
    names = dinosaur_names()
    training = [name for k, name in enumerate(names) if k not in set(held_back)]
    assert best < _pairs(training, [names[k] for k in held_back]) - 0.2
    invented = inventor.invent(200, temperature=0.7, seed=1)
    assert sum(name.endswith("saurus") for name in invented) > 30
    assert sum(name not in names for name in invented) > 120
    assert all(name.isalpha() for name in invented)
    assert all(name.startswith("tyr") for name in inventor.invent(20, begin="tyr"))


def _pairs(training: list[str], held_back: list[str]) -> float:
    """Bits a character of the best model that knows one character back: smoothed counts of pairs."""
    counts = np.ones((128, 128))
    for name in training:
        line = "\n" + name + "\n"
        for a, b in itertools.pairwise(line):
            counts[ord(a), ord(b)] += 10
    bits = [
        -math.log2(counts[ord(a), ord(b)] / counts[ord(a)].sum())
        for name in held_back
        for a, b in zip("\n" + name, name + "\n", strict=True)
    ]
    return float(np.mean(bits))


def test_the_best_section_is_kept(learnt: tuple[characters.NamesModel, list[characters.Report]]) -> None:
    inventor, reports = learnt
    names = dinosaur_names()
    X, Y = characters.name_samples(names, inventor.model.vocabulary or ())
    held_back = np.random.default_rng(0).permutation(len(names))[:90]
    measured = inventor.model.evaluate(X[held_back], Y[held_back])["bits_per_token"]
    assert measured == min(report.validation for report in reports)
    assert [report.best for report in reports].count(True) > 3
    assert len(reports) < 20, "patience"
    assert not any(report.best for report in reports[-3:])


def test_whatever_ends_training_leaves_the_best() -> None:
    model = LanguageModel(5, 8)
    after: list[dict[str, np.ndarray]] = []

    def stop(report: characters.Report) -> None:
        after.append({name: array.copy() for name, array in model.parameters.items()})
        if report.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        characters.train(model, BANANAS, epochs=9, on_report=stop)
    assert len(after) == 3
    assert all(np.array_equal(model.parameters[name], array) for name, array in after[2].items())


def test_sections_are_the_epochs_of_one_run() -> None:
    alone, cut = LanguageModel(5, 8, seed=1), LanguageModel(5, 8, seed=1)
    alone.fit(*BANANAS, epochs=7, batch_size=2)
    reports = characters.train(cut, BANANAS, epochs=7, section=3, batch_size=2)
    assert [report.epoch for report in reports] == [3, 6, 7]
    assert [report.tokens for report in reports] == [epoch * BANANAS[0].size for epoch in (3, 6, 7)]
    assert [report.training * math.log(2) for report in reports] == pytest.approx(
        [alone.history.loss[epoch - 1] for epoch in (3, 6, 7)], rel=1e-12
    )
    assert all(np.array_equal(cut.parameters[name], array) for name, array in alone.parameters.items())


def test_callbacks_of_ones_own_are_called_too() -> None:
    """Before the report; one that returns True stops the run, not the section alone, and that section is reported."""
    seen: list[object] = []
    reports = characters.train(
        LanguageModel(5, 8),
        BANANAS,
        epochs=9,
        section=2,
        callbacks=[lambda epoch, history: seen.append((epoch, len(history.loss))) or epoch == 4],
        on_report=seen.append,
    )
    assert seen == [(0, 1), (1, 2), reports[0], (2, 3), (3, 4), reports[1], (4, 5), reports[2]]
    assert [report.epoch for report in reports] == [2, 4, 5]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"callbacks": print}, TypeError, "callbacks is <built-in function print>, expected a sequence"),
        ({"callbacks": [3]}, TypeError, "callbacks is .*3.*, expected a sequence of functions"),
        ({"epochs": 0}, ValueError, "epochs is 0, expected at least 1"),
        ({"section": 0}, ValueError, "section is 0, expected at least 1"),
        ({"patience": 0}, ValueError, "patience is 0, expected at least 1"),
        ({"stateful": True}, ValueError, "stateful is True, expected truncate="),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_anything_changes(
    settings: dict[str, object], error: type[Exception], message: str
) -> None:
    model, untouched = LanguageModel(5, 8), LanguageModel(5, 8)
    with pytest.raises(error, match=message):
        characters.train(model, BANANAS, **{"epochs": 3} | settings)
    assert all(np.array_equal(model.parameters[name], a) for name, a in untouched.parameters.items())


def test_a_run_has_one_progress_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the epochs of all sections, loss, bits a character, speed and time left."""
    screen = io.StringIO()
    console = Console(file=screen, width=120, force_terminal=True, color_system=None)
    monkeypatch.setattr("rnnfast.progress.Console", lambda stderr: console)
    reports = characters.train(LanguageModel(5, 8), BANANAS, epochs=4, section=2, progress=True)
    lines = [line for line in screen.getvalue().replace("\x1b[2K", "\r").split("\r") if "tokens/s" in line]
    assert lines
    assert all("/4 " in line for line in lines)
    bits = reports[-1].training
    assert f"4/4 0:00:00 loss {bits * math.log(2):.3f}, {bits:.3f} bits a token" in lines[-1]


class Learnt(NamedTuple):
    content: str
    model: LanguageModel
    untrained: LanguageModel
    reports: list[characters.Report]
    training: np.ndarray
    held_back: np.ndarray


@pytest.fixture(scope="module")
def sonnets(data_dir: Path) -> Learnt:
    """A small model of Shakespeare's sonnets."""
    content = (data_dir / "sonnets.txt").read_text(encoding="utf-8")
    vocabulary = text.vocabulary_of(content)
    learnt, held_back = characters.split_text(text.encode(content, vocabulary), 0.1)
    model, untrained = (LanguageModel(len(vocabulary), 96, cell="gru", vocabulary=vocabulary) for _ in "ab")
    reports = characters.train(
        model,
        characters.streams(learnt, 20),
        characters.streams(held_back, 20),
        epochs=5,
        truncate=40,
        stateful=True,
        shuffle=False,
        optimizer=Adam(0.005),
        clip_norm=5.0,
    )
    return Learnt(content, model, untrained, reports, learnt, held_back)


def test_a_real_text_is_learnt(sonnets: Learnt) -> None:
    """After five epochs better than the best model of pairs of characters."""
    V = sonnets.model.vocab_size
    pairs = np.full((V, V), 0.1)
    np.add.at(pairs, (sonnets.training[:-1], sonnets.training[1:]), 1)
    bits = -np.log2(pairs / pairs.sum(axis=1, keepdims=True))
    baseline = bits[sonnets.held_back[:-1], sonnets.held_back[1:]].mean()
    assert sonnets.reports[-1].validation < baseline - 0.2
    score = characters.score_text(sonnets.model, sonnets.content[-3000:])
    assert score["bits_per_token"] < baseline


def share_of_words(written: str, content: str) -> float:
    """The share of its words, of three letters and more, that the text has too."""
    words, known = (re.findall(r"[a-z]{3,}", whole.lower()) for whole in (written, content))
    return sum(map(set(known).__contains__, words)) / len(words)


def test_samples_are_of_the_texts_words(sonnets: Learnt) -> None:
    """Far more often than letters drawn by how frequent they are, and than what the model wrote before it learnt."""
    written, before = (
        model.decode(model.generate(4000, seed=1)[0]) for model in (sonnets.model, sonnets.untrained)
    )
    letters = "".join(np.random.default_rng(1).choice(list(sonnets.content), 4000))
    shares = [share_of_words(sample, sonnets.content) for sample in (written, before, letters)]
    assert shares[0] > 0.35
    assert max(shares[1:]) < 0.05
