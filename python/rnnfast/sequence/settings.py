"""The settings of the sequence models, checked before anything is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnfast._arguments import cell_name, integer, real
from rnnfast._arguments import seed as checked_seed
from rnnfast._parameters import dtype_name


def checked_settings(
    outputs_name: str, num_outputs: int, hidden_size: int, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a model's settings, all of them checked.

    Raises
    ------
    ValueError, TypeError
        For what is no setting, and for settings that do not go together.
    """
    sizes = {outputs_name: num_outputs, "hidden_size": hidden_size, "num_layers": settings["num_layers"]}
    inputs = {key: settings[key] for key in ("input_size", "vocab_size", "embedding_size")}
    if (inputs["input_size"] is None) == (inputs["vocab_size"] is None):
        raise ValueError(
            f"input_size is {inputs['input_size']} and vocab_size {inputs['vocab_size']}, expected one of them: "
            "numbers or tokens"
        )
    if inputs["embedding_size"] is not None and inputs["vocab_size"] is None:
        raise ValueError(
            f"embedding_size is {inputs['embedding_size']} without vocab_size: numbers have no embedding"
        )
    if settings["output"] not in ("last", "all"):
        raise ValueError(f"output is {settings['output']!r}, expected 'last' or 'all'")
    cell_name(settings["cell"], settings["nonlinearity"], settings["reset_after"])
    dropout = real("dropout", settings["dropout"])
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}, expected at least 0 and less than 1")
    return {
        **{name: at_least(name, value, 1) for name, value in sizes.items()},
        **{name: None if value is None else at_least(name, value, 1) for name, value in inputs.items()},
        "cell": str(settings["cell"]),
        "output": str(settings["output"]),
        "bidirectional": bool(settings["bidirectional"]),
        "dropout": dropout,
        "dtype": dtype_name(settings["dtype"]),
        "seed": checked_seed(settings["seed"]),
        "nonlinearity": str(settings["nonlinearity"]),
        "reset_after": bool(settings["reset_after"]),
    }


def at_least(name: str, value: Any, least: int) -> int:
    """Take `value` as an integer of at least `least`."""
    number = integer(name, value)
    if number < least:
        raise ValueError(f"{name} is {value}, expected at least {least}")
    return number
