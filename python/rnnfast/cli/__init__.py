"""The command line: ``rnnfast solo``, ``inspect``, ``names`` and ``text``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    from rnnfast._core import __version__
    from rnnfast.cli import inspect, names, solo, text

    top = argparse.ArgumentParser(
        prog="rnnfast",
        description="Learn a tune, a list of names or a text with a recurrent network, and make more of it.",
        epilog="rnnfast COMMAND --help tells more. Errors are one line and exit status 2.",
    )
    top.add_argument("--version", action="version", version=f"rnnfast {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (solo, inspect, names, text):
        command.add_to(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0, 2 for an error, 130 for Ctrl-C."""
    try:
        options = parser().parse_args(arguments)  # imports the commands: Ctrl-C may come during that
        options.run(options)
    except KeyboardInterrupt as stop:
        print(f"rnnfast: {str(stop) or 'interrupted; nothing was written'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone (`| head`): nobody is left to tell
        sys.stderr.close()
        return 0
    except (OSError, ValueError, TypeError, ArithmeticError, MemoryError, ImportError) as error:
        print(f"rnnfast: error: {_one_line(error)}", file=sys.stderr)
        return 2
    return 0


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.strerror}: {str(error.filename)!r}"
    return " ".join(str(error).split()) or type(error).__name__
