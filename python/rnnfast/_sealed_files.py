"""Files of named arrays and of facts about them: safetensors under a checksum, written atomically, never trusted."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from rnnfast import _core
from rnnfast._files import atomic_write

Tensors = dict[str, npt.NDArray[Any]]


def write(
    path: str | os.PathLike[str], kind: str, form: int, facts: Mapping[str, Any], tensors: Tensors
) -> None:
    """Write what `read` gives back for the same kind.

    Parameters
    ----------
    path : path-like
    kind : str
        What the file holds, by its class.
    form : int
        Number of its format.
    facts : mapping of what JSON can say
    tensors : name -> array
    """
    said = {"kind": kind, "format": form, "version": _core.__version__, **facts}
    said["sha256"] = digest(said, tensors)
    # One entry of metadata: safetensors writes several in no fixed order, and equal states make equal files.
    data = safetensors.numpy.save(tensors, metadata={"rnnfast": json.dumps(said)})
    with atomic_write(path) as file:
        file.write(data)


def digest(facts: Mapping[str, Any], tensors: Tensors) -> str:
    """SHA-256 of all that a file says: a flipped bit in a weight would otherwise go unnoticed."""
    total = hashlib.sha256(json.dumps(facts).encode())
    for name in sorted(tensors):
        tensor = np.ascontiguousarray(tensors[name])
        total.update(f"\n{name} {tensor.dtype.str} {tensor.shape}\n".encode())
        total.update(tensor.tobytes())
    return total.hexdigest()


def read(path: str | os.PathLike[str], kind: str, newest: int) -> tuple[dict[str, Any], Tensors]:
    """Read facts and tensors of a file of that kind; what they mean is the caller's to check.

    Parameters
    ----------
    path : path-like
    kind : str
        As in `write`.
    newest : int
        The newest format that the caller understands.

    Raises
    ------
    ValueError
        For a file that is damaged, of another kind, or of a newer format; the message says which.
    OSError
        Where there is no such file, or it cannot be read.
    """
    name = repr(str(path))
    if Path(path).is_dir():
        raise IsADirectoryError(f"path {name} is a folder, expected a saved {kind}")
    with open(path, "rb"):  # the ordinary errors for a file that is missing or not ours to read
        pass
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            facts = _facts(name, file.metadata() or {}, kind, newest)
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except (
        safetensors.SafetensorError,
        AttributeError,
        TypeError,
    ) as error:  # the latter for dtypes NumPy has not
        raise ValueError(f"path {name} is damaged, or no safetensors file at all: {error}") from error
    if facts.pop("sha256", None) != digest(facts, tensors):
        raise damaged(path, ValueError("its content does not agree with its checksum"))
    return facts, tensors


def damaged(path: str | os.PathLike[str], error: Exception) -> ValueError:
    """Return the error for a file whose content makes no sense."""
    return ValueError(f"path {str(path)!r} is damaged: {type(error).__name__}: {error}")


def _facts(name: str, metadata: dict[str, str], kind: str, newest: int) -> dict[str, Any]:
    try:
        facts = json.loads(metadata["rnnfast"])
        found, form = facts["kind"], facts["format"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"path {name} is of another kind: a safetensors file, but no saved {kind}"
        ) from error
    if found != kind:
        raise ValueError(f"path {name} is of another kind: {found!r}, expected {kind!r}")
    if not isinstance(form, int) or isinstance(form, bool) or form < 1:
        raise ValueError(f"path {name} is damaged: its format is {form!r}, expected 1 to {newest}")
    if form > newest:
        raise ValueError(
            f"path {name} is of a newer format: {form!r}, written by rnnfast {facts.get('version')!r}; "
            f"this is rnnfast {_core.__version__}, which reads formats up to {newest}"
        )
    return dict(facts)
