"""Writing files so that a crash, a full disk or Ctrl-C never leaves half of one."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` for writing; on success it replaces `path`, on any error it is removed.

    Parameters
    ----------
    path : path-like
        The file to write. Its folder must exist. Of a symbolic link the file that it points to is written.

    Yields
    ------
    file : binary file object
        What is written to it appears under `path` only once it is complete and on the disk.

    Raises
    ------
    ValueError
        Where `path` is empty.
    OSError
        Where `path` is there and no regular file, its folder is missing or read-only, or the disk is full;
        `path` is then as it was.
    """
    target = writable_target(path)
    with _naming(target):
        descriptor, temporary = tempfile.mkstemp(prefix=_prefix(target), dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _put_in_place(temporary, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise


@contextlib.contextmanager
def atomic_drafts(paths: Sequence[str | os.PathLike[str]]) -> Iterator[list[Path]]:
    """Yield a path to write each file to; on success they all replace `paths`, on any error none does.

    Parameters
    ----------
    paths : sequence of path-like
        As in `atomic_write`.

    Yields
    ------
    drafts : list of Path
        One for each of `paths`, of the same name in a folder of its own, which is removed at the end.

    Raises
    ------
    ValueError, OSError
        As in `atomic_write`.
    """
    targets = [writable_target(path) for path in paths]
    with _naming(*targets), contextlib.ExitStack() as folders:
        drafts = []
        for target in targets:
            folder = tempfile.TemporaryDirectory(prefix=_prefix(target), dir=target.parent)
            drafts.append(Path(folders.enter_context(folder)) / target.name)
        yield drafts
        for draft, target in zip(drafts, targets, strict=True):
            _put_in_place(draft, target)


def writable_target(path: str | os.PathLike[str]) -> Path:
    """Return the file that writing to `path` would replace or make: `path`, or what it links to.

    Raises
    ------
    ValueError
        Where `path` is empty.
    OSError
        Where `path` is there and no regular file, or its folder is missing.
    """
    if not os.fspath(path):
        raise ValueError("path is '', expected the name of a file to write")
    target = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    try:
        mode = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if not target.parent.is_dir():
            raise FileNotFoundError(
                f"path {str(target)!r}: the folder {str(target.parent)!r} does not exist"
            ) from None
        return target
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"path {str(target)!r} is a folder, expected a file to write")
    if not stat.S_ISREG(mode):  # a device would be replaced by a file, for everybody
        raise OSError(f"path {str(target)!r} is a device, pipe or socket, expected a file to write")
    return target


def _prefix(target: Path) -> str:
    return f".{target.name}."


@contextlib.contextmanager
def _naming(*targets: Path) -> Iterator[None]:
    """Make the operating system's errors name the file that is meant instead of a temporary one or none."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            error.filename = _meant(error.filename, targets)
        raise


def _meant(filename: object, targets: Sequence[Path]) -> object:
    if filename is None:
        return ", ".join(map(str, targets))
    if isinstance(filename, str | os.PathLike):
        for target in targets:
            if os.path.abspath(filename).startswith(os.path.abspath(target.parent / _prefix(target))):
                return str(target)
    return filename


def _put_in_place(draft: str | os.PathLike[str], target: Path) -> None:
    os.chmod(draft, _mode(target))
    os.replace(draft, target)


def _mode(target: Path) -> int:
    """The permissions of the file that is replaced, or those that a new file would get."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
