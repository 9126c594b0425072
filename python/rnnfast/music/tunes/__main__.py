"""``python -m rnnfast.music.tunes [TEXT ...]``: makes each tune's MIDI file beside its text."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rnnfast.music.tunes import NotationError, bundled_tune, make_midi


def main(arguments: list[str] | None = None) -> int:
    """Make the MIDI files; 0 is success, 2 an error that was printed."""
    parser = argparse.ArgumentParser(
        prog="python -m rnnfast.music.tunes", description="Make a tune's MIDI file, beside its text."
    )
    parser.add_argument(
        "sources",
        metavar="TEXT",
        nargs="*",
        type=Path,
        default=[bundled_tune().with_suffix(".txt")],
        help="tunes in text notation (default: the one that comes with the package)",
    )
    for source in parser.parse_args(arguments).sources:
        path = source.with_suffix(".mid")
        try:
            if path == source:
                raise NotationError("the text would be overwritten: give it another suffix than .mid")
            make_midi(source, path)
        except (NotationError, OSError) as error:
            print(f"{source}: {error}", file=sys.stderr)
            return 2
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
