"""From tokens to pitches: the cheapest melodic line that says what the tokens say.

A token leaves open which chord tone or scale tone it means; its interval says where the tune went, give or take
a minor third. Of all lines that have the right type on every chord, the one is taken that follows the intervals
most closely, stays in the instrument's register, resolves its approach tones by step and does not hammer on one
pitch: a shortest path, found by dynamic programming (Viterbi 1967) over the whole solo at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rnnfast.music.chooser import Chooser, pick
from rnnfast.music.grammar import Token
from rnnfast.music.harmony import classify, interval_semitones

# What speaks against a pitch, in semitones of detour from the intervals that the tokens tell.
_REPEAT = 9.0  # the same pitch again where it is not meant, or the third time in a row
_WRONG_WAY = 1.5  # up instead of down, down instead of up
_UNRESOLVED = 3.0  # a semitone too many after an approach tone
_EDGE = 0.6  # a semitone into the outer quarters of the register: the line turns before it hits a wall
_STRANGE = 8.0  # a pitch class that neither the tune nor the chord has
_AWAY = 2.0  # the last note is not the chord's first, which is its root as a rule

_NEXT_BEST = {"C": "S", "S": "C", "A": "X", "X": "A"}


@dataclass(frozen=True, slots=True)
class Slot:
    """A note that has its place but no pitch yet.

    Attributes
    ----------
    token : Token
        Not a rest.
    chord : tuple of int
        MIDI pitches of the chord under it.
    leads_on : bool
        Whether another note follows at once: only then can an approach tone resolve.
    motion : int
        Semitones by which it should lie above the note before.
    """

    token: Token
    chord: tuple[int, ...]
    leads_on: bool
    motion: int


def place_pitches(
    slots: Sequence[Slot], register: tuple[int, int], pitch_classes: Container[int], chooser: Chooser
) -> list[int]:
    """Choose a pitch for every slot.

    Parameters
    ----------
    slots : sequence of Slot
        In order. The last one becomes a chord tone whatever its token says; so does a foreign tone before a
        rest.
    register : (int, int)
        Lowest and highest MIDI pitch. Where no pitch of a type lies within, the type gives way.
    pitch_classes : container of int
        Those that the tune has; others are avoided unless they are the chord's.
    chooser : Chooser
        Asked once for ``pitch``: the first note, among those of its type in the middle of the register.

    Returns
    -------
    pitches : list of int
        MIDI pitches, one a slot.

    Examples
    --------
    >>> from fractions import Fraction
    >>> chord = (60, 64, 67)
    >>> slots = [Slot(Token(kind, Fraction(1)), chord, True, 2) for kind in "CSC"]
    >>> place_pitches(slots, (60, 84), range(12), lambda kind, options: 0)
    [67, 69, 72]
    """
    if not slots:
        return []
    last = len(slots) - 1
    types = [_settle(slot, is_last=i == last) for i, slot in enumerate(slots)]
    options = [_pitches_of(kind, slot.chord, register) for kind, slot in zip(types, slots, strict=True)]
    options[0] = (pick(chooser, "pitch", _inner(options[0], register)),)

    def note_cost(i: int, pitch: int) -> float:
        is_strange = types[i] != "C" and pitch % 12 not in pitch_classes
        is_away = i == last and (pitch - slots[i].chord[0]) % 12 != 0
        return _STRANGE * is_strange + _AWAY * is_away + _edge_cost(pitch, register)

    def step_cost(i: int, motion: int) -> float:
        approaches = types[i - 1] in "AX" and slots[i - 1].leads_on
        return _step_cost(motion, slots[i - 1].motion, slots[i].motion, approaches=approaches)

    return _cheapest_path(options, note_cost, step_cost)


def _cheapest_path(
    options: Sequence[Sequence[int]],
    note_cost: Callable[[int, int], float],
    step_cost: Callable[[int, int], float],
) -> list[int]:
    """Return one of the options for each place so that the sum of all costs is least."""
    costs = [0.0] * len(options[0])  # of the cheapest path to each option of the place
    sources: list[list[int]] = []  # where it comes from
    for i, (before, here) in enumerate(itertools.pairwise(options), start=1):
        totals = [
            [cost + step_cost(i, pitch - p) for p, cost in zip(before, costs, strict=True)] for pitch in here
        ]
        sources.append([row.index(min(row)) for row in totals])
        costs = [min(row) + note_cost(i, pitch) for row, pitch in zip(totals, here, strict=True)]
    index = costs.index(min(costs))
    path = [index]
    for came_from in reversed(sources):
        index = came_from[index]
        path.append(index)
    return [pitches[i] for pitches, i in zip(options, reversed(path), strict=True)]


def _settle(slot: Slot, *, is_last: bool) -> str:
    """Return the type that a note gets: foreign tones stay where they lead somewhere."""
    is_stranded = slot.token.type in "AX" and not slot.leads_on
    return "C" if is_last or is_stranded else slot.token.type


@lru_cache(maxsize=4096)
def _pitches_of(kind: str, chord: tuple[int, ...], register: tuple[int, int]) -> tuple[int, ...]:
    """Return the pitches of a type within the register; where there are none, those of the next best type."""
    pitches = range(register[0], register[1] + 1)
    types = {pitch: classify(pitch, chord) for pitch in pitches}
    found = (
        tuple(p for p in pitches if types[p] in accepted) for accepted in (kind, _NEXT_BEST[kind], "CSAX")
    )
    return next(filter(None, found))


def _inner(pitches: Sequence[int], register: tuple[int, int]) -> Sequence[int]:
    """Return the pitches in the middle half of the register, or all where there are none."""
    margin = (register[1] - register[0]) // 4
    inner = [pitch for pitch in pitches if register[0] + margin <= pitch <= register[1] - margin]
    return inner or pitches


def token_motion(token: Token) -> int | None:
    """Return the semitones from the note before that a token was made from, the middle of its range.

    Examples
    --------
    >>> from rnnfast.music.grammar import parse_token
    >>> token_motion(parse_token("C,0.500,<P5,A1>"))
    4
    """
    if token.interval is None:
        return None
    up, down = (interval_semitones(name) for name in token.interval)
    return (up + down) // 2


def _edge_cost(pitch: int, register: tuple[int, int]) -> float:
    margin = (register[1] - register[0]) / 4
    beyond = max(register[0] + margin - pitch, pitch - (register[1] - margin), 0.0)
    return _EDGE * beyond


def _step_cost(motion: int, meant_before: int, meant: int, *, approaches: bool) -> float:
    """Return what it costs to go on by `motion` where `meant` was meant, in semitones of detour."""
    cost = abs(motion - meant) + _WRONG_WAY * (motion * meant < 0)
    if motion == 0 and (meant != 0 or meant_before == 0):
        cost += _REPEAT
    if approaches:
        cost += _UNRESOLVED * max(0, abs(motion) - 1)
    return cost
