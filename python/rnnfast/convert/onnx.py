"""ONNX models in and out. Needs onnx; running a model that was written needs any runtime, such as ONNX Runtime."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from rnnfast._files import atomic_write
from rnnfast.convert.assemble import Model, Source, build, describe
from rnnfast.convert.description import astype
from rnnfast.convert.errors import check_path, naming
from rnnfast.convert.onnx_reader import read_network
from rnnfast.convert.onnx_writer import model_bytes
from rnnfast.model import LanguageModel
from rnnfast.sequence.model import SequenceModel


def from_onnx(
    path: str | os.PathLike[str], *, batch_first: bool = False, language_model: bool | None = None
) -> Model:
    """Make layers or a LanguageModel of an ONNX file, with the extra ``rnnfast[onnx]``.

    Parameters
    ----------
    path : path-like
        A graph of LSTM, GRU or RNN operators that read one from the other; before them a Gather from a table of
        vectors, after them dense layers, MatMul and Add or Gemm. Operators that only move numbers about may be between
        them.
    batch_first : bool
        Whether the layer that is returned takes (N, T, D).
    language_model : bool, optional
        Whether it is a LanguageModel, which reads and predicts tokens; False: layers. None: it is where the graph takes
        tokens (by a Gather or a OneHot) and has an output for each, and asked for where it takes as many numbers as it
        has outputs: they may be one-hot vectors, or not.

    Returns
    -------
    model : RNN, GRU or LSTM, LanguageModel, or tuple of layers
        Recurrent operators alone, of one kind and size, are one layer of as many `num_layers`. Any other network but a
        LanguageModel is a tuple of its layers, in order.

    Raises
    ------
    TypeError
        Where `path` is no path.
    ValueError
        For a damaged file, weights that are in other files, other operators, activations and directions; the message
        names the operator; and for what the graph does not say; it names the choice.
    OSError
        Where there is no such file, or it cannot be read.
    ImportError
        Without onnx; the message names the extra.
    """
    check_path("path", path)
    with naming(path):
        return build(read_network(Path(path), batch_first=batch_first), language_model)


def to_onnx(
    model: Source,
    path: str | os.PathLike[str],
    *,
    dtype: Literal["float32", "float64"] = "float32",
) -> None:
    """Write an ONNX file that computes what `model` does, atomically, with the extra ``rnnfast[onnx]``.

    Parameters
    ----------
    model : LanguageModel, SequenceClassifier, SequenceRegressor, layer or sequence of layers
        Of layers the graph takes whole sequences: x (T, N, D), or (N, T, D) where they are batch-first, or tokens where
        the first is an Embedding, and the states h and, of an LSTM, c, each (num_layers * directions, N, H); it gives
        y, h_out and c_out. Where several layers have states they are h_0, c_0, h_1, ... Of a LanguageModel it is one
        step: tokens (N,) of int64, of which -1 is none, h and c; it gives logits and probabilities (N, V), h_out and
        c_out. Of a SequenceClassifier or SequenceRegressor it is the graph of its layers, batch second: y, before a
        softmax, at each step; with output="last" the answer is that at the last one. Opset 17.
    path : path-like
    dtype : {"float32", "float64"}
        Of the graph's numbers. ONNX Runtime has its recurrent operators in float32 only.

    Raises
    ------
    TypeError
        Where `model` is no model or layer of ours, or `path` no path.
    ValueError
        For an LSTM with a projection, which ONNX has not, and for a model that reads in two directions and answers
        after the last step.
    OSError
        Where the file cannot be written.
    ImportError
        Without onnx; the message names the extra.
    """
    check_path("path", path)
    if (
        isinstance(model, SequenceModel)
        and model.config["output"] == "last"
        and model.config["bidirectional"]
    ):
        raise ValueError(
            f"model is a {type(model).__name__} with output='last' and two directions, which end at different steps; "
            "expected output='all', or one direction"
        )
    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype is {dtype!r}, expected 'float32' or 'float64'")
    data = model_bytes(astype(describe(model), dtype), step=isinstance(model, LanguageModel))
    with atomic_write(path) as file:
        file.write(data)
