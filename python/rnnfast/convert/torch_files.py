"""PyTorch's two kinds of file, a safetensors file and the zip file of `torch.save`, as a state_dict of arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import safetensors
import safetensors.numpy

from rnnfast._files import atomic_write
from rnnfast.convert import unpickling
from rnnfast.convert.archive import Archive, open_archive
from rnnfast.convert.description import Array

_SHARED = 16
"""How often tensors may share what a file holds: tied weights do, an attacker would do it more often."""

_MOST_ENTRIES = 100_000
_DEEPEST = 8

_BFLOAT16 = "bfloat16"

_STORAGES = {
    f"torch.{kind}Storage": dtype
    for kind, dtype in {
        "Double": "f8",
        "Float": "f4",
        "Half": "f2",
        "BFloat16": _BFLOAT16,
        "Long": "i8",
        "Int": "i4",
        "Short": "i2",
        "Char": "i1",
        "Byte": "u1",
        "Bool": "?",
    }.items()
}

_SAFETENSORS = {
    "F64": "f8",
    "F32": "f4",
    "F16": "f2",
    "BF16": _BFLOAT16,
    "I64": "i8",
    "I32": "i4",
    "I16": "i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


def read_state_dict(path: Path) -> dict[str, Any]:
    """Read the tensors of a file by their names, those of nested dictionaries joined with dots.

    Raises
    ------
    ValueError
        For a file that is neither kind, damaged, or holds more than plain values and tensors.
    OSError
        Where there is no such file, or it cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(9)
    if head.startswith(b"PK\x03\x04"):
        with open_archive(path) as archive:
            return _read_archive(archive)
    if head[8:] == b"{":
        return _read_safetensors(path)
    raise ValueError(
        "it is neither a safetensors file nor a zip file of torch.save; a file of PyTorch before 1.6 becomes "
        "one with torch.save(torch.load(path, weights_only=True), path)"
    )


def write_state_dict(tensors: Mapping[str, Array], path: Path) -> None:
    """Write a safetensors file, atomically."""
    data = safetensors.numpy.save(dict(tensors), metadata={"format": "pt"})
    with atomic_write(path) as file:
        file.write(data)


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        entries = safetensors.deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        raise ValueError(f"it is a damaged safetensors file: {error}") from error
    return {
        name: _numbers(name, entry["data"], _SAFETENSORS.get(entry["dtype"]), "<").reshape(entry["shape"])
        for name, entry in entries
    }


def _read_archive(archive: Archive) -> dict[str, Any]:
    roots = [name.removesuffix("data.pkl") for name in archive.names if name.split("/")[1:] == ["data.pkl"]]
    if len(roots) != 1 or f"{roots[0]}constants.pkl" in archive.names:
        raise ValueError("it is a zip file, but none of torch.save(state_dict, path)")
    value = unpickling.load(archive.read(f"{roots[0]}data.pkl"))
    if not isinstance(value, dict):
        raise ValueError(f"it holds a {type(value).__name__}, expected a state_dict")
    return _Records(archive, roots[0]).arrays(dict(_flatten(value)))


def _flatten(value: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values, those of nested dictionaries after the name of the outer one and a dot."""
    waiting: list[tuple[str, Any, int]] = [("", value, 0)]
    entries = 0
    while waiting:
        name, value, depth = waiting.pop()
        entries += 1
        if entries > _MOST_ENTRIES or depth > _DEEPEST:
            raise ValueError("it holds too many dictionaries, or in too many levels")
        if isinstance(value, dict):
            prefix = f"{name}." if depth else ""
            waiting += [(f"{prefix}{key}", inner, depth + 1) for key, inner in reversed(value.items())]
        else:
            yield name, value


class _Records:
    """The storages of an archive, read once each."""

    def __init__(self, archive: Archive, root: str) -> None:
        self.archive, self.root = archive, root
        order = f"{root}byteorder"
        self.order: Literal["<", ">"] = (
            ">" if order in archive.names and archive.read(order) == b"big" else "<"
        )
        self.storages: dict[unpickling.Storage, Array] = {}

    def arrays(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Give arrays in place of the tensors among `values`."""
        tensors = {name: value for name, value in values.items() if isinstance(value, unpickling.Tensor)}
        for name, tensor in tensors.items():
            if tensor.storage not in self.storages:
                self.storages[tensor.storage] = self._storage(name, tensor.storage)
        wanted = sum(math.prod(tensor.size) for tensor in tensors.values())
        if wanted > _SHARED * sum(map(len, self.storages.values())):
            raise ValueError(f"its tensors claim {wanted} numbers, far more than the file holds")
        return {name: self._view(name, value) if name in tensors else value for name, value in values.items()}

    def _storage(self, name: str, storage: unpickling.Storage) -> Array:
        data = self.archive.read(f"{self.root}data/{storage.key}")
        numbers = _numbers(name, data, _STORAGES.get(storage.kind), self.order)
        if len(numbers) != storage.length:
            raise ValueError(
                f"{name} claims a storage of {storage.length} numbers, but {len(numbers)} are there"
            )
        return numbers

    def _view(self, name: str, tensor: unpickling.Tensor) -> Array:
        numbers = self.storages[tensor.storage]
        if 0 in tensor.size:
            return np.empty(tensor.size, numbers.dtype)
        last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.size, tensor.stride, strict=True))
        if last >= len(numbers) or math.prod(tensor.size) > len(numbers):
            raise ValueError(f"{name} of shape {tensor.size} reaches outside its storage of {len(numbers)}")
        strides = [step * numbers.itemsize for step in tensor.stride]
        return np.lib.stride_tricks.as_strided(
            numbers[tensor.offset :], tensor.size, strides, writeable=False
        )


def _numbers(name: str, data: bytes | bytearray, dtype: str | None, order: Literal["<", ">"]) -> Array:
    """The elements of `data`; bfloat16 as float32, which holds all of its numbers."""
    if dtype is None:
        raise ValueError(f"{name} is of a type that is not read, expected float32, float64 or float16")
    element = np.dtype("u2" if dtype == _BFLOAT16 else dtype).newbyteorder(order)
    if len(data) % element.itemsize:
        raise ValueError(f"{name} has {len(data)} bytes, expected a multiple of {element.itemsize}")
    numbers = np.frombuffer(data, element)
    if dtype != _BFLOAT16:
        return numbers
    return (numbers.astype(np.uint32) << np.uint32(16)).view(np.float32)
