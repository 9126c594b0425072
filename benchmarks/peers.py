"""The peers that are installed. One that is not is named, not silently left out."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rnnfast import LanguageModel


@dataclass(frozen=True)
class PeerModel:
    """A peer's model, with the same weights as ours."""

    name: str
    model: Any


class Peers:
    """Peers by name: numpy, torch."""

    def __init__(self) -> None:
        self.torch = importlib.util.find_spec("torch") is not None
        if not self.torch:
            print("NOT MEASURED: PyTorch (pip install torch==2.13.0)", file=sys.stderr)

    def models(self, model: LanguageModel, rate: float, decay: float) -> Iterator[PeerModel]:
        """Each peer with the weights of `model`."""
        from benchmarks import peer_numpy

        numpy_model = peer_numpy.NumpyModel(dict(model.parameters))
        step = numpy_model.step
        numpy_model.step = lambda X, Y: step(X, Y, rate, decay)  # type: ignore[method-assign, call-arg, misc]
        yield PeerModel(peer_numpy.NAME, numpy_model)
        if self.torch:
            from benchmarks import peer_torch

            yield PeerModel(peer_torch.NAME, peer_torch.TorchModel(dict(model.parameters), rate, decay))
