"""Rows 15 and 16: learn a real text, and a long list of names, by character: the time, and what both then predict.

The epochs are run in turn, from the first on. Needs tinyshakespeare.txt and last_names.txt in the folder that
RNNFAST_TEST_DATA names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.harness import Goal, Measure, Row, Work, on_isa, row_of, seconds
from benchmarks.peers import Reading
from benchmarks.products import of_reading, seconds_at_peak
from rnnfast import Adam, CosineDecay, LanguageModel, characters, text
from rnnfast.cli import names as command

AT_LEAST = Goal(faster=2)
MOST_SECONDS = 30.0
TOLERANCE = 0.005
"""How far apart the bits a character of the two may lie, relatively."""


def text_reading(content: str, layers: int, units: int, epochs: int = 3) -> Reading:
    """50 streams side by side, 50 characters an update, Adam at its own rate; the last tenth is held back.

    With twice the rate rounding decides more: first weights of 2 x 256 units moved by a millionth lead 0.3 % of the
    loss apart within an epoch there, and 0.1 % here.
    """
    vocabulary = text.vocabulary_of(content)
    learnt, held_back = characters.split_text(text.encode(content, vocabulary), 0.1)
    data = *characters.streams(learnt, 50), characters.streams(held_back, 50)
    sizes = {"vocab_size": len(vocabulary), "hidden_size": units, "num_layers": layers}
    return Reading(*data, **sizes, batch=50, truncate=50, epochs=epochs, rate=0.001)


def names_reading(names: Sequence[str]) -> Reading:
    """As `rnnfast names` learns them by default, but for one order for all epochs."""
    vocabulary = text.vocabulary_of("\n".join(names))
    shuffled = [names[k] for k in np.random.default_rng(0).permutation(len(names))]
    X, Y = characters.name_samples(shuffled, vocabulary)
    first = round(command.VALIDATION * len(names))
    return Reading(
        X[first:],
        Y[first:],
        held_back=(X[:first], Y[:first]),
        vocab_size=len(vocabulary),
        hidden_size=command.HIDDEN_SIZE,
        num_layers=1,
        batch=command.BATCH_SIZE,
        truncate=X.shape[1],
        epochs=command.epochs_for(len(names)),
        rate=command.RATE,
        falls=True,
    )


def model_of(reading: Reading) -> LanguageModel:
    """The model before training."""
    return LanguageModel(reading.vocab_size, reading.hidden_size, num_layers=reading.num_layers)


def ours(model: LanguageModel, reading: Reading) -> Callable[[], object]:
    """A function that reads everything once more."""
    pieces: dict[str, Any] = {"truncate": reading.truncate, "stateful": True}
    rate = CosineDecay(reading.rate, reading.updates) if reading.falls else reading.rate
    return partial(
        model.fit,
        reading.X,
        reading.Y,
        epochs=1,
        batch_size=reading.batch,
        shuffle=False,
        optimizer=Adam(rate),
        clip_norm=reading.clip_norm,
        **(pieces if reading.truncate < reading.X.shape[1] else {}),
    )


def bits(model: LanguageModel, reading: Reading) -> float:
    """Bits a character of what was held back."""
    return model.evaluate(*reading.held_back)["bits_per_token"]


def rows(peer: str, module: ModuleType, isas: Sequence[str]) -> Iterator[Row | Measure]:
    """Against a peer that reads."""
    if not hasattr(module, "reader"):
        return
    if not os.environ.get("RNNFAST_TEST_DATA"):
        raise FileNotFoundError(
            "RNNFAST_TEST_DATA names no folder with tinyshakespeare.txt and last_names.txt"
        )
    folder = Path(os.environ["RNNFAST_TEST_DATA"])
    shakespeare = (folder / "tinyshakespeare.txt").read_text(encoding="utf-8")
    for layers, units in ((1, 128), (2, 256)):
        reading = text_reading(shakespeare, layers, units)
        work = Work(15, f"learn tinyshakespeare, {layers} x {units}", "character", reading.targets)
        yield from in_turn(work, reading, module, isas, AT_LEAST)
    reading = names_reading((folder / "last_names.txt").read_text(encoding="utf-8").split())
    work = Work(16, f"learn last names, 1 x {reading.hidden_size}", "character", reading.targets)
    yield from in_turn(work, reading, module, isas, None, MOST_SECONDS)


def in_turn(
    work: Work,
    reading: Reading,
    module: ModuleType,
    isas: Sequence[str],
    goal: Goal | None,
    at_most: float | None = None,
) -> Iterator[Row | Measure]:
    """Learn with both, an epoch each; both must then predict alike. `at_most`: seconds for all epochs.

    What the products alone would take at the processor's peak tells how far ahead anybody can be.
    """
    models = {isa: model_of(reading) for isa in isas}
    learn, their_bits = module.reader(dict(models[isas[0]].parameters), reading)
    sides = {isa: partial(on_isa, isa, ours(model, reading)) for isa, model in models.items()}
    turns: list[dict[str, float]] = []
    for epoch in range(1, reading.epochs + 1):
        turns.append({side: seconds(run) for side, run in (sides | {"": learn}).items()})
        if epoch in (1, reading.epochs):
            own, theirs = bits(models[isas[0]], reading), their_bits()
            np.testing.assert_allclose(theirs, own, rtol=TOLERANCE, err_msg=f"{module.NAME} learns otherwise")
            for name, value, isa in (("rnnfast", own, isas[0]), (module.NAME, theirs, "")):
                what = f"{work.name}, epoch {epoch}, held back: {name}"
                yield Measure.of(work.row, what, isa, "bits a character", (value, value, value))
    for side in (*isas, ""):
        total = sum(turn[side] for turn in turns)
        name, limit = ("rnnfast", at_most) if side else (module.NAME, None)
        what = f"{work.name}, {reading.epochs} epochs: {name}"
        yield Measure.of(work.row, what, side, "s", (total, total, total), at_most=limit)
    for isa in isas:
        least = reading.epochs * seconds_at_peak(isa, of_reading(reading))
        what = f"{work.name}, {reading.epochs} epochs: its products at the FMA peak"
        yield Measure.of(work.row, what, isa, "s", (least, least, least))
        yield row_of(work, module.NAME, goal, isa, turns)
