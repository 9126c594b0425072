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
from rnnfast.model import LanguageModel
from rnnfast.optim import SGD, Adam, Optimizer
from rnnfast.runtime import active_isa, available_isas, set_isa, show_config
from rnnfast.sampling import Sampler
from rnnfast.scoring import Beam, Score
from rnnfast.session import Session
from rnnfast.state import State
from rnnfast.streaming import TokenStream
from rnnfast.train import History

if TYPE_CHECKING:
    from rnnfast import constraints, course, music, reference, text

_SUBPACKAGES = ("constraints", "course", "music", "names", "reference", "text")
"""Imported when first used: importing rnnfast itself stays quick."""

__all__ = [
    "SGD",
    "Adam",
    "Beam",
    "Generated",
    "History",
    "LanguageModel",
    "NonFiniteError",
    "Optimizer",
    "Sampler",
    "SamplingError",
    "Score",
    "Session",
    "State",
    "TokenStream",
    "__version__",
    "active_isa",
    "available_isas",
    "constraints",
    "course",
    "music",
    "names",
    "reference",
    "set_isa",
    "show_config",
    "text",
]


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return importlib.import_module(f"rnnfast.{name}")
    raise AttributeError(f"module 'rnnfast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
