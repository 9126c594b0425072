"""Small scores for tests, in quarter notes, and random ones for property tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from rnnfast.music.score import DRUM_CHANNEL, Note, Part, Score

TICKS = 480

Timed = tuple[float, float, int]
"""(onset, length, MIDI pitch), in quarter notes."""


def make_part(
    number: int, notes: Iterable[Timed], name: str = "", program: int | None = None, *, drums: bool = False
) -> Part:
    channel = DRUM_CHANNEL if drums else 0
    timed = sorted(notes, key=lambda note: note[0])
    return Part(
        number,
        number + 1,
        name,
        program,
        tuple(
            Note(round(onset * TICKS), round((onset + length) * TICKS), pitch, 90, channel)
            for onset, length, pitch in timed
        ),
    )


def make_score(
    *parts: Part,
    meters: Sequence[tuple[float, int, int]] = (),
    keys: Sequence[tuple[int, str]] = (),
    tempos: Sequence[tuple[int, int]] = (),
) -> Score:
    signatures = tuple((round(at * TICKS), numerator, denominator) for at, numerator, denominator in meters)
    return Score(TICKS, parts, tuple(tempos), signatures, tuple(keys), "test")


def melody(pitches: Iterable[int], *, start: float = 0, length: float = 1) -> list[Timed]:
    """Notes of equal length, one after another."""
    return [(start + i * length, length, pitch) for i, pitch in enumerate(pitches)]


def block_chords(chords: Iterable[Sequence[int]], *, start: float = 0, length: float = 4) -> list[Timed]:
    """Chords of equal length, one after another."""
    return [(start + i * length, length, pitch) for i, chord in enumerate(chords) for pitch in chord]


_notes = st.builds(
    lambda onset, length, pitch, velocity, channel: Note(onset, onset + length, pitch, velocity, channel),
    onset=st.integers(0, 4000),
    length=st.integers(0, 2000),
    pitch=st.integers(0, 127),
    velocity=st.integers(1, 127),
    channel=st.sampled_from([0, 0, 0, 1, DRUM_CHANNEL]),
)


@st.composite
def random_scores(draw: st.DrawFn) -> Score:
    """Draw any score that a readable MIDI file may hold, down to notes of length 0 and absurd meters."""
    parts = []
    for number in range(draw(st.integers(0, 4))):
        notes = draw(st.lists(_notes, min_size=1, max_size=12))
        name = draw(st.sampled_from(["", "Melody", "Bass", "piano", "[red]"]))
        program = draw(st.one_of(st.none(), st.integers(0, 127)))
        ordered = tuple(sorted(notes, key=lambda note: note.onset))
        parts.append(Part(number, number, name, program, ordered))
    ticks = st.integers(0, 4000)
    meter = st.tuples(ticks, st.integers(1, 255), st.sampled_from([1, 2, 4, 8, 16, 32, 64]))
    return Score(
        draw(st.sampled_from([6, 24, 96, 480])),
        tuple(parts),
        tuple(sorted(draw(st.lists(st.tuples(ticks, st.integers(1, 0xFFFFFF)), max_size=2)))),
        tuple(sorted(draw(st.lists(meter, max_size=3)))),
        tuple(draw(st.lists(st.tuples(ticks, st.sampled_from(["C", "G", "Bbm", "F#"])), max_size=1))),
        "random",
    )
