"""Bars of tokens out of a language model: drawn by its own generate loop, and kept where they fill the bar.

This is rejection sampling: many streams go on from the same state in one native call, and of those whose
tokens sum to the bar's length exactly the first one without a flaw is taken. The model never learns of it; it
hears only what was taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rnnfast.music.chooser import Chooser, pick
from rnnfast.music.grammar import Token, parse_token

NUM_STREAMS = 64
"""Candidates for a bar in one call: a native call costs about the same for one as for a few dozen."""

MAX_QUOTE = 12
"""So many tokens of the tune in a row, a bar or two, may come back as they are; a longer run is a copy."""

MAX_REST = Fraction(4)
"""Quarter notes of silence in a row, beyond which the solo has stopped rather than taken breath."""

_HEATS = (1.0, 1.25, 1.5, 2.0)
"""What multiplies the temperature, one try after another, where no candidate is good."""

_GRAVE, _SLIGHT = 16, 4  # flaws, in displaced tokens
_HOPELESS = 1 << 30  # more flaws than any bar has
_MAX_TOKENS = 256


class TokenModel(Protocol):
    """What is asked of a language model; `rnnfast.LanguageModel` has it."""

    @property
    def vocab_size(self) -> int:
        """V: tokens are 0 to V - 1."""

    @property
    def vocabulary(self) -> Sequence[str] | None:
        """What each token means, None where the model was not told."""

    def generate(
        self,
        length: int,
        *,
        prompt: Any = None,
        temperature: float = 1.0,
        greedy: bool = False,
        num_streams: int = 1,
        seed: int = 0,
        state: Any = None,
    ) -> npt.NDArray[np.int32]:
        """Return tokens (num_streams, length) that go on from `state` and `prompt`."""

    def predict(self, X: Any, state: Any = None) -> tuple[npt.NDArray[Any], Any]:
        """Return probabilities after tokens (num_streams, T), and the state after the last of them."""


@dataclass(frozen=True)
class Habits:
    """What a tune does, as far as a solo on it should do likewise, or should not do the same.

    Attributes
    ----------
    bars : frozenset of tuple of str
        Its bars.
    runs : frozenset of tuple of str
        Its runs of `MAX_QUOTE` + 1 tokens.
    rhythm : frozenset of (Fraction, Fraction)
        Where in the beat its notes and rests begin, and how long each is: this is what makes a line swing.
    """

    bars: frozenset[tuple[str, ...]]
    runs: frozenset[tuple[str, ...]]
    rhythm: frozenset[tuple[Fraction, Fraction]]

    @classmethod
    def of(cls, bars: Iterable[Sequence[str]]) -> Habits:
        """Collect them from a tune's bars."""
        tune = [tuple(bar) for bar in bars]
        return cls(
            bars=frozenset(tune),
            runs=frozenset(_runs([token for bar in tune for token in bar])),
            rhythm=frozenset(place for bar in tune for place in _places(map(parse_token, bar))),
        )

    def has_run(self, tokens: Sequence[str]) -> bool:
        """Whether some run of `tokens` is longer than a quotation may be."""
        return any(run in self.runs for run in _runs(tokens))

    def count_displaced(self, tokens: Iterable[Token]) -> int:
        """Count the tokens of a bar that the tune has at no such place in the beat."""
        return sum(place not in self.rhythm for place in _places(tokens))


def _silences(tokens: Iterable[Token], silence: Fraction) -> list[Fraction]:
    """Return how long nothing has sounded, at the beginning of a bar and after each of its tokens."""
    silences = [silence]
    for token in tokens:
        silences.append(silences[-1] + token.length if token.type == "R" else Fraction(0))
    return silences


def _count_ungrammatical(tokens: Sequence[Token]) -> int:
    """Count the tokens that stand where the grammar of a bar has no such token.

    The first note alone has no interval, and silence is one rest. Where this is not so the model and the bar
    lines have come apart.
    """
    count, is_first_note = 0, True
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "R":
            count += before is not None and before.type == "R"
        else:
            count += (token.interval is None) != is_first_note
            is_first_note = False
    return count


def _places(tokens: Iterable[Token]) -> Iterator[tuple[Fraction, Fraction]]:
    now = Fraction(0)
    for token in tokens:
        yield now % 1, token.length
        now += token.length


def _runs(tokens: Sequence[str]) -> Iterator[tuple[str, ...]]:
    size = MAX_QUOTE + 1
    return (tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1))


class BarSampler:
    """Draws one bar after another from a model, each going on from those before.

    Parameters
    ----------
    model : TokenModel
        It is only read.
    words : sequence of str
        What the model's tokens mean, V of them.
    habits : Habits
        Of the tune.
    temperature : float
        0 is greedy: then there is one candidate a bar.
    chooser : Chooser
        Asked for ``seed``, one of 2**32, for every call of the model.
    prompt : sequence of str
        Words that the model hears before the first bar.
    """

    def __init__(
        self,
        model: TokenModel,
        words: Sequence[str],
        habits: Habits,
        *,
        temperature: float,
        chooser: Chooser,
        prompt: Sequence[str] = (),
    ) -> None:
        self._model, self._words, self._habits = model, words, habits
        self._temperature, self._chooser = temperature, chooser
        self._number = {word: index for index, word in enumerate(words)}
        self._parsed = [parse_token(word) for word in words]
        self._streams = NUM_STREAMS if temperature > 0 else 1
        self._heats = _HEATS if temperature > 0 else _HEATS[:1]
        self._state: Any = None
        self._unheard = [self._number[word] for word in prompt]  # drawn, but not in the state yet
        self._drawn: list[tuple[str, ...]] = []
        self._silence = Fraction(0)  # how long nothing has sounded

    def draw(self, length: Fraction) -> tuple[Token, ...]:
        """Draw the next bar.

        Parameters
        ----------
        length : Fraction
            In quarter notes, positive.

        Returns
        -------
        tokens : tuple of Token
            They sum to `length`. Where no candidate does, after the last try, the one that comes nearest is
            cut before it exceeds the bar and what is left is filled: by a rest, or by the last note where
            that is less than an eighth note.
        """
        best: list[int] = []
        fewest = _HOPELESS
        for heat in self._heats:
            candidates = self._candidates(length, self._temperature * heat)
            for bar in self._filling(candidates, length):
                flaws = self._flaws(bar)
                if flaws < fewest:
                    fewest, best = flaws, bar
                if flaws == 0:
                    return self._take(best, [self._parsed[token] for token in best])
        if best:
            return self._take(best, [self._parsed[token] for token in best])
        return self._take(*self._fill_up(candidates, length))

    def _candidates(self, length: Fraction, temperature: float) -> npt.NDArray[np.int32]:
        """Return tokens (streams, steps), as many steps as the bar may need."""
        shortest = min((token.length for token in self._parsed if token.length > 0), default=length)
        return self._model.generate(
            min(math.ceil(length / shortest), _MAX_TOKENS),
            prompt=[self._unheard] * self._streams if self._unheard else None,
            temperature=temperature,
            num_streams=self._streams,
            seed=pick(self._chooser, "seed", range(2**32)),
            state=self._state,
        )

    def _ends(self, candidates: npt.NDArray[np.int32], length: Fraction) -> tuple[npt.NDArray[np.int64], int]:
        """Return where each token ends and the bar's length, both in the largest unit that divides all."""
        unit = math.lcm(length.denominator, *(token.length.denominator for token in self._parsed))
        whole = int(length * unit)
        # What has no length cannot be played, and what is too long never fits: both end behind the bar.
        units = [int(t.length * unit) if 0 < t.length <= length else whole + 1 for t in self._parsed]
        return np.cumsum(np.array(units, dtype=np.int64)[candidates], axis=1), whole

    def _filling(self, candidates: npt.NDArray[np.int32], length: Fraction) -> Iterator[list[int]]:
        """Yield the beginnings of candidates that fill the bar exactly, in order of stream."""
        ends, whole = self._ends(candidates, length)
        for stream, step in zip(*np.nonzero(ends == whole), strict=True):
            yield candidates[stream, : step + 1].tolist()

    def _flaws(self, bar: Sequence[int]) -> int:
        """Weigh what speaks against a bar: copying, hammering on, silence, and a beat that is lost."""
        words = tuple(self._words[token] for token in bar)
        tokens = [self._parsed[token] for token in bar]
        before = [word for drawn in self._drawn[-2:] for word in drawn][-MAX_QUOTE:]
        return (
            _GRAVE * (words in self._habits.bars)
            + _GRAVE * self._habits.has_run([*before, *words])
            + _SLIGHT * (words in self._drawn[-1:])
            + _SLIGHT * (max(_silences(tokens, self._silence)) > MAX_REST)
            + self._habits.count_displaced(tokens)
            + _count_ungrammatical(tokens)
        )

    def _fill_up(self, candidates: npt.NDArray[np.int32], length: Fraction) -> tuple[list[int], list[Token]]:
        """Return the longest beginning of a candidate that leaves a gap, and its tokens with the gap filled."""
        ends, whole = self._ends(candidates, length)
        stream = int(np.where(ends < whole, ends, 0).max(axis=1).argmax())
        kept = candidates[stream, ends[stream] < whole].tolist()
        tokens = [self._parsed[token] for token in kept]
        gap = length - sum((token.length for token in tokens), Fraction(0))
        if tokens and gap < Fraction(1, 2):
            tokens[-1] = tokens[-1]._replace(length=tokens[-1].length + gap)
        else:
            tokens.append(Token("R", gap))
        return kept, tokens

    def _take(self, bar: list[int], tokens: Sequence[Token]) -> tuple[Token, ...]:
        """Let the model go on from `bar`, which is played as `tokens`; return these."""
        if self._unheard:
            heard = np.tile(np.array(self._unheard, dtype=np.int32), (self._streams, 1))
            _, self._state = self._model.predict(heard, self._state)
        self._unheard = bar
        self._drawn.append(tuple(self._words[token] for token in bar))
        self._silence = _silences(tokens, self._silence)[-1]
        return tuple(tokens)
