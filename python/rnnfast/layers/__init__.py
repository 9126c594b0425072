"""Layers for nets of one's own: forward and backward, with the state as a value, and single steps."""

from rnnfast.layers.dense import Dense, DenseWorkspace
from rnnfast.layers.embedding import Embedding, EmbeddingWorkspace
from rnnfast.layers.gru import GRU
from rnnfast.layers.layer import Layer, LayerGradients, LayerState
from rnnfast.layers.lstm import LSTM
from rnnfast.layers.recurrent import Workspace
from rnnfast.layers.rnn import RNN

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Dense",
    "DenseWorkspace",
    "Embedding",
    "EmbeddingWorkspace",
    "Layer",
    "LayerGradients",
    "LayerState",
    "Workspace",
]
