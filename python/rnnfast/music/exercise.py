"""The jazz exercise on any MIDI file: its corpus, its arrays, and its way from predicted tokens to a solo."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from rnnfast.music.analysis.detect import arrange
from rnnfast.music.chooser import Chooser
from rnnfast.music.elements import DEFAULT_VELOCITY, Chord, Element, Measure, PlacedNote
from rnnfast.music.grammar import clean_up_notes, prune_grammar, prune_notes, relabel, tokenize, unparse
from rnnfast.music.midi import read_midi
from rnnfast.music.score import Note, Part, Score
from rnnfast.music.voices import read_chords, read_melody
from rnnfast.music.windows import one_hot_windows, window_starts

BAR = 4
"""Quarter notes a bar, whatever the file's meter."""

TEMPO = 461_538
"""Microseconds a quarter note of a generated solo: 130 beats a minute."""

_Timed = TypeVar("_Timed", Element, Chord)

_TICKS_PER_QUARTER = 1024
_FIRST_TOKEN = "C,0.250"
_GROUPS_PER_SET = 3


class MusicUtils(NamedTuple):
    """What `load_music_utils` returns: the exercise's five values.

    Attributes
    ----------
    X : (60, 30, n_values) bool
        One-hot inputs; the first step of each window is all zero.
    Y : (30, 60, n_values) bool
        One-hot targets, time first; the last step is all zero.
    n_values : int
        Size of the vocabulary.
    indices_values : dict of int to str
        The vocabulary: the corpus' distinct tokens, sorted.
    chords : list of tuple of Chord
        Chord groups. Group 0 is empty, group k holds the chords of the corpus' k-th bar.
    """

    X: npt.NDArray[np.bool_]
    Y: npt.NDArray[np.bool_]
    n_values: int
    indices_values: dict[int, str]
    chords: list[tuple[Chord, ...]]


def load_music_utils(
    path: str | os.PathLike[str],
    *,
    melody: int | str = 5,
    chords: int | str = 0,
    start: Fraction | float | None = 476,
    end: Fraction | float | None = 548,
    rests: bool = True,
) -> MusicUtils:
    """Read a MIDI file as the jazz exercise does, with the settings that it has for its own file.

    Parameters
    ----------
    path : path-like
        A MIDI file.
    melody, chords : int or str
        A part's number (tracks that have notes, from 0) or its track's name.
    start, end : number or None
        Only what begins within these quarter notes, both included; None is the file's own.
    rests : bool
        Whether rests are tokens: two variants of the exercise differ in this.

    Returns
    -------
    X, Y, n_values, indices_values, chords : MusicUtils

    Raises
    ------
    MidiError
        The file is damaged or no MIDI file.
    ValueError
        A part that is not there, or fewer than 31 tokens in the region.
    OSError
        The file cannot be opened.
    """
    measures = faithful_measures(read_midi(path), melody, chords, start, end, rests)
    corpus = [token for measure in measures for token in measure.tokens]
    values = sorted(set(corpus))
    index = {value: i for i, value in enumerate(values)}
    X, Y = one_hot_windows([index[token] for token in corpus], len(values), window_starts(len(corpus)))
    groups = [(), *(measure.chords for measure in measures)]
    return MusicUtils(X, Y, len(values), dict(enumerate(values)), groups)


def faithful_measures(
    score: Score,
    melody: int | str | None = None,
    chords: int | str | None = None,
    start: Fraction | float | None = None,
    end: Fraction | float | None = None,
    rests: bool = True,
) -> tuple[Measure, ...]:
    """Return the exercise's corpus: bars of four quarter notes with their tokens and chords.

    Bars without melody or without chords are left out. Chords come from one part alone, single notes and
    rests in it do not count; notes of the melody that are struck together do not count either.

    Parameters
    ----------
    score : Score
        Of at least two parts.
    melody, chords : int, str or None
        A part's number or its track's name; None looks for the part that has the role.
    start, end : number or None
        Only what begins within these quarter notes, both included; None is no limit.
    rests : bool
        Whether rests are tokens.

    Returns
    -------
    measures : tuple of Measure
        At least one; chords keep the offsets that they have in the file.

    Raises
    ------
    ValueError
        A part that is not there, no accompaniment, or no bar that has both melody and chords.
    """
    arrangement = arrange(score, melody=melody, chords=chords)
    if not arrangement.accompaniment:
        raise ValueError(
            f"the score has no part beside its melody {arrangement.melody.name!r}, expected one with chords"
        )
    line = read_melody(arrangement.melody, score.ticks_per_quarter, rests=rests)
    harmony = read_chords(arrangement.accompaniment[0], score.ticks_per_quarter, rests=rests)
    melody_bars, chord_bars = _bars(line, start, end), _bars(harmony, start, end)
    measures = tuple(
        _measure(number, single, chord_bars[number])
        for number in sorted(melody_bars.keys() & chord_bars.keys())
        if (single := [element for element in melody_bars[number] if len(element.pitches) < 2])
    )
    if not measures:
        names = f"melody {arrangement.melody.name!r} and chords {arrangement.accompaniment[0].name!r}"
        raise ValueError(
            f"no bar from quarter {start} to {end} has both {names}: "
            f"{len(melody_bars)} bars have melody, {len(chord_bars)} have chords"
        )
    return measures


def _bars(
    timed: Iterable[_Timed], start: Fraction | float | None, end: Fraction | float | None
) -> dict[int, list[_Timed]]:
    bars: dict[int, list[_Timed]] = defaultdict(list)
    for one in timed:
        if (start is None or one.offset >= start) and (end is None or one.offset <= end):
            bars[one.offset // BAR].append(one)
    return bars


def _measure(number: int, elements: Sequence[Element], chords: Sequence[Chord]) -> Measure:
    start, length = Fraction(number * BAR), Fraction(BAR)
    return Measure(number, start, length, tuple(elements), tuple(chords), tokenize(elements, chords))


@dataclass(frozen=True)
class SoloSet:
    """One of the solo's sets: the predicted tokens over one group of chords.

    Attributes
    ----------
    start : Fraction
        Where the set begins, in quarter notes.
    notes : tuple of PlacedNote
        Notes and rests; their offsets count from `start`.
    chords : tuple of Chord
        Their offsets count from `start`.
    """

    start: Fraction
    notes: tuple[PlacedNote, ...]
    chords: tuple[Chord, ...]

    @property
    def num_notes(self) -> int:
        """Notes that sound: rests do not count."""
        return sum(note.pitch is not None for note in self.notes)


def generate(tokens: Iterable[str], groups: Sequence[Sequence[Chord]], chooser: Chooser) -> list[SoloSet]:
    """Play the same predicted tokens over several groups of chords, as the exercise does.

    One set for every third group, less one, from group 1 on: five for the exercise's 19 groups. A set begins
    every four quarter notes and lasts as long as its tokens do, so that sets overlap.

    Parameters
    ----------
    tokens : iterable of str
        Predicted tokens, played after a chord tone of a quarter of a quarter note.
    groups : sequence of sequence of Chord
        Chord groups; group 0 is not played.
    chooser : Chooser
        Asked set by set: for `prune_grammar`, then for `unparse`.

    Returns
    -------
    sets : list of SoloSet

    Raises
    ------
    ValueError
        Fewer than 6 groups, a group without chords, a token that is not one, or a choice that is not an
        option's index.
    """
    count = len(groups) // _GROUPS_PER_SET - 1
    if count < 1:
        raise ValueError(f"groups has {len(groups)} chord groups, expected {2 * _GROUPS_PER_SET} or more")
    words = relabel([_FIRST_TOKEN, *tokens])
    return [_solo_set(words, groups[i], Fraction((i - 1) * BAR), chooser) for i in range(1, count + 1)]


def _solo_set(tokens: Sequence[str], group: Sequence[Chord], start: Fraction, chooser: Chooser) -> SoloSet:
    chords = [chord.at(chord.offset % BAR) for chord in group]
    notes = unparse(prune_grammar(tokens, chooser), chords, chooser)
    first = next(note.offset for note in notes if note.pitch is not None)
    if first < chords[0].offset:
        chords[0] = chords[0].at(Fraction(0))  # it is heard under the first note, so it sounds from there
    return SoloSet(start, tuple(clean_up_notes(prune_notes(notes))), tuple(chords))


def solo_score(sets: Iterable[SoloSet]) -> Score:
    """Lay the sets out as the exercise's file: 130 beats a minute, one part, no program.

    There are 1,024 ticks a quarter note. Rests are left out. A note above the MIDI range is put down by
    octaves.

    Parameters
    ----------
    sets : iterable of SoloSet
        As `generate` returns them.

    Returns
    -------
    score : Score
        For `rnnfast.music.midi.write_midi`.
    """
    notes = [note for solo_set in sets for note in (*_solo_notes(solo_set), *_chord_notes(solo_set))]
    part = Part(0, 1, "", None, tuple(sorted(notes, key=lambda note: note.onset)))
    return Score(_TICKS_PER_QUARTER, (part,), tempos=((0, TEMPO),), time_signatures=((0, 4, 4),))


def _solo_notes(solo_set: SoloSet) -> Iterable[Note]:
    for offset, length, pitch in solo_set.notes:
        if pitch is not None:
            yield _note(solo_set.start + offset, length, pitch, DEFAULT_VELOCITY)


def _chord_notes(solo_set: SoloSet) -> Iterable[Note]:
    for chord in solo_set.chords:
        for pitch, velocity in zip(chord.pitches, chord.velocities, strict=True):
            yield _note(solo_set.start + chord.offset, chord.length, pitch, velocity)


def _note(offset: Fraction, length: Fraction, pitch: int, velocity: int) -> Note:
    onset = round(offset * _TICKS_PER_QUARTER)
    octaves_above = max(0, (pitch - 116) // 12)
    return Note(onset, onset + round(length * _TICKS_PER_QUARTER), int(pitch) - 12 * octaves_above, velocity)
