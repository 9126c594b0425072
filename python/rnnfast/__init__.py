"""Train recurrent networks on a CPU and generate from them, fast.

A whole training run and a whole generated piece are one native call each: SIMD C++ kernels under a thin Python API.

Start with `LanguageModel` (train on tokens, generate tokens), `rnnfast.music` (a MIDI file in, a new solo out),
`rnnfast.course` (is your own `lstm_cell_backward` right?) or `rnnfast.reference` (the same mathematics in readable
NumPy).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rnnfast._core import NonFiniteError, SamplingError, __version__
from rnnfast.generation import Generated
from rnnfast.layers import GRU, LSTM, RNN, Dense, Embedding
from rnnfast.learning_rate import CosineDecay, ExponentialDecay, InverseTimeDecay, LinearWarmup, StepDecay
from rnnfast.losses import mse, softmax_cross_entropy
from rnnfast.model import LanguageModel
from rnnfast.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from rnnfast.optimizer_state import OptimizerState
from rnnfast.runtime import active_isa, available_isas, set_isa, show_config
from rnnfast.sampling import Sampler
from rnnfast.scoring import Beam, Score
from rnnfast.session import Session
from rnnfast.state import State
from rnnfast.streaming import TokenStream
from rnnfast.train import History

if TYPE_CHECKING:
    from rnnfast import characters, constraints, convert, course, initialisers, music, names, reference, text
    from rnnfast.sequence import SequenceClassifier, SequenceRegressor

_LAZY = {"SequenceClassifier": "rnnfast.sequence", "SequenceRegressor": "rnnfast.sequence"}
_SUBPACKAGES = (
    "characters",
    "constraints",
    "convert",
    "course",
    "initialisers",
    "music",
    "names",
    "reference",
    "text",
)
"""Imported when first used: importing rnnfast itself stays quick."""

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Adam",
    "AdamW",
    "Beam",
    "CosineDecay",
    "Dense",
    "Embedding",
    "ExponentialDecay",
    "Generated",
    "History",
    "InverseTimeDecay",
    "LanguageModel",
    "LinearWarmup",
    "NonFiniteError",
    "Optimizer",
    "OptimizerState",
    "RMSprop",
    "Sampler",
    "SamplingError",
    "Score",
    "SequenceClassifier",
    "SequenceRegressor",
    "Session",
    "State",
    "StepDecay",
    "TokenStream",
    "__version__",
    "active_isa",
    "available_isas",
    "characters",
    "constraints",
    "convert",
    "course",
    "initialisers",
    "mse",
    "music",
    "names",
    "reference",
    "set_isa",
    "show_config",
    "softmax_cross_entropy",
    "text",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    if name in _SUBPACKAGES:
        return importlib.import_module(f"rnnfast.{name}")
    raise AttributeError(f"module 'rnnfast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
