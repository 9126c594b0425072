"""Zip files of strangers, read without unpacking: no path is followed, nothing is decompressed."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Archive:
    """The records of a zip file, all of which are stored as they are.

    Frameworks store weights without compression, so that a compressed record is no weight: refusing it refuses every
    zip bomb.
    """

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive, self._size = archive, size
        self.names = archive.namelist()

    def read(self, name: str) -> bytes:
        """Give a record's bytes; its checksum has been verified."""
        if (count := self.names.count(name)) != 1:
            raise ValueError(f"the archive has {count} records {name!r}, expected one")
        info = self._archive.getinfo(name)
        if info.header_offset < 0:
            raise ValueError(f"the archive's record {name!r} begins before the file")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > self._size or info.flag_bits & 1:
            raise ValueError(
                f"the archive's record {name!r} is compressed, encrypted or longer than the file"
            )
        return self._archive.read(info)


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open the zip file at `path`.

    Raises
    ------
    ValueError
        Where it is damaged, also for what is read inside the `with`.
    """
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            yield Archive(archive, os.fstat(file.fileno()).st_size)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"the archive is damaged: {error}") from error
