"""Keras' weights in, without Keras: `.keras`, `.weights.h5` and the `.h5` files of old. Needs h5py."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rnnfast.convert.assemble import Model, build
from rnnfast.convert.description import Nonlinearity
from rnnfast.convert.errors import check_path, naming
from rnnfast.convert.keras_files import read_layers
from rnnfast.convert.keras_layers import Choices, network_of


def from_keras(
    path: str | os.PathLike[str],
    *,
    layers: Sequence[str] | None = None,
    nonlinearity: Nonlinearity | None = None,
    reset_after: bool | None = None,
    assume_defaults: bool = False,
    language_model: bool | None = None,
) -> Model:
    """Make layers or a LanguageModel of a file of Keras, with the extra ``rnnfast[keras]``.

    Parameters
    ----------
    path : path-like
        A file of ``model.save`` or ``model.save_weights``, told apart by its content: `.keras`, `.weights.h5`, or the
        legacy `.h5`. Its layers are a chain of LSTM, GRU or SimpleRNN, each alone or in a Bidirectional, after at most
        one Embedding, and of Dense. Dropout is passed over.
    layers : sequence of str, optional
        The names of the layers to read of a `.weights.h5`, such as ``("embedding", "gru", "lstm", "dense")``, in the
        order in which data goes through them. None: all, in the order in which their shapes fit, where there is only
        one; the other files say it.
    nonlinearity : {"tanh", "relu"}, optional
        Of a SimpleRNN in a file of weights alone, which does not say it.
    reset_after : bool, optional
        Of a GRU with one bias or none in a file of weights alone: whether the reset comes after the recurrent product.
    assume_defaults : bool
        Whether all other settings that a file of weights alone does not say (activations, a Bidirectional's merge_mode,
        masks, ...) are Keras' defaults; without this word such a file is refused. A Dense may also have a softmax.
    language_model : bool, optional
        Whether it is a LanguageModel, which reads and predicts tokens; False: layers. None: it is where an Embedding
        has as many tokens as there are outputs, and asked for where a recurrent layer takes as many numbers as there
        are outputs: they may be tokens as one-hot vectors, or not.

    Returns
    -------
    model : RNN, GRU or LSTM, LanguageModel, or tuple of layers
        Recurrent layers alone, of one kind and size, are one layer of as many `num_layers`, which takes (N, T, D), as
        those of Keras do. Where the Keras model returned its last prediction only, the LanguageModel gives all. Any
        other network is a tuple of its layers, in order; a softmax at its end is left to the loss.

    Raises
    ------
    TypeError
        Where `path` is no path.
    ValueError
        For a damaged file, for layers and settings that rnnfast does not have (the message names layer and setting),
        and for what the file does not say (the message names the choice).
    OSError
        Where there is no such file, or it cannot be read.
    ImportError
        Without h5py; the message names the extra.
    """
    check_path("path", path)
    with naming(path):
        found = read_layers(Path(path), layers, language_model=language_model)
        network = network_of(found, Choices(nonlinearity, reset_after, assume_defaults))
        return build(network, language_model)
