"""Generate with temperature 1 from an LSTM of 64 units over 90 tokens, one stream and 64."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Peer, Row, compare
from benchmarks.peers import Peers
from rnnfast import LanguageModel
from rnnfast.reference import random

V, H = 90, 64


def uniform(streams: int, length: int, seed: int) -> npt.NDArray[np.float32]:
    """The numbers that `generate` draws with: (length, streams)."""
    positions = np.arange(length, dtype=np.uint64)
    columns = [
        random.uniform(seed, stream, positions, random.SAMPLING, np.float32) for stream in range(streams)
    ]
    return np.stack(columns, axis=1)


def verify(model: LanguageModel, peer: object, streams: int, length: int) -> None:
    """Both must draw the same tokens, but where rounding decides: at least 99 streams of 100 agree throughout."""
    ours = model.generate(length, num_streams=streams, seed=1)
    theirs = peer.generate(length, uniform(streams, length, 1))  # type: ignore[attr-defined]
    agreeing = (ours == theirs).all(axis=1).mean()
    if agreeing < 0.99:
        raise AssertionError(f"only {agreeing:.0%} of {streams} streams have equal tokens: nothing to time")


def rows(peers: Peers) -> Iterator[Row]:
    """Compare with every peer that is installed."""
    model = LanguageModel(V, H, seed=3)
    for streams, length in ((1, 2000), (64, 200)):
        draws = uniform(streams, length, 0)
        ours = Peer("rnnfast", lambda s=streams, n=length: model.generate(n, num_streams=s))
        for peer in peers.models(model, 0.01, 0.01):
            verify(model, peer.model, 100, 40)
            theirs = Peer(peer.name, lambda p=peer, n=length, u=draws: p.model.generate(n, u))
            yield compare(f"generate, {streams} stream(s)", "token", streams * length, ours, theirs)
