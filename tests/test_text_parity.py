"""A real text is learnt as PyTorch learns it: the same loss on what was held back, weights and order being the same.

PyTorch's second bias is frozen at zero. The times of both are printed (``-s``), never judged.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnfast import Adam, LanguageModel, characters, convert, text

pytestmark = pytest.mark.torch

STREAMS, STEPS, RATE, CLIP = 50, 50, 0.002, 5.0


@pytest.fixture(scope="module")
def torch() -> Any:
    module = pytest.importorskip("torch")
    before = module.get_num_threads()
    module.set_num_threads(1)
    yield module
    module.set_num_threads(before)


@pytest.mark.parametrize(("layers", "units", "length"), [(1, 128, None), (2, 256, 300_000)])
def test_validation_loss_is_pytorchs(
    torch: Any, data_dir: Path, layers: int, units: int, length: int | None
) -> None:
    """Within 0.5 % after one epoch and after three."""
    content = (data_dir / "tinyshakespeare.txt").read_text(encoding="utf-8")[:length]
    vocabulary = text.vocabulary_of(content)
    learnt, held_back = characters.split_text(text.encode(content, vocabulary), 0.1)
    X, Y = characters.streams(learnt, STREAMS)
    held_out = characters.streams(held_back, STREAMS)
    model = LanguageModel(len(vocabulary), units, num_layers=layers, vocabulary=vocabulary)
    twin = _Twin(torch, model)
    for epoch in range(1, 4):
        begin = time.perf_counter()
        model.fit(
            X,
            Y,
            epochs=1,
            truncate=STEPS,
            stateful=True,
            shuffle=False,
            optimizer=Adam(RATE),
            clip_norm=CLIP,
            num_threads=1,
        )
        ours = time.perf_counter() - begin
        begin = time.perf_counter()
        twin.learn(X, Y)
        theirs = time.perf_counter() - begin
        if epoch == 2:
            continue
        bits = model.evaluate(*held_out)["bits_per_token"]
        expected = twin.bits(*held_out)
        print(
            f"\n{layers} x {units}, epoch {epoch}: {bits:.4f} bits a character, PyTorch {expected:.4f}; "
            f"{ours:.1f} s, PyTorch {theirs:.1f} s ({theirs / ours:.2f}x)"
        )
        assert bits == pytest.approx(expected, rel=0.005)
        assert bits < 3.5


class _Twin:
    """The same model in PyTorch: one-hot input, LSTM, linear layer."""

    def __init__(self, torch: Any, model: LanguageModel) -> None:
        self.torch, self.V = torch, model.vocab_size
        weights = {name: torch.from_numpy(np.array(array)) for name, array in convert.to_torch(model).items()}
        self.lstm = torch.nn.LSTM(self.V, model.hidden_size, model.num_layers)
        self.linear = torch.nn.Linear(model.hidden_size, self.V)
        net = torch.nn.ModuleDict({"lstm": self.lstm, "linear": self.linear})
        net.load_state_dict(weights)
        for layer in range(model.num_layers):
            getattr(self.lstm, f"bias_hh_l{layer}").requires_grad_(False)
        self.trained = [p for p in net.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.trained, lr=RATE)

    def loss(self, x: Any, y: Any, state: Any) -> tuple[Any, Any]:
        torch = self.torch
        one_hot = torch.nn.functional.one_hot(torch.from_numpy(x.T.astype(np.int64)), self.V).float()
        h, state = self.lstm(one_hot, state)
        targets = torch.from_numpy(y.T.astype(np.int64)).reshape(-1)
        return torch.nn.functional.cross_entropy(self.linear(h).reshape(-1, self.V), targets), state

    def learn(self, X: Any, Y: Any) -> None:
        state = None
        for start in range(0, X.shape[1], STEPS):
            loss, state = self.loss(X[:, start : start + STEPS], Y[:, start : start + STEPS], state)
            state = tuple(s.detach() for s in state)
            self.optimizer.zero_grad()
            loss.backward()
            self.torch.nn.utils.clip_grad_norm_(self.trained, CLIP)
            self.optimizer.step()

    def bits(self, X: Any, Y: Any) -> float:
        with self.torch.no_grad():
            loss, _ = self.loss(X, Y, None)
        return float(loss) / math.log(2)
