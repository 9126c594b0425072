"""The arrays of a State as bytes: a header, the arrays one after the other, a checksum; all little-endian."""

from __future__ import annotations

import math
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any] | None]

_MAGIC = b"rnnstate"
_FORMAT = 1
"""Raised when bytes of today could not be read by the code of yesterday."""

_HEADER = struct.Struct("<8sIBBQQQQ")  # magic, format, bytes of a float, flags, L, N, H, W
_CHECKSUM = struct.Struct("<I")
_OPTIONAL = ("c", "pending", "recent")
"""Bit k of the flags: whether the k-th of them is there."""


def dump(arrays: Arrays) -> bytes:
    """The arrays of a State by their names; c, pending and recent may be None."""
    h, position, recent = np.asarray(arrays["h"]), np.asarray(arrays["position"]), arrays["recent"]
    if (
        h.dtype.kind + str(h.dtype.itemsize) not in ("f4", "f8")
        or h.ndim != 3
        or position.shape != h.shape[1:2]
    ):
        raise ValueError(
            f"state.h is {h.dtype} {h.shape} and state.position {position.shape}, "
            "expected float32 or float64 (L, N, H) and (N,)"
        )
    flags = sum(1 << k for k, name in enumerate(_OPTIONAL) if arrays[name] is not None)
    width = 0 if recent is None else int(np.shape(recent)[-1])
    L, N, H = h.shape
    data = _HEADER.pack(_MAGIC, _FORMAT, h.dtype.itemsize, flags, L, N, H, width)
    for name, (dtype, shape) in _layout(h.dtype.itemsize, flags, L, N, H, width).items():
        array = np.asarray(arrays[name])
        if array.shape != shape:
            raise ValueError(f"state.{name} has shape {array.shape}, expected {shape}")
        data += np.ascontiguousarray(array, dtype=dtype).tobytes()
    return data + _CHECKSUM.pack(zlib.crc32(data))


def load(data: bytes) -> Arrays:
    """Read what `dump` wrote.

    Raises
    ------
    TypeError
        Unless `data` is bytes-like.
    ValueError
        For anything that `dump` did not write, all of it checked before memory is taken.
    """
    try:
        view = memoryview(data).cast("B")
    except TypeError:
        raise TypeError(f"data is a {type(data).__name__}, expected contiguous bytes") from None
    if len(view) < _HEADER.size + _CHECKSUM.size or bytes(view[: len(_MAGIC)]) != _MAGIC:
        raise ValueError(f"data of {len(view)} bytes is no State: it does not begin as one")
    _, version, itemsize, flags, L, N, H, width = _HEADER.unpack_from(view)
    if version != _FORMAT:
        raise ValueError(f"data is a State of format {version}, expected {_FORMAT}: a newer rnnfast wrote it")
    if itemsize not in (4, 8) or flags >= 1 << len(_OPTIONAL):
        raise ValueError(f"data is damaged: floats of {itemsize} bytes, flags {flags:#x}")
    layout = _layout(itemsize, flags, L, N, H, width)
    sizes = [np.dtype(dtype).itemsize * math.prod(shape) for dtype, shape in layout.values()]
    expected = _HEADER.size + sum(sizes) + _CHECKSUM.size
    if len(view) != expected:
        raise ValueError(f"data is damaged: {len(view)} bytes, expected {expected} of its {N} streams")
    if _CHECKSUM.unpack(view[-_CHECKSUM.size :])[0] != zlib.crc32(view[: -_CHECKSUM.size]):
        raise ValueError("data is damaged: its checksum is another")
    arrays: Arrays = dict.fromkeys(_OPTIONAL)
    at = _HEADER.size
    for (name, (dtype, shape)), size in zip(layout.items(), sizes, strict=True):
        stored = np.frombuffer(view[at : at + size], dtype=dtype).reshape(shape)
        arrays[name] = stored.astype(stored.dtype.newbyteorder("="))
        at += size
    return arrays


def _layout(
    itemsize: int, flags: int, L: int, N: int, H: int, width: int
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of each array that is there, in their order."""
    all_arrays: dict[str, tuple[str, tuple[int, ...]]] = {
        "h": (f"<f{itemsize}", (L, N, H)),
        "c": (f"<f{itemsize}", (L, N, H)),
        "position": ("<u8", (N,)),
        "pending": ("<i4", (N,)),
        "recent": ("<i4", (N, width)),
    }
    absent = {name for k, name in enumerate(_OPTIONAL) if not flags >> k & 1}
    return {name: entry for name, entry in all_arrays.items() if name not in absent}
