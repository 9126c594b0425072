"""A solo: bars of notes over chords, and the ways out of it, into a MIDI file, sound or a picture."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from numbers import Real

from rnnfast.music.analysis.meter import Bar
from rnnfast.music.elements import Chord, Measure, PlacedNote
from rnnfast.music.grammar import chord_at
from rnnfast.music.harmony import classify
from rnnfast.music.midi import write_midi
from rnnfast.music.plot import piano_roll
from rnnfast.music.score import DEFAULT_TEMPO, Score
from rnnfast.music.sound.synth import render

_MICROSECONDS_A_MINUTE = 60_000_000
_SLOWEST, _FASTEST = 10, 1000  # quarter notes a minute


@dataclass(frozen=True)
class Solo:
    """What `rnnfast.music.improvise` returns. All times are quarter notes from the solo's beginning.

    Attributes
    ----------
    measures : tuple of Measure
        Its bars: the notes and rests that begin in each, the chords under them, and the tokens that the notes
        are over these chords.
    bars : tuple of Bar
        Their meters; numbered from 1.
    symbols : tuple of (Fraction, str)
        Chord symbols with their onsets.
    score : Score
        All parts in ticks. The first has the solo.
    """

    measures: tuple[Measure, ...]
    bars: tuple[Bar, ...]
    symbols: tuple[tuple[Fraction, str], ...]
    score: Score

    def __len__(self) -> int:
        """Return the number of bars."""
        return len(self.measures)

    def __repr__(self) -> str:
        tempo = f"{self.tempo:.0f} quarter notes a minute"
        return f"<Solo: {len(self)} bars, {len(self.notes)} notes, {self.seconds:.1f} s at {tempo}>"

    @cached_property
    def notes(self) -> tuple[PlacedNote, ...]:
        """The notes of the line, (offset, length, MIDI pitch), in order; rests are left out."""
        elements = (element for measure in self.measures for element in measure.elements)
        return tuple(
            PlacedNote(offset, length, pitches[0]) for offset, length, pitches in elements if pitches
        )

    @cached_property
    def chords(self) -> tuple[Chord, ...]:
        """The chords under it, in order."""
        return tuple(chord for measure in self.measures for chord in measure.chords)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """What its notes and rests are over its chords, in the words of the grammar."""
        return tuple(token for measure in self.measures for token in measure.tokens)

    @property
    def length(self) -> Fraction:
        """Quarter notes to the last bar line."""
        return self.bars[-1].end

    @property
    def tempo(self) -> float:
        """Quarter notes a minute."""
        return _MICROSECONDS_A_MINUTE / (self.score.tempos[0][1] if self.score.tempos else DEFAULT_TEMPO)

    @property
    def seconds(self) -> float:
        """How long it lasts, to the last bar line or to the end of its last note."""
        return self.score.seconds(max(float(self.length * self.score.ticks_per_quarter), self.score.end))

    def to_score(self, *, tempo: float | None = None, program: int | None = None) -> Score:
        """Return all parts as a score.

        Parameters
        ----------
        tempo : float, optional
            Quarter notes a minute, 10 to 1000; by default the solo's own.
        program : int, optional
            General MIDI program of the soloist, 0 to 127; by default the melody's.

        Raises
        ------
        ValueError, TypeError
            An argument out of range or of another type.
        """
        score = self.score
        if tempo is not None:
            if isinstance(tempo, bool) or not isinstance(tempo, Real):
                raise TypeError(f"tempo is {tempo!r}, expected quarter notes a minute")
            if not (math.isfinite(tempo) and _SLOWEST <= tempo <= _FASTEST):
                raise ValueError(
                    f"tempo is {tempo}, expected {_SLOWEST} to {_FASTEST} quarter notes a minute"
                )
            score = replace(score, tempos=((0, round(_MICROSECONDS_A_MINUTE / tempo)),))
        if program is not None:
            if isinstance(program, bool) or not isinstance(program, int):
                raise TypeError(f"program is {program!r}, expected an integer")
            if not 0 <= program <= 127:
                raise ValueError(f"program is {program}, expected 0 to 127: a General MIDI instrument")
            score = replace(score, parts=(replace(score.parts[0], program=program), *score.parts[1:]))
        return score

    def save(
        self, path: str | os.PathLike[str], *, tempo: float | None = None, program: int | None = None
    ) -> None:
        """Write a MIDI file; the same solo gives the same bytes.

        Parameters
        ----------
        path : path-like
            Replaced only once the new file is complete.
        tempo, program
            As in `to_score`.

        Raises
        ------
        ValueError, TypeError
            An argument out of range or of another type.
        OSError
            The file cannot be written.
        """
        write_midi(self.to_score(tempo=tempo, program=program), path)

    def render(
        self,
        path: str | os.PathLike[str],
        *,
        sample_rate: int = 44_100,
        soundfont: str | os.PathLike[str] | None = None,
    ) -> None:
        """Write a WAV file, 16 bits, stereo; as `rnnfast.music.sound.synth.render` does."""
        render(self.score, path, sample_rate=sample_rate, soundfont=soundfont)

    def plot(self, path: str | os.PathLike[str], *, bars_per_row: int = 8, title: str | None = None) -> None:
        """Draw a piano roll: the solo coloured by what each note is to its chord, the accompaniment behind it.

        Parameters
        ----------
        path : path-like
            The picture: .png, .svg or .pdf.
        bars_per_row : int
            Where to wrap.
        title : str, optional
            By default the score's name.

        Raises
        ------
        ModuleNotFoundError
            matplotlib is not installed; the message names the extra that brings it.
        ValueError, OSError
            As `rnnfast.music.plot.piano_roll`.
        """
        piano_roll(
            [(note.offset, note.length, note.pitch) for note in self.notes if note.pitch is not None],
            path,
            kinds=[
                classify(pitches[0], chord_at(measure.chords, offset).pitches)
                for measure in self.measures
                for offset, _, pitches in measure.elements
                if pitches
            ],
            accompaniment=self._accompaniment(),
            chords=self.symbols,
            bars=self.bars,
            bars_per_row=bars_per_row,
            title=self.score.name if title is None else title,
        )

    def _accompaniment(self) -> list[tuple[Fraction, Fraction, int]]:
        quarters = self.score.quarters
        return [
            (quarters(note.onset), quarters(max(note.release - note.onset, 0)), note.pitch)
            for part in self.score.parts[1:]
            if not part.is_drums
            for note in part.notes
        ]
