"""What a call of `model` asks for, in whichever of the exercise's signatures it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


class Settings(NamedTuple):
    """The arguments that follow the vocabulary, in the exercise's order."""

    num_iterations: int = 35_000
    n_a: int = 50
    dino_names: int = 7
    vocab_size: int | None = None
    verbose: bool = False


@dataclass(frozen=True)
class Plan:
    """A training run: names as indices, in the order of training, and what to print."""

    names: list[str]
    letters: list[list[int]]
    ix_to_char: Mapping[int, str]
    char_to_ix: Mapping[str, int]
    settings: Settings
    vocab_size: int
    report_every: int
    gives_last_name: bool

    def example(self, iteration: int) -> tuple[list[int | None], list[int]]:
        """The inputs and targets of an iteration: nothing and the letters; the letters and a newline."""
        letters = self.letters[iteration % len(self.letters)]
        return [None, *letters], [*letters, self.char_to_ix["\n"]]


def read_plan(
    data: str | Sequence[str],
    ix_to_char: Mapping[int, str],
    *arguments: Any,
    char_to_ix: Mapping[str, int] | None = None,
    **named: Any,
) -> Plan:
    """Take the arguments of `model`, shuffle the names as `numpy.random.seed(0)` does, and check all."""
    if arguments and isinstance(arguments[0], Mapping):
        if char_to_ix is not None:
            raise TypeError("char_to_ix is given twice, by position and by name")
        char_to_ix, arguments = arguments[0], arguments[1:]
    settings = Settings(*arguments, **named)
    for name in ("num_iterations", "n_a", "dino_names"):
        _check_count(name, getattr(settings, name), least=1 if name == "n_a" else 0)
    if char_to_ix is None:
        char_to_ix = {character: index for index, character in ix_to_char.items()}
    vocab_size = len(ix_to_char) if settings.vocab_size is None else settings.vocab_size
    if sorted(ix_to_char) != list(range(vocab_size)):
        raise ValueError(
            f"ix_to_char has {len(ix_to_char)} indices, expected 0 to {vocab_size - 1} = vocab_size - 1"
        )
    whole_text = isinstance(data, str)
    names = _shuffled_names(data)
    return Plan(
        names,
        _encode(names, char_to_ix, vocab_size),
        ix_to_char,
        char_to_ix,
        settings,
        vocab_size,
        report_every=2_000 if whole_text else 1_000,
        gives_last_name=not whole_text,
    )


def _shuffled_names(data: str | Sequence[str]) -> list[str]:
    lines = data.lower().removesuffix("\n").split("\n") if isinstance(data, str) else data
    names = [line.strip() for line in lines]
    if not any(names):
        raise ValueError("data has no names, expected one a line")
    np.random.RandomState(0).shuffle(names)
    return names


def _encode(names: list[str], char_to_ix: Mapping[str, int], vocab_size: int) -> list[list[int]]:
    unknown = sorted(({"\n"} | set("".join(names))) - set(char_to_ix))
    if unknown:
        raise ValueError(f"char_to_ix has no {', '.join(map(repr, unknown))}")
    outside = [character for character, index in char_to_ix.items() if not 0 <= index < vocab_size]
    if outside:
        raise ValueError(
            f"char_to_ix gives {outside[0]!r} the index {char_to_ix[outside[0]]}, expected 0 to {vocab_size - 1}"
        )
    return [[char_to_ix[character] for character in name] for name in names]


def _check_count(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} is {value!r}, expected an integer")
    if value < least:
        raise ValueError(f"{name} is {value}, expected at least {least}")
