"""``rnnfast inspect``: what is in a MIDI file, and what rnnfast makes of it."""

from __future__ import annotations

import argparse
from typing import Any

from rnnfast.cli.arguments import add_part_options, read_corpus


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    command = commands.add_parser(
        "inspect",
        help="show a MIDI file's parts, key, meter, chords and measures",
        description="Show a MIDI file's parts and what was found in them, its key, meter, tempo, the chords of every "
        "bar and the musical measures of its melody.",
    )
    command.add_argument("file", metavar="FILE", help="a MIDI file")
    add_part_options(command)
    command.add_argument(
        "--tune", metavar="FILE", help="the MIDI file it was learned from, to compare it with"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Read the file and print the report."""
    from rich.console import Console

    from rnnfast.music.report import inspect_corpus
    from rnnfast.music.report_page import render

    corpus = read_corpus(options.file, melody=options.melody, chords=options.chords)
    tune = None if options.tune is None else read_corpus(options.tune)
    Console().print(render(inspect_corpus(corpus, tune)))
