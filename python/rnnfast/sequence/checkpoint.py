"""Saved sequence models: one safetensors file with weights, optimiser, random position and settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnnfast import _sealed_files
from rnnfast._arguments import counter
from rnnfast._parameters import check_arrays
from rnnfast._sealed_files import Tensors
from rnnfast._sealed_files import damaged as damaged
from rnnfast.optimizer_state import OptimizerState, pack, shapes_of_slots, unpack
from rnnfast.sequence.net import parameter_shapes

FORMAT = 1
"""Raised when a file of today could not be read by the code of yesterday."""


@dataclass(frozen=True)
class Checkpoint:
    """All that a model needs to go on.

    Attributes
    ----------
    config : dict
        The model's settings.
    parameters : name -> array
    optimizer : OptimizerState or None
        None before the first training.
    epochs_begun, steps : int
        The random positions of the next epoch's shuffle and of the next step's dropout.
    """

    config: dict[str, Any]
    parameters: Tensors
    optimizer: OptimizerState | None
    epochs_begun: int
    steps: int


def save(kind: str, checkpoint: Checkpoint, path: str | os.PathLike[str]) -> None:
    """Write `checkpoint` to `path`, atomically."""
    _sealed_files.write(path, kind, FORMAT, *_pack(checkpoint))


def _pack(checkpoint: Checkpoint) -> tuple[dict[str, Any], Tensors]:
    optimizer, remembered = (
        (None, {}) if checkpoint.optimizer is None else pack(checkpoint.optimizer, "optimizer.")
    )
    facts = {
        "config": checkpoint.config,
        "epochs_begun": checkpoint.epochs_begun,
        "steps": checkpoint.steps,
        "optimizer": optimizer,
    }
    return facts, checkpoint.parameters | remembered


def load(kind: str, outputs_name: str, path: str | os.PathLike[str]) -> Checkpoint:
    """Read what `save` wrote, all of it checked: names, shapes, types, ranges and the checksum.

    Raises
    ------
    ValueError
        For a file that is damaged, of another kind, or of a newer format; the message says which.
    OSError
        Where there is no such file, or it cannot be read.
    """
    facts, tensors = _sealed_files.read(path, kind, FORMAT)
    try:
        return _unpack(facts, tensors, outputs_name)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise damaged(path, error) from error


def checked(checkpoint: Checkpoint, outputs_name: str) -> Checkpoint:
    """Check what pickle brought as `load` checks a file.

    Raises
    ------
    AttributeError, KeyError, TypeError, ValueError, OverflowError
        Where it is damaged.
    """
    return _unpack(*_pack(checkpoint), outputs_name)


def _unpack(facts: Mapping[str, Any], tensors: Tensors, outputs_name: str) -> Checkpoint:
    facts_of = facts["optimizer"]
    optimizer = None if facts_of is None else unpack(facts_of, tensors, "optimizer.")
    epochs_begun, steps = (counter(name, facts[name]) for name in ("epochs_begun", "steps"))
    if steps and optimizer is None:
        raise ValueError(f"optimizer is missing, and steps is {steps}")
    config = facts["config"]
    shapes = _parameter_shapes(config, outputs_name, len(tensors))
    remembered = {} if optimizer is None else shapes_of_slots(optimizer, shapes, "optimizer.")
    check_arrays(tensors, (shapes | remembered).items(), config["dtype"])
    parameters = {name: array for name, array in tensors.items() if not name.startswith("optimizer.")}
    return Checkpoint(config, parameters, optimizer, epochs_begun, steps)


def _parameter_shapes(
    config: Mapping[str, Any], outputs_name: str, tensors: int
) -> dict[str, tuple[int, ...]]:
    """Of the net that the file says it holds, without making it: the file itself must hold as much."""
    if not 1 <= config["num_layers"] <= tensors:
        raise ValueError(f"num_layers is {config['num_layers']}, and there are {tensors} arrays")
    return parameter_shapes(config, config[outputs_name])
