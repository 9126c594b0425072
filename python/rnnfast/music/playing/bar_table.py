"""How a bar may be filled, as a table: where each word leads from each place in a bar.

A state is a place in a kind of bar and what matters of the words before it: whether a note has sounded yet, whether
the last word was a rest, or a note that wants to go on. At a bar line it is only how long nothing has sounded. A bar
line is a letter, too, one for each kind of bar: it says which kind follows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence, Set
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rnnfast.music.elements import Measure
from rnnfast.music.grammar import Token
from rnnfast.music.harmony import classify

MAX_REST = Fraction(4)
"""Quarter notes of silence in a row, beyond which a solo has stopped rather than taken breath."""

# What came before in a bar: only a rest yet; a note; a foreign note, which leads on; a rest after notes.
_RESTED, _SOUNDING, _LEADING, _PAUSED = range(4)

Bools = npt.NDArray[np.bool_]


class BarKind(NamedTuple):
    """What bars have in common that may be filled alike.

    Attributes
    ----------
    length : Fraction
        In quarter notes.
    types : tuple of (Fraction, str)
        The types of notes that there are pitches for, from an offset in the bar on.
    is_last : bool
        The last bar ends on a chord tone that begins by its middle.
    """

    length: Fraction
    types: tuple[tuple[Fraction, str], ...]
    is_last: bool = False


class Rules(NamedTuple):
    """What a bar must keep to beside its length.

    Attributes
    ----------
    rhythm : bool
        A bar has the rhythm of one of the tune's.
    novelty : bool
        No bar of the tune comes back word for word.
    runs : bool
        Nor any run of its words that is too long for a quotation.
    melody : bool
        Every note has a pitch of its type, and foreign notes lead to a note.
    reach : bool
        Every interval can be followed within the register.
    grammar : bool
        The first note of a bar alone has no interval, silence is one rest and no longer than `MAX_REST`, and the
        solo begins with a note.
    """

    rhythm: bool = True
    novelty: bool = True
    runs: bool = True
    melody: bool = True
    reach: bool = True
    grammar: bool = True


class BarTable(NamedTuple):
    """An automaton over V words and K bar lines.

    Attributes
    ----------
    next_state : (S, V + K) int32
        The state after a word or a bar line, -1 where it is forbidden.
    accepting : (S,) bool
        The states at bar lines.
    start : int
    """

    next_state: npt.NDArray[np.int32]
    accepting: Bools
    start: int


def bar_kinds(sources: Sequence[Measure], words: Sequence[Token], register: tuple[int, int]) -> list[BarKind]:
    """Say of which kind each bar of a solo is.

    Parameters
    ----------
    sources : sequence of Measure
        The tune's measure under each bar.
    words : sequence of Token
        The vocabulary; types that it does not have make no difference.
    register : (int, int)
        Lowest and highest MIDI pitch.
    """
    known = {word.type for word in words}
    kinds = [BarKind(source.length, tuple(_types(source, known, register))) for source in sources]
    return [*kinds[:-1], kinds[-1]._replace(is_last=True)]


def _types(source: Measure, known: Set[str], register: tuple[int, int]) -> Iterator[tuple[Fraction, str]]:
    """Yield where in a bar the types of notes change that its chords have pitches for."""
    chords = {max(chord.offset - source.start, Fraction(0)): chord.pitches for chord in source.chords[1:]}
    chords = {Fraction(0): source.chords[0].pitches} | chords
    before = None
    for offset, pitches in sorted(chords.items()):
        types = "".join(kind for kind in "CSAX" if kind in known and kind in _playable(pitches, register))
        if types != before:
            yield offset, types
        before = types


@lru_cache(maxsize=4096)
def _playable(chord: tuple[int, ...], register: tuple[int, int]) -> frozenset[str]:
    return frozenset(classify(pitch, chord) for pitch in range(register[0], register[1] + 1))


def bar_table(words: Sequence[Token], kinds: Sequence[BarKind], rules: Rules) -> BarTable:
    """Make the table of all kinds of bars.

    Parameters
    ----------
    words : sequence of Token
        The vocabulary.
    kinds : sequence of BarKind
        Each has its letter for a bar line, in this order.
    rules : Rules
        `melody` and `grammar` are a matter of this table.
    """
    return _Builder(words, kinds, rules).build()


def common_unit(words: Sequence[Token], kinds: Sequence[BarKind]) -> int:
    """How many of the largest unit that all lengths are multiples of make a quarter note."""
    offsets = [offset for kind in kinds for offset, _ in kind.types]
    lengths = [*(word.length for word in words), *(kind.length for kind in kinds), *offsets]
    return math.lcm(*(length.denominator for length in lengths))


class _Builder:
    """Numbers the states: the bar lines by silence, then for each kind its beginnings and its inner places."""

    def __init__(self, words: Sequence[Token], kinds: Sequence[BarKind], rules: Rules) -> None:
        self._kinds, self._rules = kinds, rules
        self._unit = common_unit(words, kinds)
        self._types = np.array([word.type for word in words])
        self._units = np.array([int(word.length * self._unit) for word in words])
        self._is_rest: Bools = self._types == "R"
        self._is_first: Bools = np.array([word.interval is None for word in words]) & ~self._is_rest
        self._leads: Bools = np.isin(self._types, ["A", "X"]) & rules.melody
        self._most_silent = int(MAX_REST * self._unit)
        # Bar lines: after a silence of 0, 1, ... units; after a foreign note; and after the solo.
        self._leading_line, self._end = self._most_silent + 1, self._most_silent + 2
        self._begin, self._inner, states = [], [], self._end + 1
        for kind in kinds:
            self._begin.append(states)
            self._inner.append(states + self._end)
            states = self._inner[-1] + 4 * int(kind.length * self._unit)
        self._table: npt.NDArray[np.int32] = np.full((states, len(words) + len(kinds)), -1, np.int32)

    def build(self) -> BarTable:
        for k, kind in enumerate(self._kinds):
            self._table[: self._end, len(self._units) + k] = self._begin[k] + np.arange(self._end)
            fits = self._fits(kind, 0)
            for silence in range(self._end):
                may = fits & self._may_begin(silence)
                self._write(self._begin[k] + silence, k, 0, may, _RESTED, silence)
            for now in range(1, int(kind.length * self._unit)):
                fits = self._fits(kind, now)
                for phase in range(4):
                    may = fits & self._may_follow(phase)
                    rested = _RESTED if phase == _RESTED else _PAUSED
                    self._write(self._inner[k] + 4 * now + phase, k, now, may, rested, 0)
        # The solo begins as though it had been silent for long: with a note.
        start = self._most_silent if self._rules.grammar else 0
        return BarTable(self._table, np.arange(len(self._table)) <= self._end, start)

    def _fits(self, kind: BarKind, now: int) -> Bools:
        """Which words have a length, room in the bar, and a pitch."""
        fits = (self._units > 0) & (now + self._units <= int(kind.length * self._unit))
        offset = Fraction(now, self._unit)
        if self._rules.melody:
            types = next(types for start, types in reversed(kind.types) if start <= offset)
            fits &= np.isin(self._types, ["R", *types])
        return fits

    def _may_begin(self, silence: int) -> Bools:
        if not self._rules.grammar:
            return self._units >= 0
        rests: Bools = self._is_rest & (silence + self._units <= self._most_silent)
        return rests | self._is_first  # after a foreign note, which counts as the longest silence, a note

    def _may_follow(self, phase: int) -> Bools:
        if not self._rules.grammar:
            return self._units >= 0
        rests: Bools = self._is_rest & (phase == _SOUNDING) & (self._units <= self._most_silent)
        notes: Bools = ~self._is_rest & (self._is_first == (phase == _RESTED))
        return rests | notes

    def _write(self, state: int, k: int, now: int, may: Bools, rested: int, silence: int) -> None:
        """Write the row of a place in a bar, where the words of `may` may follow."""
        whole = int(self._kinds[k].length * self._unit)
        ends = now + self._units
        phases = np.where(self._is_rest, rested, np.where(self._leads, _LEADING, _SOUNDING))
        silences = np.minimum(silence + self._units, self._most_silent) if self._rules.grammar else 0
        lines = np.where(self._is_rest, silences, np.where(self._leads, self._leading_line, 0))
        then = np.where(ends == whole, lines, self._inner[k] + 4 * ends + phases)
        if self._kinds[k].is_last:
            is_late = 2 * ends > whole
            may = may & (~is_late | (self._types == "C"))
            then = np.where(is_late, self._end, then)
        self._table[state, : len(may)] = np.where(may, then, -1)
