"""The rules of a solo's bars, compiled into the sampler: whatever the model then draws keeps them.

Four automata over the model's words make one: how bars are filled, what rhythms the tune has, how far intervals have
led away from the edges of the register, and what would be a copy. Where a model's words cannot keep all rules, some
give way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from rnnfast import constraints
from rnnfast.constraints import Constraint
from rnnfast.constraints.automaton import product
from rnnfast.music.elements import Measure
from rnnfast.music.grammar import Token, parse_token
from rnnfast.music.harmony import interval_semitones
from rnnfast.music.playing.bar_table import BarKind, Rules, bar_table, common_unit

MAX_QUOTE = 12
"""So many words of the tune in a row, a bar or two, may come back as they are; a longer run is a copy."""

_GIVING_WAY: tuple[set[str], ...] = (
    set(),
    {"runs"},
    {"runs", "reach"},
    {"runs", "rhythm"},
    {"runs", "rhythm", "reach"},
    {"runs", "rhythm", "reach", "novelty"},
    {"runs", "rhythm", "reach", "novelty", "melody"},
    {"runs", "rhythm", "reach", "novelty", "melody", "grammar"},
)
"""What is left out, one after another, until a solo is possible and its automaton small enough."""

_MOST_ENTRIES = 2**23  # of an automaton's table: states times words

_MOST_UNITS = 1024  # in a bar: beyond, it is so long or so finely divided that its automaton would be huge

_THIRD = 3  # semitones

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class BarRules:
    """What the bars of a solo may be, for a model.

    Attributes
    ----------
    words : tuple of Token
        The vocabulary, V of them.
    kinds : tuple of BarKind
        K of them.
    constraint : Constraint
        From the solo's beginning; it is satisfied at bar lines, and there a sequence ends.
    after_line : (S, K) int
        The state in which a bar of each kind begins after the state at the bar line before it.
    most_words : int
        In a bar.
    rules : Rules
        Those that are kept.
    """

    words: tuple[Token, ...]
    kinds: tuple[BarKind, ...]
    constraint: Constraint
    after_line: Indices
    most_words: int
    rules: Rules


def compile_rules(
    words: Sequence[Token], kinds: Sequence[BarKind], tune: Sequence[Measure], register: tuple[int, int]
) -> BarRules | None:
    """Compile as many rules as a solo of these bars can keep.

    Parameters
    ----------
    words : sequence of Token
        What the model's tokens mean.
    kinds : sequence of BarKind
        Of each bar of the solo.
    tune : sequence of Measure
        Where rhythm comes from, and what is not to be copied.
    register : (int, int)
        Lowest and highest MIDI pitch.

    Returns
    -------
    rules : BarRules or None
        None where no words of the vocabulary fill the bars at all.
    """
    kinds = list(dict.fromkeys(kinds))
    if common_unit(words, kinds) * max(kind.length for kind in kinds) > _MOST_UNITS:
        return None
    tried = (Rules(**dict.fromkeys(left_out, False)) for left_out in _GIVING_WAY)
    compiled = (_compile(words, kinds, tune, register, rules) for rules in tried)
    return next(filter(None, compiled), None)


def _compile(
    words: Sequence[Token],
    kinds: Sequence[BarKind],
    tune: Sequence[Measure],
    register: tuple[int, int],
    rules: Rules,
) -> BarRules | None:
    V, K = len(words), len(kinds)
    constraint = constraints.from_table(*bar_table(words, kinds, rules))
    try:
        for factor in _factors(words, K, tune, register, rules):
            constraint = product(constraint, factor, most_states=_MOST_ENTRIES // (V + K))
    except ValueError:  # too large
        return None
    next_word, after_line = constraint.next_state[:, :V], constraint.next_state[:, V:]
    lines = _lasting(next_word, after_line, constraint.accepting)
    if not lines[constraint.start]:
        return None
    shortest = min(word.length for word in words if word.length > 0)
    return BarRules(
        tuple(words),
        tuple(kinds),
        constraints.from_table(next_word, lines, constraint.start),
        after_line.astype(np.intp),
        int(max(kind.length for kind in kinds) / shortest),
        rules,
    )


def _factors(
    words: Sequence[Token], num_lines: int, tune: Sequence[Measure], register: tuple[int, int], rules: Rules
) -> Iterator[Constraint]:
    """Yield what bars must keep beside their table."""
    if rules.rhythm:
        yield _in_rhythm(words, tune, num_lines)
    if rules.reach:
        yield _within_register(words, register, num_lines)
    if rules.novelty:
        copies = constraints.without(_copies(words, tune, with_runs=rules.runs), len(words))
        yield _with_lines(copies, num_lines)


def _in_rhythm(words: Sequence[Token], tune: Sequence[Measure], num_lines: int) -> Constraint:
    """Bars that have the rhythm of one of the tune's: as many words, each as long, and rests where it has rests.

    A state is the rhythm so far.
    """
    rhythms = [
        tuple((word.length, word.type == "R") for word in map(parse_token, bar.tokens)) for bar in tune
    ]
    beginnings = [rhythm[:size] for rhythm in rhythms for size in range(len(rhythm) + 1)]
    number = {beginning: index for index, beginning in enumerate(dict.fromkeys([(), *beginnings]))}
    words_of: dict[tuple[Fraction, bool], list[int]] = {}
    for index, word in enumerate(words):
        words_of.setdefault((word.length, word.type == "R"), []).append(index)
    table = np.full((len(number), len(words) + num_lines), -1)
    table[:, len(words) :] = 0
    for rhythm, state in number.items():
        if rhythm:
            table[number[rhythm[:-1]], words_of.get(rhythm[-1], [])] = state
    return constraints.from_table(table)


def _copies(words: Sequence[Token], tune: Sequence[Measure], *, with_runs: bool) -> Iterator[list[int]]:
    """Yield the tune's bars, and its runs of one word more than a quotation may have."""
    number = {str(word): index for index, word in enumerate(words)}
    bars = [measure.tokens for measure in tune if any(element.pitches for element in measure.elements)]
    whole = [word for measure in tune for word in measure.tokens]
    runs = [whole[i : i + MAX_QUOTE + 1] for i in range(len(whole) - MAX_QUOTE)]
    for copy in [*bars, *runs] if with_runs else bars:
        if all(word in number for word in copy):
            yield [number[word] for word in copy]


def _within_register(words: Sequence[Token], register: tuple[int, int], num_lines: int) -> Constraint:
    """Intervals that can be followed: from the first note of a bar, wherever in the register it is, all the others.

    A state is how much at the register's low and high end is out of reach by now, in minor thirds, rounded up.
    """
    room = (register[1] - register[0]) // _THIRD
    ranges = [sorted(map(interval_semitones, word.interval)) if word.interval else None for word in words]
    states = [(0, 0)]
    number = {(0, 0): 0}
    rows = []
    for state in states:  # which grows as it goes
        row = [0] * (len(words) + num_lines)
        for index, (word, interval) in enumerate(zip(words, ranges, strict=True)):
            then = state if word.type == "R" else (0, 0)
            if interval is not None:
                below, above = -(-interval[0] // _THIRD), -(interval[1] // _THIRD)
                then = max(0, state[0] + below), max(0, state[1] + above)
            if sum(then) > room:
                row[index] = -1
                continue
            if then not in number:
                number[then] = len(states)
                states.append(then)
            row[index] = number[then]
        rows.append(row)
    return constraints.from_table(rows)


def _with_lines(constraint: Constraint, num_lines: int) -> Constraint:
    """The same constraint where bar lines may come anywhere and change nothing."""
    stays = np.arange(len(constraint.next_state))[:, np.newaxis].repeat(num_lines, axis=1)
    return constraints.from_table(np.hstack([constraint.next_state, stays]))


def _lasting(
    next_word: npt.NDArray[np.int32], after_line: npt.NDArray[np.int32], lines: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Return the bar lines after which bars of every kind can follow, and so on to the end."""
    before, word = np.nonzero(next_word >= 0)
    after = next_word[before, word]
    is_end = (after_line < 0).all(axis=1)
    lasting = lines
    while True:
        playable = lasting.copy()  # from where such a bar line can be reached
        while not playable[before[playable[after]]].all():
            playable[before[playable[after]]] = True
        still = lasting & (is_end | playable[after_line].all(axis=1))
        if (still == lasting).all():
            return lasting
        lasting = still
