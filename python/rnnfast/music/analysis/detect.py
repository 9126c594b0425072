"""Which part of a score has the tune and which parts accompany it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rnnfast.music.analysis.instruments import is_bass, program_name, tune_bias
from rnnfast.music.analysis.skyline import group_onsets, skyline, split_hands
from rnnfast.music.harmony import pitch_name, pitch_octave
from rnnfast.music.score import Note, Part, Score

Role = Literal["melody", "chords", "bass", "line", "drums"]
"""What a part does: ``"chords"`` for any part that the harmony is heard in, ``"line"`` for one that is not used."""

_CHORDAL = 0.4
"""A part plays chords where this share of its onsets has several notes ..."""

_POLYPHONIC = 2.0
"""... or where so many sound together."""

_SECOND_VOICE = 1.3
"""A lone part has an accompaniment of its own where so many notes sound together."""

_LOW = 48
"""A single line that stays below this pitch (C3) most of the time is a bass line."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What was found in one part.

    Attributes
    ----------
    part : Part
    lowest, highest : int
        MIDI pitches.
    median : float
        The pitch that half of the notes lie below.
    chord_share : float
        Share of its onsets at which two or more notes begin together.
    polyphony : float
        Mean number of notes that sound together, where any does.
    coverage : float
        Share of the piece, in stretches of four quarter notes, in which a note of it begins.
    density : float
        Onsets a quarter note, in those stretches.
    """

    part: Part
    lowest: int
    highest: int
    median: float
    chord_share: float
    polyphony: float
    coverage: float
    density: float

    @property
    def plays_chords(self) -> bool:
        """Whether it is an accompaniment's texture rather than a line."""
        return self.chord_share >= _CHORDAL or self.polyphony >= _POLYPHONIC

    @property
    def is_bass(self) -> bool:
        """Whether its name or program says bass, or it is a line that stays low."""
        return is_bass(self.part.name, self.part.program) or (not self.plays_chords and self.median < _LOW)

    @property
    def tunefulness(self) -> float:
        """How likely it has the tune: single notes, high, moving, there all the time, and called so."""
        height = min(1.0, max(0.0, (self.median - 48) / 24))
        motion = min(1.0, self.density / 2)
        bias = tune_bias(self.part.name, self.part.program)
        return 2 * (1 - self.chord_share) + 2 * self.coverage + 1.5 * height + motion + bias

    def describe(self) -> str:
        """Return one phrase for a person: ``0 'Melody' (flute, 96 notes, F4-D6)``."""
        notes = len(self.part.notes)
        kind = "drums" if self.part.is_drums else program_name(self.part.program)
        reach = "" if self.part.is_drums else f", {pitch_label(self.lowest)}-{pitch_label(self.highest)}"
        return f"{self.part.number} {self.part.name!r} ({kind}, {notes} note{'s'[: notes != 1]}{reach})"


@dataclass(frozen=True)
class Arrangement:
    """The roles in a score.

    Attributes
    ----------
    score : Score
    traits : tuple of Traits
        One for each part of the score, in order.
    melody : Part
    accompaniment : tuple of Part
        In score order; it may hold the melody's own part, whose lower notes accompany the top line then,
        and is empty where a melody stands alone.
    """

    score: Score
    traits: tuple[Traits, ...]
    melody: Part
    accompaniment: tuple[Part, ...]

    def __repr__(self) -> str:
        accompaniment = [part.name for part in self.accompaniment]
        return f"<Arrangement: melody {self.melody.name!r}, accompaniment {accompaniment}>"

    @property
    def melody_line(self) -> tuple[Note, ...]:
        """The tune as a single line: one note an onset, in order; neighbours may still overlap."""
        return self._split[0]

    @cached_property
    def accompaniment_notes(self) -> tuple[Note, ...]:
        """All notes of the accompaniment, in order of onset."""
        notes = [note for part in self.accompaniment if part != self.melody for note in part.notes]
        if self.melody in self.accompaniment:
            notes.extend(self._split[1])
        return tuple(sorted(notes, key=lambda note: note.onset))

    def role(self, part: Part) -> Role:
        """Return what a part of the score does in it."""
        traits = self.traits[self.score.parts.index(part)]
        if part.is_drums:
            return "drums"
        if part == self.melody:
            return "melody"
        if traits.is_bass:
            return "bass"
        return "chords" if part in self.accompaniment else "line"

    @cached_property
    def _split(self) -> tuple[tuple[Note, ...], tuple[Note, ...]]:
        split = split_hands if self.melody in self.accompaniment else skyline
        return split(self.melody.notes, self.score.ticks_per_quarter)


def arrange(score: Score, *, melody: int | str | None = None, chords: int | str | None = None) -> Arrangement:
    """Find the melody and the accompaniment of a score.

    The melody is the pitched part with the highest `Traits.tunefulness`. The accompaniment is every other
    part that plays chords, and the basses; where no other part plays chords, all other parts. A part that
    has to be both (a lone piano, or a piano with only a bass beside it) gives its top line to the melody.

    Parameters
    ----------
    score : Score
        Of any number of parts.
    melody, chords : int or str, optional
        A part's number (parts that have notes, from 0) or its track's name, in any case; digits count as
        a number where no track has that name. `chords` makes that part the only accompaniment.

    Returns
    -------
    arrangement : Arrangement

    Raises
    ------
    ValueError
        Where there is no pitched part, or `melody` or `chords` names none, more than one, or drums. The
        message lists the parts with what was found in them.
    TypeError
        Where `melody` or `chords` is neither an integer nor text.

    Examples
    --------
    >>> from rnnfast.music.score import Note, Part, Score
    >>> tune = Part(0, 1, "Melody", 73, tuple(Note(480 * i, 480 * i + 480, 72 + i) for i in range(4)))
    >>> pads = Part(1, 2, "Chords", 0, tuple(Note(0, 1920, pitch, 70, 1) for pitch in (48, 52, 55)))
    >>> arrangement = arrange(Score(480, (tune, pads)))
    >>> arrangement.melody.name, [part.name for part in arrangement.accompaniment]
    ('Melody', ['Chords'])
    """
    traits = find_traits(score)
    pitched = [found for found in traits if not found.part.is_drums]
    if not traits:
        raise ValueError("the file has no notes, expected a melody")
    if not pitched:
        raise ValueError(f"the file has only drums, expected a melody: {_list_parts(traits)}")
    chosen_chords = None if chords is None else _choose("chords", chords, traits)
    if melody is not None:
        tune = _choose("melody", melody, traits)
    else:
        others = [found for found in pitched if found is not chosen_chords]
        tune = max(others or pitched, key=lambda found: found.tunefulness)
    backing = _accompaniment(tune, pitched) if chosen_chords is None else [chosen_chords]
    return Arrangement(score, traits, tune.part, tuple(found.part for found in backing))


def find_traits(score: Score) -> tuple[Traits, ...]:
    """Measure every part of a score.

    Parameters
    ----------
    score : Score
        Of any number of parts.

    Returns
    -------
    traits : tuple of Traits
        One for each part that has notes, in order.
    """
    return tuple(_measure(part, score) for part in score.parts if part.notes)


def pitch_label(pitch: int) -> str:
    """Return a pitch's name for people to read: 60 is "C4", 70 is "Bb4"."""
    return f"{pitch_name(pitch).replace('-', 'b')}{pitch_octave(pitch)}"


def _measure(part: Part, score: Score) -> Traits:
    groups = list(group_onsets(part.notes, score.ticks_per_quarter))
    stretch = 4 * score.ticks_per_quarter
    played = {group[0].onset // stretch for group in groups}
    pitches = [note.pitch for note in part.notes]
    return Traits(
        part=part,
        lowest=min(pitches),
        highest=max(pitches),
        median=statistics.median(pitches),
        chord_share=sum(len({note.pitch for note in group}) > 1 for group in groups) / len(groups),
        polyphony=_polyphony(part.notes),
        coverage=len(played) / max(max(played) + 1, -(-score.end // stretch)),
        density=len(groups) / (4 * len(played)),
    )


def _polyphony(notes: Iterable[Note]) -> float:
    """Return the mean number of sounding notes over the time in which at least one sounds."""
    total = sounding = end = 0
    for note in sorted(notes, key=lambda note: note.onset):
        total += max(0, note.release - note.onset)
        sounding += max(0, note.release - max(end, note.onset))
        end = max(end, note.release)
    return total / sounding if sounding else 1.0


def _accompaniment(tune: Traits, pitched: Sequence[Traits]) -> list[Traits]:
    others = [found for found in pitched if found is not tune]
    if any(found.plays_chords for found in others):
        return [found for found in others if found.plays_chords or found.is_bass]
    if tune.plays_chords or (not others and tune.polyphony >= _SECOND_VOICE):
        return [found for found in pitched if found is tune or found.is_bass]
    return others


def _choose(argument: str, value: int | str, traits: Sequence[Traits]) -> Traits:
    """Return the part that an argument names."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"{argument}={value!r}: expected a part's number or a track's name")
    if isinstance(value, str):
        found = [one for one in traits if one.part.name.casefold() == value.strip().casefold()]
        if len(found) > 1:
            numbers = " and ".join(str(one.part.number) for one in found)
            raise ValueError(
                f"{argument}={value!r}: parts {numbers} have that name, give the number: {_list_parts(found)}"
            )
        if not found and value.strip().isdecimal():
            return _choose(argument, int(value), traits)
        problem = "no part has that name, the file has"
    else:
        found = [one for one in traits if one.part.number == value]
        problem = "the file has"
    if not found:
        raise ValueError(f"{argument}={value!r}: {problem} {_count_parts(traits)}: {_list_parts(traits)}")
    if found[0].part.is_drums:
        pitched = [one for one in traits if not one.part.is_drums]
        raise ValueError(
            f"{argument}={value!r}: part {found[0].describe()} is drums, "
            f"expected one with pitches: {_list_parts(pitched)}"
        )
    return found[0]


def _count_parts(traits: Sequence[Traits]) -> str:
    first, last = traits[0].part.number, traits[-1].part.number
    return f"parts {first} to {last}" if last > first else f"one part, {first}"


def _list_parts(traits: Iterable[Traits]) -> str:
    return ", ".join(one.describe() for one in traits)
