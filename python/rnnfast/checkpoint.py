"""Saved models: one safetensors file with weights, optimiser, random position, settings and vocabulary."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from rnnfast import _core
from rnnfast._arguments import cell_name
from rnnfast._files import atomic_write
from rnnfast.optimizer_state import OptimizerState

KIND = "rnnfast.LanguageModel"
FORMAT = 2
"""Raised when a file of today could not be read by the code of yesterday.

2: any optimiser, with any of its slots. 1: Adam and SGD, with the slots m and v.
"""

_SLOTS = {
    "sgd": ("momentum",),
    "rmsprop": ("m", "v", "momentum"),
    "adam": ("m", "v"),
    "adamw": ("m", "v"),
}
"""What each optimiser may remember."""

Tensors = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    """All that a model needs to go on.

    Attributes
    ----------
    config : dict
        The model's settings but the vocabulary.
    vocabulary : sequence of str or None
    parameters : name -> array
    optimizer : OptimizerState
    epochs_begun : int
        The random position of the next epoch's shuffle.
    """

    config: dict[str, Any]
    vocabulary: Sequence[str] | None
    parameters: Tensors
    optimizer: OptimizerState
    epochs_begun: int


def save(checkpoint: Checkpoint, path: str | os.PathLike[str]) -> None:
    """Write `checkpoint` to `path`, atomically."""
    optimizer = checkpoint.optimizer
    tensors = dict(checkpoint.parameters)
    for slot, arrays in optimizer.slots.items():
        tensors |= {f"optimizer.{slot}.{name}": array for name, array in arrays.items()}
    facts = {
        "kind": KIND,
        "format": FORMAT,
        "version": _core.__version__,
        "config": checkpoint.config,
        "vocabulary": checkpoint.vocabulary,
        "epochs_begun": checkpoint.epochs_begun,
        "optimizer": {
            "kind": optimizer.kind,
            "steps": optimizer.steps,
            "beta1_power": optimizer.beta1_power.hex(),  # every bit of it
            "beta2_power": optimizer.beta2_power.hex(),
        },
    }
    facts["sha256"] = digest(facts, tensors)
    # One entry of metadata: safetensors writes several in no fixed order, and equal models make equal files.
    data = safetensors.numpy.save(tensors, metadata={"rnnfast": json.dumps(facts)})
    with atomic_write(path) as file:
        file.write(data)


def digest(facts: dict[str, Any], tensors: Tensors) -> str:
    """SHA-256 of all that a file says: a flipped bit in a weight would otherwise go unnoticed."""
    total = hashlib.sha256(json.dumps(facts).encode())
    for name in sorted(tensors):
        tensor = np.ascontiguousarray(tensors[name])
        total.update(f"\n{name} {tensor.dtype.str} {tensor.shape}\n".encode())
        total.update(tensor.tobytes())
    return total.hexdigest()


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read what `save` wrote, all of it checked: names, shapes, types, ranges and the checksum.

    Raises
    ------
    ValueError
        For a file that is damaged, of another kind, or of a newer format; the message says which.
    OSError
        Where there is no such file, or it cannot be read.
    """
    name = repr(str(path))
    if Path(path).is_dir():
        raise IsADirectoryError(f"path {name} is a folder, expected a saved model")
    with open(path, "rb"):  # the ordinary errors for a file that is missing or not ours to read
        pass
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            facts = _facts(name, metadata)
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except (
        safetensors.SafetensorError,
        AttributeError,
        TypeError,
    ) as error:  # the latter for dtypes NumPy has not
        raise ValueError(f"path {name} is damaged, or no safetensors file at all: {error}") from error
    try:
        if facts.pop("sha256") != digest(facts, tensors):
            raise ValueError("its content does not agree with its checksum")
        _check_shapes(facts["config"], _slots(facts), tensors)
        return _checkpoint(facts, tensors)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise damaged(path, error) from error


def damaged(path: str | os.PathLike[str], error: Exception) -> ValueError:
    """Return the error for a file whose content makes no model."""
    return ValueError(f"path {str(path)!r} is damaged: {type(error).__name__}: {error}")


def _facts(name: str, metadata: dict[str, str]) -> dict[str, Any]:
    try:
        facts = json.loads(metadata["rnnfast"])
        kind, version = facts["kind"], facts["format"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"path {name} is of another kind: a safetensors file, but no saved rnnfast model"
        ) from error
    if kind != KIND:
        raise ValueError(f"path {name} is of another kind: {kind!r}, expected {KIND!r}")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"path {name} is damaged: its format is {version!r}, expected 1 to {FORMAT}")
    if version > FORMAT:
        raise ValueError(
            f"path {name} is of a newer format: {version!r}, written by rnnfast {facts.get('version')!r}; "
            f"this is rnnfast {_core.__version__}, which reads formats up to {FORMAT}"
        )
    return dict(facts)


def _slots(facts: dict[str, Any]) -> tuple[str, ...]:
    """What the file's optimiser may remember."""
    kind = facts["optimizer"]["kind"]
    if kind not in _SLOTS:
        raise ValueError(f"optimizer.kind is {kind!r}, expected one of {', '.join(_SLOTS)}")
    return _SLOTS[kind]


def _check_shapes(config: dict[str, Any], slots: Sequence[str], tensors: Tensors) -> None:
    """Before anything of the claimed size is allocated: the file itself must hold as much."""
    if not 1 <= config["num_layers"] <= len(tensors):
        raise ValueError(f"num_layers is {config['num_layers']}, and there are {len(tensors)} arrays")
    dtype = np.dtype(config["dtype"])
    expected = _core.parameter_shapes(
        config["vocab_size"],
        config["hidden_size"],
        config["num_layers"],
        cell_name(config["cell"], config.get("nonlinearity", "tanh"), config.get("reset_after", True)),
        config.get("embedding_size") or 0,
        config.get("tie_weights", False),
    )
    for name, shape in expected.items():
        if name not in tensors:
            raise ValueError(f"{name} is missing")
        if tensors[name].shape != shape or tensors[name].dtype != dtype:
            raise ValueError(
                f"{name} is {tensors[name].dtype} {tensors[name].shape}, expected {dtype} {shape}"
            )
    remembered = {f"optimizer.{slot}.{name}" for slot in slots for name in expected}
    for name in sorted(set(tensors) - set(expected) - remembered):
        raise ValueError(f"{name} is no part of such a model")
    for slot in slots:
        present = {name for name in expected if f"optimizer.{slot}.{name}" in tensors}
        if present and present != set(expected):
            raise ValueError(f"optimizer.{slot} is incomplete")
        for name in present:
            array = tensors[f"optimizer.{slot}.{name}"]
            if array.shape != expected[name] or array.dtype != dtype or not np.isfinite(array).all():
                raise ValueError(f"optimizer.{slot}.{name} is not finite {dtype} {expected[name]}")


def _checkpoint(facts: dict[str, Any], tensors: Tensors) -> Checkpoint:
    optimizer = facts["optimizer"]
    power1, power2 = (float.fromhex(optimizer[key]) for key in ("beta1_power", "beta2_power"))
    if not (0 <= power1 <= 1 and 0 <= power2 <= 1):  # a NaN is not either
        raise ValueError(f"optimizer.beta1_power and beta2_power are {power1} and {power2}, expected 0 to 1")
    if optimizer["steps"] < 0:
        raise ValueError(f"optimizer.steps is {optimizer['steps']}, expected at least 0")
    slots: dict[str, Tensors] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, slot, parameter = name.split(".", 2)
            slots.setdefault(slot, {})[parameter] = tensor
    return Checkpoint(
        config=facts["config"],
        vocabulary=facts["vocabulary"],
        parameters={name: tensor for name, tensor in tensors.items() if not name.startswith("optimizer.")},
        optimizer=OptimizerState(optimizer["kind"], optimizer["steps"], power1, power2, slots),
        epochs_begun=facts["epochs_begun"],
    )
