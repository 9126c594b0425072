"""The results of a case through Python, byte for byte those of the C++ program in tests/cpp/results/.

Inputs are made of counter-based random numbers and exact arithmetic, so that every language makes the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnfast import SGD, Adam, LanguageModel, Sampler, _core
from rnnfast.reference import random

Floats = NDArray[Any]
Tokens = NDArray[np.int32]

SEED = 1
DENSE, INPUT, STATE, TARGET = 100, 10_000, 20_000, 30_000
"""Streams of random numbers; the parameters of layer l have 16 l, 16 l + 1 and 16 l + 2."""

DTYPES = {"f32": np.float32, "f64": np.float64}


class Settings:
    """Numbers by name; s("H") is an integer, s.number("scale") need not be."""

    def __init__(self, settings: str) -> None:
        self.values = dict(word.split("=") for word in settings.split())

    def __call__(self, name: str) -> int:
        return int(self.values[name])

    def number(self, name: str) -> float:
        return float(self.values[name])

    @property
    def threads(self) -> int:
        return self("threads")


@cache
def numbers(stream: int, n: int, scale: float, dtype: Any) -> Floats:
    """[n] in [-scale, scale)."""
    return dtype(scale) * (2 * random.uniform(SEED, stream, np.arange(n), random.SAMPLING, dtype) - 1)


@cache
def tokens(stream: int, n: int, V: int) -> Tokens:
    """[n] from -1 to V - 1."""
    words = random.words(SEED, stream, np.arange(n), random.SAMPLING)
    return (words % np.uint64(V + 1)).astype(np.int32) - 1


def cut(pieces: int, T: int) -> list[slice]:
    """T steps in one piece, or in three of unequal length."""
    ends = {1: [0, T], 3: [0, T // 5, T // 2, T]}[pieces]
    return [slice(begin, end) for begin, end in pairwise(ends)]


def inputs_of_rows(batch: int, position: int) -> list[int]:
    """Row n of a batch is this input: 0, the one that is looked at, at `position`."""
    return [(n - position) % batch for n in range(batch)]


def joined(arrays: list[Any]) -> bytes:
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


# One layer of each cell, of a batch whose sequences may have different lengths: all that forward and backward give


def weights(s: Settings, dtype: Any, *shapes: tuple[int, ...]) -> list[Floats]:
    return [
        numbers(k, prod(shape), s.number("scale"), dtype).reshape(shape) for k, shape in enumerate(shapes)
    ]


def batch(s: Settings, dtype: Any, P: int) -> tuple[Any, Floats, list[int] | None]:
    """Give x, the gradient on h [..., P], and the batch sizes; sequence n is `shorter` * n steps shorter than T."""
    T, N, D, shorter = s("T"), s("N"), s("D"), s("shorter")
    sizes = [sum(T - n * shorter > t for n in range(N)) for t in range(T)]
    rows = sum(sizes)
    over_time = (rows,) if shorter else (T, N)
    x: Any = tokens(INPUT, rows, D).reshape(over_time)
    if not s("tokens"):
        x = numbers(INPUT, rows * D, 1, dtype).reshape(*over_time, D)
    dh_out = numbers(TARGET, rows * P, 1, dtype).reshape(*over_time, P)
    return x, dh_out, sizes if shorter else None


def state(s: Settings, dtype: Any, k: int, columns: int) -> Floats:
    """Give the k-th state or gradient on one."""
    return numbers(STATE + k, s("N") * columns, 1, dtype).reshape(-1, columns)


def in_order(gradients: dict[str, Any]) -> list[Floats]:
    return [gradient for gradient in gradients.values() if gradient is not None]


def rnn(s: Settings, dtype: Any) -> bytes:
    D, H = s("D"), s("H")
    own = weights(s, dtype, (D, H), (H, H), (H,))
    x, dh_out, sizes = batch(s, dtype, H)
    options = "relu" if s("relu") else "tanh", s.threads, sizes
    h = _core.rnn_forward(x, *own, state(s, dtype, 0, H), *options)
    back = _core.rnn_backward(dh_out, x, h, *own, state(s, dtype, 1, H), *options)
    return joined([h, *in_order(back)])


def gru(s: Settings, dtype: Any) -> bytes:
    D, H = s("D"), s("H")
    W, R, b, b_Rn = weights(s, dtype, (D, 3 * H), (H, 3 * H), (3 * H,), (H,))
    own = W, R, b, b_Rn if s("reset_after") else None
    x, dh_out, sizes = batch(s, dtype, H)
    forward = _core.gru_forward(x, *own, state(s, dtype, 0, H), s.threads, sizes)
    back = _core.gru_backward(dh_out, x, *forward, *own, state(s, dtype, 1, H), s.threads, sizes)
    return joined([*forward, *in_order(back)])


def lstm(s: Settings, dtype: Any) -> bytes:
    """P=0: no projection."""
    D, H, G = s("D"), s("H"), (3 if s("coupled") else 4) * s("H")
    P = s("P") or H
    W, R, b, peepholes, projection = weights(s, dtype, (D, G), (P, G), (G,), (G - H,), (H, P))
    x, dh_out, sizes = batch(s, dtype, P)
    options: dict[str, Any] = {"num_threads": s.threads, "batch_sizes": sizes, "coupled": bool(s("coupled"))}
    if s("peephole"):
        options["peepholes"] = peepholes
    if s("P"):
        options["projection"] = projection
    before = state(s, dtype, 0, P), state(s, dtype, 1, H)
    h, c, gates, *m = _core.lstm_forward(x, W, R, b, *before, **options)
    after = state(s, dtype, 2, P), state(s, dtype, 3, H)
    if m:
        options["m"] = m[0]
    back = _core.lstm_backward(dh_out, x, h, c, gates, W, R, b, *after, **options)
    return joined([h, c, gates, *m, *in_order(back)])


# Layers of LSTMs


@dataclass
class Network:
    """A stack of LSTM layers (W, R, b) under a dense one."""

    layers: list[tuple[Floats, Floats, Floats]]
    dense_W: Floats
    dense_b: Floats


def make_network(s: Settings, dtype: Any) -> Network:
    H, V, scale, bias = s("H"), s("V"), s.number("scale"), s.number("bias")
    layers = []
    for layer in range(s("L")):
        D = s("D") if layer == 0 else H
        W = numbers(16 * layer, D * 4 * H, scale, dtype).reshape(D, 4 * H)
        R = numbers(16 * layer + 1, H * 4 * H, scale, dtype).reshape(H, 4 * H)
        layers.append((W, R, numbers(16 * layer + 2, 4 * H, bias, dtype)))
    dense_W = numbers(DENSE, H * V, scale, dtype).reshape(H, V)
    return Network(layers, dense_W, numbers(DENSE + 1, V, bias, dtype))


@dataclass
class Piece:
    """Some steps of a batch: what each layer reads, and (h, c, gates) that it leaves."""

    x: list[Any]
    activations: list[tuple[Floats, Floats, Floats]]
    logits: Floats


def read(s: Settings, dtype: Any, steps: slice, rows: list[int]) -> Any:
    """Give time-major tokens (T, N) or numbers (T, N, D)."""
    T, D = steps.stop, s("D")
    if s("tokens"):
        each = [tokens(INPUT + k, T, D) for k in rows]
    else:
        each = [numbers(INPUT + k, T * D, s.number("input"), dtype).reshape(T, D) for k in rows]
    return np.ascontiguousarray(np.stack(each, axis=1)[steps])


def forward(s: Settings, dtype: Any, rows: list[int]) -> tuple[Network, list[Piece]]:
    network, L, H, N = make_network(s, dtype), s("L"), s("H"), len(rows)
    first = [numbers(STATE + k, L * 2 * H, s.number("state"), dtype).reshape(L, 2, H) for k in rows]
    states = [tuple(np.ascontiguousarray(np.stack(first)[:, layer, k]) for k in (0, 1)) for layer in range(L)]
    pieces = []
    for steps in cut(s("pieces"), s("T")):
        piece = Piece([read(s, dtype, steps, rows)], [], np.empty(0))
        for layer, weights in enumerate(network.layers):
            h, c, gates = _core.lstm_forward(piece.x[layer], *weights, *states[layer], s.threads)
            piece.activations.append((h, c, gates))
            piece.x.append(h[1:])
            states[layer] = (h[-1], c[-1])
        top = piece.x[-1].reshape(-1, H)
        logits = _core.dense_forward(top, network.dense_W, network.dense_b, s.threads)
        piece.logits = logits.reshape(-1, N, s("V"))
        pieces.append(piece)
    return network, pieces


def layers(s: Settings, dtype: Any) -> bytes:
    """h and c of every layer, logits and probabilities of one input, at every step."""
    at = s("position")
    _, pieces = forward(s, dtype, inputs_of_rows(s("batch"), at))
    results = [
        piece.activations[layer][k][1:, at] for layer in range(s("L")) for k in (0, 1) for piece in pieces
    ]
    results += [piece.logits[:, at] for piece in pieces]
    for piece in pieces:
        flat = piece.logits.reshape(-1, s("V"))
        results.append(_core.softmax(flat, s.threads).reshape(piece.logits.shape)[:, at])
    return joined(results)


def gradients(s: Settings, dtype: Any) -> bytes:
    """The loss and all gradients of a batch, from the last piece of time to the first."""
    N, T, H, V = s("N"), s("T"), s("H"), s("V")
    network, pieces = forward(s, dtype, list(range(N)))
    targets = np.stack([tokens(TARGET + n, T, V) for n in range(N)], axis=1)
    targets[: max(T - s("counted"), 0)] = -1
    carried = [(np.zeros((N, H), dtype), np.zeros((N, H), dtype)) for _ in network.layers]
    results: list[Any] = []
    loss, count, correct = 0.0, 0, 0
    for steps, piece in reversed(list(zip(cut(s("pieces"), T), pieces, strict=True))):
        flat = piece.logits.reshape(-1, V)
        of_piece, counted, right, dlogits = _core.cross_entropy(
            flat, targets[steps].ravel(), 0.125, s.threads
        )
        loss, count, correct = loss + of_piece, count + counted, correct + right
        top = piece.x[-1].reshape(-1, H)
        dh_out, *dense = _core.dense_backward(dlogits, top, network.dense_W, s.threads)
        results += dense
        for layer in reversed(range(len(network.layers))):
            shaped = dh_out.reshape(-1, N, H)
            back = _core.lstm_backward(
                shaped,
                piece.x[layer],
                *piece.activations[layer],
                *network.layers[layer],
                *carried[layer],
                s.threads,
            )
            results += [back[name] for name in ("dW", "dR", "db", "dx") if back[name] is not None]
            carried[layer] = (back["dh0"], back["dc0"])
            dh_out = back["dx"]
    results += [gradient for pair in carried for gradient in pair]
    return joined([*results, np.float64(loss), np.int64(count), np.int64(correct)])


# The language model


def make_model(s: Settings, dtype: Any, scale: float) -> LanguageModel:
    """With the weights that its seed gives, or where `scale` is not 0 with the case's own."""
    model = LanguageModel(s("V"), s("H"), num_layers=s("L"), dtype=dtype, seed=SEED)
    if scale:
        own = model.parameters.items()
        model.set_parameters(
            {name: numbers(k, p.size, scale, dtype).reshape(p.shape) for k, (name, p) in enumerate(own)}
        )
    return model


def parameters(s: Settings, dtype: Any) -> bytes:
    return joined(list(make_model(s, dtype, 0).parameters.values()))


def generate(s: Settings, dtype: Any) -> bytes:
    """The tokens of one stream, and its state at the end: h and c of each layer, and the position."""
    N, at = s("batch"), s("position")
    model = make_model(s, dtype, s.number("scale"))
    state = model.initial_state(N)
    h, c, position = state.h, state.c, state.position
    last = np.full((N, 1), -1, np.int32)
    sampler = Sampler(temperature=s.number("temperature"), top_k=s("top_k"), top_p=s.number("top_p"))
    results: list[Any] = []
    for steps in cut(s("pieces"), s("length")):
        drawn, h, c, position, _ = model._native.generate(
            length=steps.stop - steps.start,
            prompts=list(last),
            keys=[(SEED, stream) for stream in inputs_of_rows(N, at)],
            sampler=sampler.native(),
            stop=[],
            initial_token=-1,
            h=h,
            c=c,
            position=position,
            num_threads=s.threads,
        )
        results.append(drawn[at])
        last = drawn[:, -1:]
    for layer in range(s("L")):
        results += [h[layer, at], c[layer, at]]
    return joined([*results, position[at]])


def train(s: Settings, dtype: Any) -> bytes:
    """All parameters after training, and the loss with them. `silence`: no tokens but the first of each sample."""
    model = make_model(s, dtype, s.number("scale"))
    X, Y = (
        np.stack([tokens(stream + n, s("T"), s("V")) for n in range(s("N"))]) for stream in (INPUT, TARGET)
    )
    if s("silence"):
        X[:, 1:] = -1
    options: dict[str, Any] = {"optimizer": Adam(0.01), "clip_norm": 1.0}
    if not s("adam"):
        options = {"optimizer": SGD(0.1, decay=0.01), "reduction": "sequence", "clip_value": 0.05}
    model.fit(X, Y, epochs=s("epochs"), batch_size=s("batch_size"), num_threads=s.threads, **options)
    loss = model.evaluate(X, Y, num_threads=s.threads)["loss"]
    return joined([*model.parameters.values(), np.float64(loss)])


# The elementary functions


def any_finite(n: int, dtype: Any) -> Floats:
    """Any finite numbers: the highest bits of random words, an exponent of all ones made one less."""
    words = random.words(SEED, 1, np.arange(n), random.SAMPLING)
    if dtype is np.float32:
        bits = (words >> np.uint64(32)).astype(np.uint32)
        ones, lowest = np.uint32(0x7F800000), np.uint32(0x00800000)
    else:
        bits, ones, lowest = words, np.uint64(0x7FF0000000000000), np.uint64(0x0010000000000000)
    return np.where(bits & ones == ones, bits & ~lowest, bits).view(dtype)


def functions(s: Settings, dtype: Any) -> bytes:
    """exp, log |x|, sigmoid, tanh of n numbers of any size, and of n where they vary."""
    x = np.concatenate([any_finite(s("n"), dtype), numbers(0, s("n"), s.number("scale"), dtype)])
    return joined([_core.exp(x), _core.log(np.abs(x)), _core.sigmoid(x), _core.tanh(x)])


KINDS = {f.__name__: f for f in (functions, rnn, gru, lstm, layers, gradients, parameters, generate, train)}


def compute(kind: str, dtype: str, settings: str) -> bytes:
    """Results of a case, as they are in memory."""
    return KINDS[kind](Settings(settings), DTYPES[dtype])
