"""Keras' weights in, without Keras: `.keras`, `.weights.h5` and the `.h5` files of old. Needs h5py."""

from __future__ import annotations

import os
from pathlib import Path

from rnnfast.convert.assemble import Model, build
from rnnfast.convert.description import Nonlinearity
from rnnfast.convert.errors import naming
from rnnfast.convert.keras_files import read_layers
from rnnfast.convert.keras_layers import Choices, network_of


def from_keras(
    path: str | os.PathLike[str],
    *,
    nonlinearity: Nonlinearity | None = None,
    reset_after: bool | None = None,
) -> Model:
    """Make layers or a LanguageModel of a file of Keras, with the extra ``rnnfast[keras]``.

    Parameters
    ----------
    path : path-like
        A file of ``model.save`` or ``model.save_weights``, told apart by its content: `.keras`, `.weights.h5`, or the
        legacy `.h5`. Its layers are a chain of LSTM, GRU or SimpleRNN, each alone or in a Bidirectional, after at most
        one Embedding, and of Dense. Dropout is passed over.
    nonlinearity : {"tanh", "relu"}, optional
        Of a SimpleRNN in a file of weights alone, which does not say it.
    reset_after : bool, optional
        Of a GRU with one bias or none in a file of weights alone: whether the reset comes after the recurrent product.

    Returns
    -------
    model : RNN, GRU or LSTM, LanguageModel, or tuple of layers
        Recurrent layers alone, of one kind and size, are one layer of as many `num_layers`, which takes (N, T, D), as
        those of Keras do. With a Dense that has an output for each token they are a LanguageModel; where the Keras
        model returned its last prediction only, the LanguageModel gives all. Any other network is a tuple of its
        layers, in order; a softmax at its end is left to the loss.

    Raises
    ------
    ValueError
        For a damaged file, for layers and settings that rnnfast does not have (the message names layer and setting),
        and for what a file of weights alone does not say. Such a file is taken to have Keras' default activations.
    OSError
        Where there is no such file, or it cannot be read.
    ImportError
        Without h5py; the message names the extra.
    """
    with naming(path):
        return build(network_of(read_layers(Path(path)), Choices(nonlinearity, reset_after)))
