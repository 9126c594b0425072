"""Small stand-ins for a language model, and a tune for them to play on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnnfast import LanguageModel
from rnnfast.music.score import Score

from .scores import block_chords, make_part, make_score


def random_player(
    words: Sequence[str], weights: Sequence[float] | None = None, *, tells: bool = True
) -> LanguageModel:
    """A model that draws tokens by weights that do not depend on what was heard."""
    model = LanguageModel(len(words), 2, vocabulary=words if tells else None)
    shares = np.log([1.0] * len(words) if weights is None else weights)
    silent = {name: np.zeros_like(values) for name, values in model.parameters.items()}
    model.set_parameters(silent | {"dense.b": shares})
    return model


def swing_tune(bars: int = 8) -> Score:
    """Swung eighths over ii-V-I in C, with a piano, a bass and a ride cymbal."""
    pitches = [62, 65, 69, 72, 71, 67, 65, 62, 64, 67, 71, 74, 72, 69, 67, 64, 76, 74, 70]
    melody = []
    for beat in range(4 * bars):
        if beat % 8 == 7:
            continue
        first, second = pitches[2 * beat % len(pitches)], pitches[(2 * beat + 1) % len(pitches)]
        melody += [(beat, 2 / 3, first), (beat + 2 / 3, 1 / 3, second)]
    changes = [(62, 65, 69, 72), (55, 65, 71, 74), (60, 64, 67, 71), (60, 64, 67, 71)]
    piano = block_chords([changes[i % 4] for i in range(bars)])
    bass = [(beat, 1, 36 + (2, 7, 0, 0)[beat // 4 % 4]) for beat in range(4 * bars)]
    ride = [(beat, 0.5, 51) for beat in range(4 * bars)]
    return make_score(
        make_part(0, melody, "Sax", 66),
        make_part(1, piano, "Piano", 4),
        make_part(2, bass, "Bass", 32),
        make_part(3, ride, "Drums", drums=True),
        tempos=[(0, 400_000)],
    )


Recorded = list[tuple[str, int]]


def recording(
    chooser: Callable[[str, Sequence[Any]], int], tape: Recorded
) -> Callable[[str, Sequence[Any]], int]:
    """A chooser that writes down what another one decides."""

    def choose(kind: str, options: Sequence[Any]) -> int:
        index = chooser(kind, options)
        tape.append((kind, index))
        return index

    return choose


def replaying(tape: Recorded) -> Callable[[str, Sequence[Any]], int]:
    """A chooser that decides as it was written down, and insists on being asked the same."""
    remaining = iter(tape)

    def choose(kind: str, options: Sequence[Any]) -> int:
        recorded, index = next(remaining)
        assert recorded == kind
        return index

    return choose
