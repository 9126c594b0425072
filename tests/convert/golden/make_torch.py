"""Write golden/torch: state_dicts of PyTorch modules with random weights, and what the modules compute. Needs torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import nn

FOLDER = Path(__file__).parent / "torch"
T, N, D, H, V, E = 5, 2, 3, 4, 7, 3


class Model(nn.Module):
    """Embedding or one-hot vectors, a stack, a linear layer."""

    def __init__(self, rnn: nn.RNNBase, embedding: nn.Embedding | None = None) -> None:
        super().__init__()
        if embedding is not None:
            self.encoder = embedding
        self.rnn = rnn
        self.decoder = nn.Linear(rnn.hidden_size, V)

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        embedded = hasattr(self, "encoder")
        x = (
            self.encoder(tokens)
            if embedded
            else nn.functional.one_hot(tokens, V).to(self.decoder.weight.dtype)
        )
        y, state = self.rnn(x)
        return self.decoder(y), state


MODULES = {
    "rnn_tanh": lambda: nn.RNN(D, H),
    "rnn_relu": lambda: nn.RNN(D, H, 2, nonlinearity="relu", bidirectional=True),
    "gru": lambda: nn.GRU(D, H, 2, bidirectional=True),
    "gru_without_bias": lambda: nn.GRU(D, H, bias=False),
    "lstm": lambda: nn.LSTM(D, H, 3),
    "lstm_projected": lambda: nn.LSTM(D, H, 2, proj_size=2, bidirectional=True),
    "lstm_cell": lambda: nn.LSTMCell(D, H),
    "model_gru": lambda: Model(nn.GRU(E, H, 2), nn.Embedding(V, E)),
    "model_lstm": lambda: Model(nn.LSTM(V, H)),
}


def main() -> None:
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float64)
    answers = {}
    for name, make in MODULES.items():
        module = make()
        if name.startswith("model"):
            x = torch.randint(V, (T, N))
            y = module(x)[0]
        elif name == "lstm_cell":
            x, state, rows = torch.randn(T, N, D), None, []
            for row in x:
                state = module(row, state)
                rows.append(state[0])
            y = torch.stack(rows)
        else:
            x = torch.randn(T, N, D)
            y = module(x)[0]
        answers |= {f"{name}.x": x.numpy(), f"{name}.y": y.detach().numpy()}
        safetensors.torch.save_file(module.state_dict(), FOLDER / f"{name}.safetensors")
        if name == "model_lstm":
            checkpoint = {"epoch": 3, "loss": 0.5, "weights": module.state_dict(), "tags": ["a", ("b", None)]}
            optimizer = torch.optim.Adam(module.parameters())
            torch.save(checkpoint | {"optimizer": optimizer.state_dict()}, FOLDER / "checkpoint.pt")
            torch.save(
                {key: value.float() for key, value in module.state_dict().items()}, FOLDER / "float.pt"
            )
            for dtype in (torch.float16, torch.bfloat16):
                half = {key: value.to(dtype) for key, value in module.state_dict().items()}
                kind = str(dtype).removeprefix("torch.")
                torch.save(half, FOLDER / f"{kind}.pt")
                safetensors.torch.save_file(half, FOLDER / f"{kind}.safetensors")
            # One storage for all weights, as nn.LSTM keeps them on a GPU; a transposed view; protocol 4.
            flat = torch.cat([value.flatten() for value in module.state_dict().values()])
            views, at = {}, 0
            for key, value in module.state_dict().items():
                views[key] = flat[at : at + value.numel()].view(value.shape)
                at += value.numel()
            views["decoder.weight"] = views["decoder.weight"].T.contiguous().T
            torch.save(views, FOLDER / "views.pt", pickle_protocol=4)
            torch.save(module.rnn, FOLDER / "whole_module.pt")
            torch.save(module.state_dict(), FOLDER / "before_1_6.pt", _use_new_zipfile_serialization=False)
    np.savez_compressed(FOLDER / "answers.npz", **answers)


if __name__ == "__main__":
    main()
