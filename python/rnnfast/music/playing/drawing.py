"""A solo's words out of a language model, bar by bar: under the rules of bars, or as the model says them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction

from rnnfast.model import LanguageModel
from rnnfast.music.grammar import Token
from rnnfast.music.playing.bar_rules import BarRules
from rnnfast.music.playing.bar_table import BarKind

MIN_P = 0.1
"""A word a tenth as likely as the likeliest that the rules allow may come, a less likely one is a slip: where the model
did not mean to be it has no better idea, and goes astray."""

_SHORTEST_REST = Fraction(1, 2)  # a shorter gap before a bar line is filled by the note before it


def draw_bars(
    model: LanguageModel,
    rules: BarRules,
    kinds: Sequence[BarKind],
    *,
    prompt: Sequence[int],
    temperature: float,
    seed: int,
) -> Iterator[tuple[Token, ...]]:
    """Draw one bar after another, each in one native call from the state after the one before.

    Under the rules alone every word that they allow could come; of these `MIN_P` leaves out the unlikely ones.

    Parameters
    ----------
    model : LanguageModel
        It is only read.
    rules : BarRules
    kinds : sequence of BarKind
        Of each bar; `rules` is compiled for them.
    prompt : sequence of int
        Words that the model hears before the first bar.
    temperature : float
        0 is greedy.
    seed : int

    Yields
    ------
    bar : tuple of Token
        They sum to the bar's length; the last bar ends by its middle, on the note that is to be held.
    """
    next_word = rules.constraint.next_state
    line, state = rules.constraint.start, None
    for kind in kinds:
        begin = rules.after_line[line, rules.kinds.index(kind)]
        drawn = model.generate(
            rules.most_words,
            constraint=rules.constraint.at(begin),
            prompt=prompt,
            state=state,
            min_p=MIN_P,
            temperature=temperature,
            seed=seed,
            return_details=True,
        )
        bar = drawn.tokens[0, : drawn.lengths[0]].tolist()
        prompt, state, line = (), drawn.state, begin
        for word in bar:
            line = next_word[line, word]
        yield tuple(rules.words[word] for word in bar)


def draw_freely(
    model: LanguageModel,
    words: Sequence[Token],
    kinds: Sequence[BarKind],
    *,
    prompt: Sequence[int],
    temperature: float,
    seed: int,
) -> Iterator[tuple[Token, ...]]:
    """Draw bars with nothing between the model and its words: a word that does not fit any more ends its bar.

    It is left out, and the gap is filled: by a rest, or by the last note where it is shorter than an eighth note.

    Parameters
    ----------
    model, prompt, temperature, seed
        As in `draw_bars`.
    words : sequence of Token
        What the model's tokens mean.
    kinds : sequence of BarKind
        Of each bar; only its length matters.

    Yields
    ------
    bar : tuple of Token
        They sum to the bar's length.
    """
    stream = model.stream(prompt=prompt, temperature=temperature, seed=seed)
    for kind in kinds:
        bar: list[Token] = []
        gap = kind.length
        for number in stream:
            word = words[number]
            if not 0 < word.length <= gap:
                break
            bar.append(word)
            gap -= word.length
            if gap == 0:
                break
        yield tuple(_filled(bar, gap))


def _filled(bar: list[Token], gap: Fraction) -> list[Token]:
    if gap == 0:
        return bar
    if bar and gap < _SHORTEST_REST:
        return [*bar[:-1], bar[-1]._replace(length=bar[-1].length + gap)]
    return [*bar, Token("R", gap)]


def come_to_rest(tokens: Sequence[Token], length: Fraction) -> tuple[Token, ...]:
    """End a bar with its last note that begins by the middle, held to the end."""
    onsets = list(itertools.accumulate((token.length for token in tokens), initial=Fraction(0)))
    early = [i for i, token in enumerate(tokens) if token.type != "R" and onsets[i] <= length / 2]
    if not early:
        return tuple(tokens)
    return (*tokens[: early[-1]], tokens[early[-1]]._replace(length=length - onsets[early[-1]]))
