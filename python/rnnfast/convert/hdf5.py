"""HDF5 files of strangers: their own numbers and texts only, never those of another file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from rnnfast.convert.description import Array
from rnnfast.convert.errors import needing

MAGIC = b"\x89HDF\r\n\x1a\n"


class Group:
    """A group of an HDF5 file. Links that lead elsewhere are refused, as are arrays that are stored elsewhere."""

    def __init__(self, group: Any) -> None:
        self._group = group

    @property
    def names(self) -> list[str]:
        """Of all members."""
        return list(self._group)

    def group(self, path: str) -> Group | None:
        """Give the group at `path`, names joined with slashes; None where there is none."""
        member = self._member(path)
        return None if member is None else Group(member)

    def arrays(self, names: list[str]) -> list[Array]:
        """Give the arrays at these paths."""
        return [self._array(name) for name in names]

    def texts(self, attribute: str) -> list[str] | None:
        """Give an attribute that is a text or several; None where there is none."""
        if attribute not in self._group.attrs:
            return None
        values = np.atleast_1d(np.asarray(self._group.attrs[attribute], dtype=object))
        if not all(isinstance(value, str | bytes) for value in values):
            raise ValueError(f"its attribute {attribute} is no text")
        return [value.decode() if isinstance(value, bytes) else value for value in values]

    def _member(self, path: str) -> Any:
        import h5py

        member = self._group
        for name in path.split("/"):
            if not isinstance(member, h5py.Group) or name not in member:
                return None
            if not isinstance(member.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{path} is a link to another place, expected the weights themselves")
            member = member[name]
        return member

    def _array(self, path: str) -> Array:
        import h5py

        data, path = self._member(path), f"{self._group.name}/{path}"
        if not isinstance(data, h5py.Dataset):
            raise ValueError(f"{path} is missing, expected an array")
        if data.dtype.kind != "f" or data.shape is None:
            raise ValueError(f"{path} is {data.dtype}, expected floating-point weights")
        elsewhere = data.external is not None or data.is_virtual
        # Of a compressed array, or one that was never written, a few bytes may claim gigabytes.
        if elsewhere or data.id.get_storage_size() != data.size * data.dtype.itemsize:
            raise ValueError(
                f"{path} is compressed, incomplete or stored elsewhere, expected {data.shape} numbers"
            )
        return np.asarray(data[()])


@contextmanager
def open_hdf5(data: bytes) -> Iterator[Group]:
    """Open the HDF5 file whose content is `data`.

    Raises
    ------
    ValueError
        Where it is damaged, also for what is read inside the `with`.
    ImportError
        Without h5py.
    """
    with needing("keras", "h5py"):
        import h5py
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            yield Group(file)
    except (OSError, RuntimeError, KeyError, TypeError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(f"its HDF5 part is damaged: {error}") from error
