"""PyTorch's weights in and out, without PyTorch: a state_dict, as a safetensors file, a `.pt` file or a mapping."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast.convert import torch_files, torch_modules
from rnnfast.convert.assemble import Model, Source, build, describe
from rnnfast.convert.description import Nonlinearity
from rnnfast.convert.errors import check_path, naming

StateDict = str | os.PathLike[str] | Mapping[str, Any]


def from_torch(
    source: StateDict,
    *,
    modules: str | Sequence[str] | None = None,
    nonlinearity: Nonlinearity | None = None,
    embedding: bool | None = None,
    language_model: bool | None = None,
    batch_first: bool = False,
) -> Model:
    """Make layers or a LanguageModel of a PyTorch state_dict.

    Parameters
    ----------
    source : path, or mapping of names to arrays or tensors
        The parameters of an nn.RNN, nn.GRU or nn.LSTM (any number of layers, one or two directions, proj_size) or of
        an nn.RNNCell, nn.GRUCell or nn.LSTMCell; and, around it, of an nn.Embedding and an nn.Linear. A file is one
        of safetensors or of ``torch.save(model.state_dict(), path)``, told apart by its content. Of a `.pt` file only
        plain values and tensors are read, and nothing in it executes.
    modules : str or sequence of str, optional
        The names of the modules to read, such as ``("encoder", "rnn", "decoder")``, in the order in which data goes
        through them. Of a checkpoint that holds more than a state_dict they begin with its key:
        ``"model_state_dict.rnn"``. ``""`` is the outermost module. None: all that are there, in the order in which
        their shapes fit, where there is only one.
    nonlinearity : {"tanh", "relu"}, optional
        Of an nn.RNN, whose state_dict does not say it.
    embedding : bool, optional
        Whether there is an nn.Embedding, where shapes do not tell it from an nn.Linear without bias.
    language_model : bool, optional
        Whether it is a LanguageModel, which reads and predicts tokens; False: layers. None: it is where an embedding
        has as many tokens as there are outputs, and asked for where a recurrent module takes as many numbers as there
        are outputs: they may be tokens as one-hot vectors, or not.
    batch_first : bool
        Whether the layer that is returned takes (N, T, D), which a state_dict does not say either.

    Returns
    -------
    model : RNN, GRU or LSTM, LanguageModel, or tuple of layers
        A recurrent module alone is a layer, of as many `num_layers`; tied weights of a LanguageModel stay tied. Any
        other network is a tuple of its layers, in order.

    Raises
    ------
    TypeError
        Where `source` is neither a path nor a mapping, or `embedding` or `language_model` no bool.
    ValueError
        For a file that is damaged or holds more than tensors, parameters of other modules, and what a state_dict does
        not say; the message names the choice.
    OSError
        Where there is no such file, or it cannot be read.

    Notes
    -----
    The two biases are added, but for the one of a GRU that the reset gate multiplies. Numbers of half precision are
    widened to float32. Functions between modules (a ReLU, a Dropout) are not in a state_dict.

    Examples
    --------
    >>> weights = {"weight_ih": (8, 3), "weight_hh": (8, 2), "bias_ih": (8,), "bias_hh": (8,)}
    >>> state_dict = {f"rnn.{name}_l0": np.zeros(shape, "f4") for name, shape in weights.items()}
    >>> state_dict |= {"decoder.weight": np.zeros((3, 2), "f4"), "decoder.bias": np.zeros(3, "f4")}
    >>> from_torch(state_dict, language_model=True).hidden_size
    2
    """
    wanted = [modules] if isinstance(modules, str) else modules

    def made(tensors: Mapping[str, Any]) -> Model:
        choices = {"embedding": embedding, "language_model": language_model}
        network = torch_modules.network_of(tensors, wanted, nonlinearity, batch_first, **choices)
        return build(network, language_model)

    if isinstance(source, Mapping):
        return made({name: _array(name, value) for name, value in source.items()})
    check_path("source", source, "a path or a mapping of names to arrays, such as module.state_dict() gives")
    with naming(source):
        return made(torch_files.read_state_dict(Path(source)))


def to_torch(model: Source, path: str | os.PathLike[str] | None = None) -> dict[str, npt.NDArray[Any]]:
    """Give the state_dict of PyTorch modules that compute the same as `model`.

    Parameters
    ----------
    model : LanguageModel, SequenceClassifier, SequenceRegressor, layer or sequence of layers
    path : path-like, optional
        Where to write it as a safetensors file, atomically; ``safetensors.torch.load_file`` reads it.

    Returns
    -------
    state_dict : name -> array
        A layer's loads into the nn.RNN, nn.GRU, nn.LSTM, nn.Linear or nn.Embedding of the same settings. That of a
        model or of several layers loads into a module with members `embedding`, `rnn`, `gru` or `lstm`, `linear`, as it
        has them; a second `lstm` is `lstm_2`. Without an embedding the recurrent module takes tokens as one-hot
        vectors. Of the two biases the second is zero, but for the part of a GRU's that is a weight of its
        own.

    Raises
    ------
    TypeError
        Where `model` is no model or layer of ours, or `path` no path.
    ValueError
        Where PyTorch has no such layer: peepholes, coupled gates, a GRU with the reset before the product.
    OSError
        Where the file cannot be written.

    Examples
    --------
    >>> from rnnfast import LanguageModel
    >>> sorted(to_torch(LanguageModel(9, 4)))
    ['linear.bias', 'linear.weight', 'lstm.bias_hh_l0', 'lstm.bias_ih_l0', 'lstm.weight_hh_l0', 'lstm.weight_ih_l0']
    """
    if path is not None:
        check_path("path", path)
    tensors = {name: np.array(array) for name, array in torch_modules.state_dict_of(describe(model)).items()}
    if path is not None:
        torch_files.write_state_dict(tensors, Path(path))
    return tensors


def _array(name: Any, value: Any) -> Any:
    """A tensor of PyTorch as an array: it may need gradients, or be elsewhere."""
    if not isinstance(name, str):
        raise TypeError(f"source has the key {name!r}, expected names of parameters")
    if not hasattr(value, "detach"):
        return value
    tensor = value.detach().cpu()
    return tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor  # which NumPy has not
