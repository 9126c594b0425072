"""From a description to a model of ours, and back: the only module of this package that knows the models."""

from __future__ import annotations

from rnnfast.convert.description import Cell, Dense, Network, Recurrent
from rnnfast.model import LanguageModel

Model = LanguageModel


def build(network: Network) -> Model:
    """Make the model that `network` describes.

    Raises
    ------
    ValueError
        Where no model of ours has these parts; the message lists them.
    """
    stack, *rest = network.parts
    if not isinstance(stack, Recurrent) or len(rest) != 1 or not isinstance(rest[0], Dense):
        raise ValueError(f"no model has the parts {[type(part).__name__ for part in network.parts]}")
    dense = rest[0]
    model = LanguageModel(
        len(dense.b),
        stack.hidden_size,
        cell=stack.cell,
        num_layers=len(stack.layers),
        dtype=dense.W.dtype,
    )
    parameters = {"dense.W": dense.W, "dense.b": dense.b}
    for index, (cell,) in enumerate(stack.layers):
        parameters |= {f"layers.{index}.{name}": array for name, array in cell.arrays().items()}
    model.set_parameters(parameters)
    return model


def describe(model: Model) -> Network:
    """Describe `model`; the arrays are views of its parameters."""
    own = model.parameters
    layers = tuple(
        (Cell(*(own[f"layers.{index}.{name}"] for name in ("W", "R", "b"))),)
        for index in range(model.num_layers)
    )
    return Network((Recurrent("lstm", layers), Dense(own["dense.W"], own["dense.b"])))
