"""How the exercise's two models are made of its layers."""

from __future__ import annotations

from typing import Any

from rnnfast._arguments import integer
from rnnfast.course.jazz.layers import LSTM, Dense, Reshape
from rnnfast.course.jazz.models import InferenceModel, TrainingModel


def djmodel(Tx: int, LSTM_cell: LSTM, densor: Dense, reshaper: Reshape, *, seed: int = 0) -> TrainingModel:
    """Make the model that learns: one LSTM layer over Tx steps, one softmax layer after each.

    Parameters
    ----------
    Tx : int
        Steps.
    LSTM_cell : LSTM
        With return_state=True.
    densor : Dense
    reshaper : Reshape
    seed : int
        Decides the initial weights of layers that have none yet, and every epoch's order.

    Returns
    -------
    TrainingModel

    Raises
    ------
    TypeError, ValueError
        Where layers do not fit each other.

    Examples
    --------
    >>> model = djmodel(30, LSTM(64, return_state=True), Dense(90, activation="softmax"), Reshape((1, 90)))
    >>> model.count_params()
    45530
    """
    if not isinstance(reshaper, Reshape):
        raise TypeError(f"reshaper is {reshaper!r}, expected a layer Reshape(...)")
    if isinstance(densor, Dense) and reshaper.target_shape != (1, densor.units):
        raise ValueError(
            f"reshaper has target_shape {reshaper.target_shape}, expected (1, {densor.units}) as densor has units"
        )
    return TrainingModel(LSTM_cell, densor, _steps("Tx", Tx), seed)


def create_model(Tx: int, n_a: int, n_values: int, *, seed: int = 0) -> TrainingModel:
    """Make the model that learns with layers of its own: its attributes LSTM_cell and densor.

    Parameters
    ----------
    Tx, n_a, n_values : int
        Steps, LSTM units, different values.
    seed : int
        As in `djmodel`.

    Examples
    --------
    >>> model = create_model(Tx=30, n_a=64, n_values=78)
    >>> music_inference_model(model.LSTM_cell, model.densor, Ty=50).count_params()
    41678
    """
    layers = LSTM(n_a, return_state=True), Dense(n_values, activation="softmax")
    return djmodel(Tx, *layers, Reshape((1, n_values)), seed=seed)


def music_inference_model(
    LSTM_cell: LSTM,
    densor: Dense,
    *sizes: int,
    n_values: int | None = None,
    n_a: int | None = None,
    Ty: int | None = None,
) -> InferenceModel:
    """Make the model that plays with the layers that `djmodel` trained. Both of the exercise's signatures work:

        music_inference_model(LSTM_cell, densor, Ty=100)
        music_inference_model(LSTM_cell, densor, n_values=78, n_a=64, Ty=100)

    Parameters
    ----------
    LSTM_cell : LSTM
    densor : Dense
    n_values, n_a : int, optional
        Have to be the layers' units.
    Ty : int, default 100
        Values to play.

    Raises
    ------
    TypeError, ValueError
        Where layers or sizes do not fit each other.
    """
    names = ("Ty",) if len(sizes) == 1 else ("n_values", "n_a", "Ty")
    if len(sizes) > len(names):
        raise TypeError(f"music_inference_model takes at most 5 arguments, {2 + len(sizes)} were given")
    given = {"n_values": n_values, "n_a": n_a, "Ty": Ty}
    for name, size in zip(names, sizes, strict=False):
        if given[name] is not None:
            raise TypeError(f"{name} is given twice, by position and by name")
        given[name] = size
    for name, layer in (("n_values", densor), ("n_a", LSTM_cell)):
        if isinstance(layer, LSTM | Dense) and given[name] not in (None, layer.units):
            raise ValueError(f"{name} is {given[name]}, expected {layer.units} as the layer has units")
    steps = 100 if given["Ty"] is None else given["Ty"]
    return InferenceModel(LSTM_cell, densor, _steps("Ty", steps), seed=0)


def _steps(name: str, value: Any) -> int:
    steps = integer(name, value)
    if steps < 1:
        raise ValueError(f"{name} is {value}, expected at least 1")
    return steps
