"""Recurrent layers on top of each other, of any cell, in one direction or both, over sequences of any lengths.

    y(l) = h of layer l, and beside it h of the layer's reverse direction    x(l + 1) = y(l)

A sequence ends at its length, and is cut where its state restarts. Its pieces are sequences of their own: the forward
direction goes through them from the first to the last, the reverse direction (Schuster & Paliwal 1997) from the last to
the first and through each from its end. A direction begins its first piece in the state that is given and all others in
zeros, and ends in the state after its last. A restart before step 0 leaves an empty piece in front.

Parameters are a dict: `layers.0.W`, `layers.0.R`, `layers.0.b`; for a GRU that resets after the product
`layers.0.b_Rn`; for an LSTM with such options `layers.0.peephole` and `layers.0.projection` (`lstm_variants`);
`layers.0.reverse.W` and so on, where there is that direction; then those of `layers.1`. P is the size of h: H, or that
of the projection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference import dropout, gru, lstm_variants, rnn
from rnnfast.reference._arrays import Floats, Integers, floats
from rnnfast.reference._input import is_tokens, layer_input

Cell = Literal["rnn_tanh", "rnn_relu", "gru", "lstm", "lstm_coupled"]
Parameters = Mapping[str, Floats]
Masks = Sequence[Floats | None]


class State(NamedTuple):
    """Of layer 0, layer 0 reverse, layer 1, ...: h [L * directions, N, P], and c [.., .., H], which an LSTM has."""

    h: Floats
    c: Floats | None = None


class Piece(NamedTuple):
    """Steps of some samples, in the order in which a direction takes them; whether it starts or ends there."""

    steps: Integers
    samples: Sequence[int]
    starts: bool
    ends: bool

    @property
    def places(self) -> tuple[Any, ...]:
        """Index of arrays [T, N, ...]."""
        return np.ix_(self.steps, np.array(self.samples, dtype=np.intp))


class Run(NamedTuple):
    """One piece as a layer's direction saw it: what it read, and its cell's activations, of which h is the first."""

    piece: Piece
    x: Floats | Integers
    activations: tuple[Floats, ...]


class Workspace(NamedTuple):
    """What forward leaves for backward: the runs by layer and direction, and by layer its input and its mask."""

    runs: list[list[Run]]
    inputs: list[Floats | Integers]
    masks: Masks


class Gradients(NamedTuple):
    """On each input of forward, of its shape; `dx` is None where the input was tokens."""

    dx: Floats | None
    dstate: State
    parameters: dict[str, Floats]


def num_layers(parameters: Parameters) -> int:
    """L: how many `layers.l.R` there are."""
    names = (name.split(".") for name in parameters)
    return sum(parts[0] == "layers" and len(parts) == 3 and parts[2] == "R" for parts in names)


def num_directions(parameters: Parameters) -> int:
    """2 where the layers have a reverse direction, else 1."""
    return 2 if "layers.0.reverse.R" in parameters else 1


def zero_state(parameters: Parameters, N: int, cell: Cell) -> State:
    """Make the state before the first step of N samples."""
    states, (P, G) = num_layers(parameters) * num_directions(parameters), parameters["layers.0.R"].shape
    h = np.zeros((states, N, P))
    if not cell.startswith("lstm"):
        return State(h)
    return State(h, np.zeros((states, N, G // (3 if cell == "lstm_coupled" else 4))))


def dropout_masks(
    parameters: Parameters, T: int, N: int, rate: float, input_rate: float, seed: int, step: int
) -> list[Floats | None]:
    """Draw for a step of training what each layer's input is multiplied by: [T, N, inputs], None where the rate is 0.

    Layer l draws from the stream step * L + l.
    """
    L = num_layers(parameters)
    masks: list[Floats | None] = []
    for layer in range(L):
        columns, own = parameters[f"layers.{layer}.W"].shape[0], rate if layer else input_rate
        mask = dropout.mask(own, seed, step * L + layer, T * N, columns).reshape(T, N, columns)
        masks.append(mask if own else None)
    return masks


def forward(
    parameters: Parameters,
    x: ArrayLike,
    cell: Cell,
    state: State | None = None,
    *,
    lengths: ArrayLike | None = None,
    reset: ArrayLike | None = None,
    masks: Masks | None = None,
) -> tuple[Floats, State, Workspace]:
    """Run the layers over T steps.

    Parameters
    ----------
    parameters : mapping of str to float array
        As above.
    x : float array [T, N, D], or integer array [T, N]
        Numbers, or tokens: -1 stands for zeros.
    cell : {"rnn_tanh", "rnn_relu", "gru", "lstm", "lstm_coupled"}
        A GRU without `b_Rn` resets before the recurrent product; the last is an LSTM whose forget gate is 1 - i.
    state : State, optional
        Zeros by default.
    lengths : integer array [N], optional
        How many steps each sample has; T by default.
    reset : bool array [T, N], optional
        Where the state restarts from zeros before the step; nowhere by default.
    masks : sequence of float arrays or None, optional
        Of each layer's input; see `dropout_masks`.

    Returns
    -------
    y : float array [T, N, P], or [T, N, 2 P] with two directions
        Zeros behind a sample's length.
    state : State
    workspace : Workspace

    Raises
    ------
    ValueError
        Where shapes do not fit each other, a token is outside [-1, D) or a length outside [0, T].

    Examples
    --------
    >>> parameters = {"layers.0.W": np.eye(1), "layers.0.R": np.eye(1), "layers.0.b": np.zeros(1)}
    >>> y, state, _ = forward(parameters, np.ones((3, 2, 1)), "rnn_relu", lengths=[3, 2])
    >>> y[..., 0].T
    array([[1., 2., 3.],
           [1., 2., 0.]])
    >>> state.h[0, :, 0]
    array([3., 2.])
    """
    P = parameters["layers.0.R"].shape[0]
    below = layer_input(x, parameters["layers.0.W"].shape[0])
    T, N = below.shape[:2]
    initial = _states("state", state, zero_state(parameters, N, cell))
    final = [np.zeros_like(s) for s in initial]
    samples = _samples_by_cuts(T, N, lengths, reset)
    workspace = Workspace([], [], masks or [None] * num_layers(parameters))
    for layer, mask in enumerate(workspace.masks):
        below = below if mask is None else below * mask
        workspace.inputs.append(below)
        outputs = []
        for d in range(num_directions(parameters)):
            k, weights, y = len(workspace.runs), _weights(parameters, layer, d), np.zeros((T, N, P))
            workspace.runs.append([])
            for piece in _pieces(samples, reverse=d == 1):
                own = below[piece.places]
                activations = _forward(
                    cell, weights, own, [s[k, piece.samples] * piece.starts for s in initial]
                )
                workspace.runs[k].append(Run(piece, own, activations))
                y[piece.places] = activations[0][1:]
                for s, over_time in zip(final, activations, strict=False):
                    if piece.ends:
                        s[k, piece.samples] = over_time[-1]
            outputs.append(y)
        below = np.concatenate(outputs, axis=-1)
    return np.asarray(below), State(*final), workspace


def backward(
    dy: ArrayLike, parameters: Parameters, cell: Cell, workspace: Workspace, dstate: State | None = None
) -> Gradients:
    """Take the gradient of a loss through the layers, from its gradient on their outputs.

    Parameters
    ----------
    dy : float array like y
        Behind a sample's length it is not read.
    parameters, cell
        As `forward` took them.
    workspace : Workspace
        What it gave.
    dstate : State, optional
        What the final state receives besides; zeros by default.

    Returns
    -------
    Gradients
        New arrays.
    """
    P, (T, N) = parameters["layers.0.R"].shape[0], workspace.inputs[0].shape[:2]
    of_final = _states("dstate", dstate, zero_state(parameters, N, cell))
    of_initial = [np.zeros_like(s) for s in of_final]
    gradients = {name: np.zeros(p.shape) for name, p in parameters.items() if name.startswith("layers.")}
    from_above, dx = floats("dy", dy, T, N, P * num_directions(parameters)), None
    for layer in reversed(range(num_layers(parameters))):
        x, mask = workspace.inputs[layer], workspace.masks[layer]
        dx = None if is_tokens(x) else np.zeros(x.shape)
        for d in range(num_directions(parameters)):
            k, weights = layer * num_directions(parameters) + d, _weights(parameters, layer, d)
            for run in workspace.runs[k]:
                samples, places = run.piece.samples, run.piece.places
                dh_out = from_above[..., d * P : (d + 1) * P][places]
                after = [s[k, samples] * run.piece.ends for s in of_final]
                own = _backward(cell, weights, dh_out, run, after)
                for name in weights:
                    gradients[_prefix(layer, d) + name] += own["d" + name]
                for s, name in zip(of_initial, ("dh0", "dc0"), strict=False):
                    if run.piece.starts:
                        s[k, samples] = own[name]
                if dx is not None:
                    dx[places] += own["dx"]
        if dx is not None:
            from_above = dx = dx if mask is None else dx * mask
    return Gradients(dx, State(*of_initial), gradients)


def _forward(cell: Cell, p: Parameters, x: Floats | Integers, states: list[Floats]) -> tuple[Floats, ...]:
    if cell in ("lstm", "lstm_coupled"):
        return lstm_variants.forward(x, p["W"], p["R"], p["b"], *states, **_lstm_options(cell, p))
    if cell == "gru":
        return gru.forward(x, p["W"], p["R"], p["b"], p.get("b_Rn"), *states)
    return (rnn.forward(x, p["W"], p["R"], p["b"], states[0], _nonlinearity(cell)),)


def _backward(
    cell: Cell, p: Parameters, dh_out: Floats, run: Run, dstates: list[Floats]
) -> dict[str, Floats]:
    given = dh_out, run.x, *run.activations, p["W"], p["R"], *dstates
    if cell in ("lstm", "lstm_coupled"):
        own = lstm_variants.backward(*given, **_lstm_options(cell, p))._asdict()
        return own | {"dpeephole": own["dpeepholes"]}
    if cell == "gru":
        return gru.backward(*given, reset_after="b_Rn" in p)._asdict()
    h, W, R = run.activations[0], p["W"], p["R"]
    return rnn.backward(dh_out, run.x, h, W, R, dstates[0], _nonlinearity(cell))._asdict()


def _lstm_options(cell: Cell, p: Parameters) -> dict[str, Any]:
    coupled = cell == "lstm_coupled"
    return {"coupled": coupled, "peepholes": p.get("peephole"), "projection": p.get("projection")}


def _nonlinearity(cell: str) -> rnn.Nonlinearity:
    if cell not in ("rnn_tanh", "rnn_relu"):
        raise ValueError(
            f"cell is {cell!r}, expected 'rnn_tanh', 'rnn_relu', 'gru', 'lstm' or 'lstm_coupled'"
        )
    return "tanh" if cell == "rnn_tanh" else "relu"


def _prefix(layer: int, direction: int) -> str:
    return f"layers.{layer}." + ("reverse." if direction else "")


def _weights(parameters: Parameters, layer: int, direction: int) -> dict[str, Floats]:
    """Give the parameters of one direction of a layer by their short names."""
    prefix = _prefix(layer, direction)
    names = [
        name for name in ("W", "R", "b", "b_Rn", "peephole", "projection") if prefix + name in parameters
    ]
    return {name: parameters[prefix + name] for name in names}


def _states(what: str, given: State | None, zeros: State) -> list[Floats]:
    """Take h, or h and c, where `zeros` has it; zeros by default."""
    return [
        floats(f"{what}.{name}", zero if given is None else getattr(given, name), *zero.shape)
        for name, zero in zeros._asdict().items()
        if zero is not None
    ]


def _samples_by_cuts(
    T: int, N: int, lengths: ArrayLike | None, reset: ArrayLike | None
) -> dict[tuple[int, ...], list[int]]:
    """Give the samples by where their sequences begin, restart and end."""
    ends = np.full(N, T) if lengths is None else np.asarray(lengths)
    restarts = np.zeros((T, N), bool) if reset is None else np.asarray(reset)
    if ends.shape != (N,) or restarts.shape != (T, N):
        raise ValueError(
            f"lengths and reset have shapes {ends.shape} and {restarts.shape}, expected {(N,)} and {(T, N)}"
        )
    if N and not (ends.min() >= 0 and ends.max() <= T):
        raise ValueError(f"lengths holds {ends.min()} to {ends.max()}, expected 0 to {T}")
    samples: dict[tuple[int, ...], list[int]] = {}
    for n, end in enumerate(ends.tolist()):
        cuts = (0, *np.flatnonzero(restarts[:end, n]).tolist(), end)
        samples.setdefault(cuts, []).append(n)
    return samples


def _pieces(samples_by_cuts: Mapping[tuple[int, ...], list[int]], *, reverse: bool) -> list[Piece]:
    """Give the pieces as one direction goes through them."""
    pieces = []
    for cuts, samples in samples_by_cuts.items():
        last = len(cuts) - 2
        for k in range(last + 1):
            steps = np.arange(cuts[k], cuts[k + 1])
            if reverse:
                pieces.append(Piece(steps[::-1], samples, starts=k == last, ends=k == 0))
            else:
                pieces.append(Piece(steps, samples, starts=k == 0, ends=k == last))
    return pieces
