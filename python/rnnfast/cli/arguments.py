"""What the commands share: types of arguments, whose bad values are one line and exit status 2; reading a tune."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnfast.music import Corpus


def integer(least: int, most: int) -> Callable[[str], int]:
    """A type for integers from `least` to `most`."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not an integer") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not from {least} to {most}")
        return value

    return convert


def number(least: float, most: float = math.inf) -> Callable[[str], float]:
    """A type for finite numbers from `least` to `most`."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not (math.isfinite(value) and value >= least):
            raise argparse.ArgumentTypeError(f"{text} is not a finite number of at least {least:g}")
        if value > most:
            raise argparse.ArgumentTypeError(f"{text} is more than {most:g}")
        return value

    return convert


def part(text: str) -> int | str:
    """A part's number, or a track's name."""
    return int(text) if text.isascii() and text.isdecimal() else text


def add_part_options(command: argparse.ArgumentParser) -> None:
    """Add --melody and --chords."""
    for option, meaning in (("--melody", "the melody"), ("--chords", "the accompaniment")):
        command.add_argument(
            option,
            type=part,
            metavar="PART",
            help=f"the part that has {meaning}: its number as `rnnfast inspect` shows it, or its track's name "
            "(default: found by its features)",
        )


def read_corpus(
    path: str | os.PathLike[str],
    *,
    melody: int | str | None = None,
    chords: int | str | None = None,
    faithful: bool = False,
) -> Corpus:
    """Read a MIDI file as `rnnfast.music.Corpus.from_midi` does; all errors name the file."""
    from rnnfast.music import Corpus

    with naming(path):
        return Corpus.from_midi(path, melody=melody, chords=chords, faithful=faithful)


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Make errors in what a MIDI file holds begin with its name."""
    from rnnfast.music import MidiError

    try:
        yield
    except MidiError:
        raise  # names the file already
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from error
