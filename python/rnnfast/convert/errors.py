"""Errors that name the file, and the extra to install."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_path(argument: str, path: object, expected: str = "the name of a file") -> None:
    """Refuse what names no file."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{argument} is a {type(path).__name__}, expected {expected}")


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Put the name of the file in front of what is wrong with it; a folder or a missing file is an OSError."""
    if Path(path).is_dir():
        raise IsADirectoryError(f"path {str(path)!r} is a folder, expected a file")
    try:
        yield
    except ValueError as error:
        raise ValueError(f"path {str(path)!r}: {error}") from error


@contextmanager
def needing(extra: str, library: str) -> Iterator[None]:
    """Name the extra that brings `library`, where importing it inside the `with` fails."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").split(".")[0] != library:
            raise
        raise ImportError(f"this needs {library}: pip install 'rnnfast[{extra}]'") from error
