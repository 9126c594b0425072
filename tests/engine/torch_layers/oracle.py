"""The recurrent layers' problems in PyTorch: the same parameters, outputs, gradients and training, under our names."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnfast.reference.random import INITIALISATION, uniform

from ..stacks import Problem, arrays, like, make


class Size(NamedTuple):
    """Of a problem, and how many steps each of its sequences has where they differ."""

    T: int
    N: int
    D: int
    H: int
    lengths: list[int]


GOLDEN_SIZE = Size(4, 3, 3, 2, [3, 4, 1])
SIZES = [Size(37, 5, 19, 33, [23, 37, 1, 12, 36]), Size(11, 6, 24, 128, [11, 4, 7, 1, 11, 10])]
CASES = {
    f"{cell}, {layers} layer(s), {'both directions' if both else 'one direction'}, {'ragged' if ragged else 'dense'}": (
        cell,
        layers,
        both,
        ragged,
    )
    for cell in ("rnn-tanh", "rnn-relu", "gru-after", "lstm", "lstm-projection")
    for layers in (1, 3)
    for both in (False, True)
    for ragged in (False, True)
}
STEPS, RATE = 200, 0.05


def problem(case: str, dtype: Any, size: Size = GOLDEN_SIZE) -> Problem:
    """The case's problem, of numbers that no version of NumPy changes."""
    cell, layers, both, ragged = CASES[case]
    *sizes, lengths = size
    made = make(cell, *sizes, dtype, layers=layers, both=both, lengths=lengths if ragged else None)
    streams = iter(range(100))

    def drawn(array: NDArray[Any]) -> NDArray[Any]:
        u = uniform(0, next(streams), np.arange(array.size), INITIALISATION).reshape(array.shape)
        return np.asarray(2 * u - 1).astype(dtype)

    alive = 0.5 * (cell == "rnn-relu")
    scale = 1 if size == GOLDEN_SIZE else size.H**-0.5  # as PyTorch draws them
    made.layer.set_parameters(
        {name: scale * drawn(p) + alive * (p.ndim == 1) for name, p in made.layer.parameters.items()}
    )
    made.x, made.dy = drawn(made.x), drawn(made.dy)
    made.state, made.dstate = like(made.state, drawn), like(made.dstate, drawn)
    return made


def modules_parameter(name: str) -> tuple[str, str]:
    """Of our name: what nn.LSTM and the like call it, and its short name here."""
    _, layer, *reverse, short = name.split(".")
    theirs = {
        "W": "weight_ih",
        "R": "weight_hh",
        "b": "bias_ih",
        "b_Rn": "bias_hh",
        "projection": "weight_hr",
    }[short]
    return f"{theirs}_l{layer}" + ("_reverse" if reverse else ""), short


def module(torch: Any, kind: str, parameters: Any, layers: int, both: bool) -> Any:
    """The module with these parameters; what the second bias has more than ours stays zero."""
    W, R = parameters["layers.0.W"], parameters["layers.0.R"]
    gates, make_one, options = {
        "rnn-tanh": (1, torch.nn.RNN, {"nonlinearity": "tanh"}),
        "rnn-relu": (1, torch.nn.RNN, {"nonlinearity": "relu"}),
        "gru-after": (3, torch.nn.GRU, {}),
        "lstm": (4, torch.nn.LSTM, {}),
        "lstm-projection": (4, torch.nn.LSTM, {"proj_size": R.shape[0]}),
    }[kind]
    made = make_one(W.shape[0], W.shape[1] // gates, layers, bidirectional=both, **options)
    made = made.to(torch.from_numpy(W.copy()).dtype)
    own = dict(made.named_parameters())
    with torch.no_grad():
        for name, parameter in own.items():
            if name.startswith("bias_hh"):
                parameter.zero_()
                parameter.register_hook(_only_of_n if kind == "gru-after" else torch.zeros_like)
        for name, value in parameters.items():
            theirs, short = modules_parameter(name)
            given = torch.from_numpy(np.array(value.T))
            if short == "b_Rn":
                own[theirs][-R.shape[0] :] = given
            else:
                own[theirs].copy_(given)
    return made


def _only_of_n(gradient: Any) -> Any:
    """The gradient on a GRU's second bias without that on what is frozen."""
    kept = gradient.clone()
    kept[: 2 * len(kept) // 3] = 0
    return kept


def run(torch: Any, made: Any, x: Any, state: Any, lengths: list[int] | None) -> tuple[Any, Any]:
    """Outputs, padded with zeros, and the final state."""
    if lengths is None:
        return made(x, state)  # type: ignore[no-any-return]
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    y, after = made(packed, state)
    return torch.nn.utils.rnn.pad_packed_sequence(y, total_length=len(x))[0], after


def results(torch: Any, case: str, dtype: Any, size: Size = GOLDEN_SIZE) -> dict[str, NDArray[Any]]:
    """What `Problem.results` gives, by PyTorch."""
    p, (kind, layers, both, _) = problem(case, dtype, size), CASES[case]
    made = module(torch, kind, p.layer.parameters, layers, both)
    x = torch.from_numpy(p.x.copy()).requires_grad_()
    before = [torch.from_numpy(a.copy()).requires_grad_() for a in arrays(p.state)]
    y, after = run(torch, made, x, tuple(before) if len(before) == 2 else before[0], p.lengths)
    after = list(arrays(after))
    torch.autograd.backward([y, *after], [torch.from_numpy(a) for a in (p.dy, *arrays(p.dstate))])
    named = {"dx": x.grad, "y": y.detach()}
    named |= {name: a.detach() for name, a in zip("hc", after, strict=False)}
    named |= {name: a.grad for name, a in zip(("dh", "dc"), before, strict=False)}
    own = dict(made.named_parameters())
    for name in p.layer.parameters:
        theirs, short = modules_parameter(name)
        gradient = own[theirs].grad.numpy()
        named[name] = gradient[-size.H :] if short == "b_Rn" else gradient.T
    return {name: np.asarray(a) for name, a in named.items()}


def valid(p: Problem) -> NDArray[Any]:
    """1 at the steps that a sample has, [T, N, 1]; 0 at the others."""
    T, N = p.x.shape[:2]
    lengths = [T] * N if p.lengths is None else p.lengths
    return (np.arange(T)[:, np.newaxis] < lengths)[..., np.newaxis].astype(p.x.dtype)


def curve(torch: Any, case: str, dtype: Any) -> list[float]:
    """The losses of STEPS steps of gradient descent on mean((y - dy)^2), by PyTorch."""
    p, (kind, layers, both, _) = problem(case, dtype), CASES[case]
    made = module(torch, kind, p.layer.parameters, layers, both)
    descent = torch.optim.SGD(made.parameters(), lr=RATE)
    x, target, counts = (torch.from_numpy(a.copy()) for a in (p.x, p.dy, valid(p)))
    losses = []
    for _ in range(STEPS):
        loss = torch.square((run(torch, made, x, None, p.lengths)[0] - target) * counts).mean()
        descent.zero_grad()
        loss.backward()
        descent.step()
        losses.append(loss.item())
    return losses


def own_curve(case: str, dtype: Any) -> list[float]:
    """The same with our layer."""
    p = problem(case, dtype)
    losses = []
    for _ in range(STEPS):
        y, _, workspace = p.layer.forward(p.x, lengths=p.lengths)
        error = (y - p.dy) * valid(p)
        losses.append(float(np.square(error.astype(np.float64)).mean()))
        gradients = p.layer.backward(2 * error / error.size, None, workspace).parameters
        p.layer.set_parameters({k: v - RATE * gradients[k] for k, v in p.layer.parameters.items()})
    return losses
