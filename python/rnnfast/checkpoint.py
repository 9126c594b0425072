"""Saved models: one safetensors file with weights, optimiser, random position, settings and vocabulary."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rnnfast import _core, _sealed_files
from rnnfast._arguments import cell_name, counter
from rnnfast._parameters import check_arrays
from rnnfast._sealed_files import Tensors
from rnnfast._sealed_files import damaged as damaged
from rnnfast.optimizer_state import OptimizerState, pack, shapes_of_slots, unpack

KIND = "rnnfast.LanguageModel"
FORMAT = 2
"""Raised when a file of today could not be read by the code of yesterday.

2: any optimiser, with any of its slots. 1: Adam and SGD, with the slots m and v.
"""


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
    _sealed_files.write(path, KIND, FORMAT, *_pack(checkpoint))


def _pack(checkpoint: Checkpoint) -> tuple[dict[str, Any], Tensors]:
    optimizer, remembered = pack(checkpoint.optimizer, "optimizer.")
    facts = {
        "config": checkpoint.config,
        "vocabulary": checkpoint.vocabulary,
        "epochs_begun": checkpoint.epochs_begun,
        "optimizer": optimizer,
    }
    return facts, checkpoint.parameters | remembered


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read what `save` wrote, all of it checked: names, shapes, types, ranges and the checksum.

    Raises
    ------
    ValueError
        For a file that is damaged, of another kind, or of a newer format; the message says which.
    OSError
        Where there is no such file, or it cannot be read.
    """
    facts, tensors = _sealed_files.read(path, KIND, FORMAT)
    try:
        return _unpack(facts, tensors)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise damaged(path, error) from error


def checked(checkpoint: Checkpoint) -> Checkpoint:
    """Check what pickle brought as `load` checks a file.

    Raises
    ------
    AttributeError, KeyError, TypeError, ValueError, OverflowError
        Where it is damaged.
    """
    return _unpack(*_pack(checkpoint))


def _unpack(facts: dict[str, Any], tensors: Tensors) -> Checkpoint:
    optimizer = unpack(facts["optimizer"], tensors, "optimizer.")
    config = facts["config"]
    shapes = _parameter_shapes(config, len(tensors))
    check_arrays(
        tensors, (shapes | shapes_of_slots(optimizer, shapes, "optimizer.")).items(), config["dtype"]
    )
    return Checkpoint(
        config=config,
        vocabulary=facts["vocabulary"],
        parameters={key: value for key, value in tensors.items() if not key.startswith("optimizer.")},
        optimizer=optimizer,
        epochs_begun=counter("epochs_begun", facts["epochs_begun"]),
    )


def _parameter_shapes(config: dict[str, Any], tensors: int) -> dict[str, tuple[int, ...]]:
    """Of the model that the file says it holds, without making it: the file itself must hold as much."""
    if not 1 <= config["num_layers"] <= tensors:
        raise ValueError(f"num_layers is {config['num_layers']}, and there are {tensors} arrays")
    return _core.parameter_shapes(
        config["vocab_size"],
        config["hidden_size"],
        config["num_layers"],
        cell_name(config["cell"], config.get("nonlinearity", "tanh"), config.get("reset_after", True)),
        config.get("embedding_size") or 0,
        config.get("tie_weights", False),
    )
