"""The peer in PyTorch, eager, its best idiomatic form: nn.LSTM over the whole sequence, fused Adam on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Floats = npt.NDArray[Any]
NAME = f"PyTorch {torch.__version__}"
torch.set_num_threads(1)


class TorchModel:
    """One LSTM layer and a dense layer, float32, from a rnnfast model's parameters."""

    def __init__(self, parameters: dict[str, Floats], rate: float, decay: float) -> None:
        V, H4 = parameters["layers.0.W"].shape
        self.V = V
        self.lstm = torch.nn.LSTM(V, H4 // 4)
        self.dense = torch.nn.Linear(H4 // 4, V)
        with torch.no_grad():
            self.lstm.weight_ih_l0.copy_(torch.from_numpy(parameters["layers.0.W"].T.copy()))
            self.lstm.weight_hh_l0.copy_(torch.from_numpy(parameters["layers.0.R"].T.copy()))
            self.lstm.bias_ih_l0.copy_(torch.from_numpy(parameters["layers.0.b"].copy()))
            self.lstm.bias_hh_l0.zero_()
            self.dense.weight.copy_(torch.from_numpy(parameters["dense.W"].T.copy()))
            self.dense.bias.copy_(torch.from_numpy(parameters["dense.b"].copy()))
        self.lstm.bias_hh_l0.requires_grad_(False)  # one bias, as ours
        trained = [p for p in [*self.lstm.parameters(), *self.dense.parameters()] if p.requires_grad]
        self.adam = torch.optim.Adam(trained, lr=rate)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.adam, lambda step: 1 / (1 + decay * step))

    def step(self, X: npt.NDArray[np.int32], Y: npt.NDArray[np.int32]) -> float:
        """One Adam step on the loss summed over time, averaged over the batch; the loss of the batch."""
        x = torch.from_numpy(X.T.astype(np.int64))
        one_hot = torch.nn.functional.one_hot(x.clamp(min=0), self.V).float() * (x >= 0)[..., None]
        logits = self.dense(self.lstm(one_hot)[0])
        targets = torch.from_numpy(Y.T.astype(np.int64))
        loss = torch.nn.functional.cross_entropy(
            logits.reshape(-1, self.V), targets.reshape(-1), ignore_index=-1, reduction="sum"
        ) / len(X)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        self.schedule.step()
        return float(loss.detach())

    @torch.inference_mode()
    def generate(self, length: int, uniform: Floats) -> npt.NDArray[np.int32]:
        """Tokens (streams, length) for uniform numbers (length, streams)."""
        streams = uniform.shape[1]
        draws = torch.from_numpy(uniform)
        x = torch.zeros(1, streams, self.V)
        state = None
        out = np.empty((streams, length), np.int32)
        for t in range(length):
            y, state = self.lstm(x, state)
            total = torch.softmax(self.dense(y[0]), dim=1).cumsum(dim=1)
            token = (total <= draws[t][:, None] * total[:, -1:]).sum(dim=1)
            x = torch.nn.functional.one_hot(token, self.V).float()[None]
            out[:, t] = token.numpy()
        return out
