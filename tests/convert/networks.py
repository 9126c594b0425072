"""What a described network computes, by the NumPy references; networks to write; and ways to break one."""

from __future__ import annotations

import dataclasses

import numpy as np

from rnnfast.convert.description import Cell, Dense, Embedding, Network, Recurrent
from rnnfast.convert.gates import reorder
from rnnfast.reference import gru, lstm_variants, rnn


def run(network, x, h0=None, c0=None):
    """The network's output for x [T, N, D], or tokens [T, N] where it begins with an embedding, and its final state.

    Returns y [T, N, ...], h and c [L*directions, N, H] of the last stack; c is None but for LSTMs.
    """
    h = c = None
    for part in network.parts:
        if isinstance(part, Embedding):
            x = part.W[x]
        elif isinstance(part, Dense):
            x = x @ part.W + part.b
            if part.softmax:
                x = np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
        else:
            x, h, c = run_stack(part, x, h0, c0)
    return x, h, c


def run_stack(stack, x, h0=None, c0=None):
    h_last, c_last = [], []
    for directions in stack.layers:
        outputs = []
        for reverse, cell in enumerate(directions):
            index = len(h_last)
            h_start = np.zeros((x.shape[1], cell.output_size)) if h0 is None else h0[index]
            c_start = np.zeros((x.shape[1], cell.hidden_size)) if c0 is None else c0[index]
            h, c = run_cell(stack, cell, x[::-1] if reverse else x, h_start, c_start)
            outputs.append(h[1:][::-1] if reverse else h[1:])
            h_last.append(h[-1])
            c_last.append(c)
        x = np.concatenate(outputs, axis=-1)
    return x, np.stack(h_last), np.stack(c_last) if stack.cell == "lstm" else None


def run_cell(stack, cell, x, h0, c0):
    if stack.cell == "rnn":
        return rnn.forward(x, cell.W, cell.R, cell.b, h0, stack.nonlinearity), None
    if stack.cell == "gru":
        return gru.forward(x, cell.W, cell.R, cell.b, cell.b_Rn, h0).h, None
    options = {"coupled": stack.coupled, "peepholes": cell.peephole, "projection": cell.projection}
    h, c, _ = lstm_variants.forward(x, cell.W, cell.R, cell.b, h0, c0, **options)
    return h, c[-1]


def distance(got, expected):
    """The largest difference, relative where numbers are above 1: relu's outputs grow."""
    return (np.abs(got - expected) / np.maximum(1, np.abs(expected))).max()


def make_stack(
    cell, D=3, H=4, layers=1, directions=1, *, dtype="f8", seed=0, reset_after=True, peephole=False,
    coupled=False, proj_size=None, **settings,
):  # fmt: skip
    """A stack of random weights."""
    draw = np.random.default_rng(seed)
    G = {"rnn": 1, "gru": 3, "lstm": 3 if coupled else 4}[cell]
    P = proj_size or H

    def floats(*shape):
        return draw.uniform(-1, 1, shape).astype(dtype)

    def make(inputs):
        return Cell(
            W=floats(inputs, G * H),
            R=floats(P, G * H),
            b=floats(G * H),
            b_Rn=floats(H) if cell == "gru" and reset_after else None,
            peephole=floats((G - 1) * H) if peephole else None,
            projection=floats(H, P) if proj_size else None,
        )

    cells = tuple(
        tuple(make(D if layer == 0 else directions * P) for _ in range(directions)) for layer in range(layers)
    )
    return Recurrent(cell, cells, coupled=coupled, **settings)


def same(a, b):
    """Whether two networks are equal to the bit."""
    if len(a.parts) != len(b.parts) or any(
        type(p) is not type(q) for p, q in zip(a.parts, b.parts, strict=True)
    ):
        return False
    return all(_same_part(p, q) for p, q in zip(a.parts, b.parts, strict=True))


def _same_part(p, q):
    if isinstance(p, Recurrent):
        settings = [(s.cell, s.nonlinearity, s.coupled, len(s.layers), s.num_directions) for s in (p, q)]
        return settings[0] == settings[1] and all(
            one.arrays().keys() == other.arrays().keys()
            and all(np.array_equal(one.arrays()[name], other.arrays()[name]) for name in one.arrays())
            for ones, others in zip(p.layers, q.layers, strict=True)
            for one, other in zip(ones, others, strict=True)
        )
    return np.array_equal(p.W, q.W) and (isinstance(p, Embedding) or np.array_equal(p.b, q.b))


def _on_first_stack(network, change):
    parts = list(network.parts)
    index = next(i for i, part in enumerate(parts) if isinstance(part, Recurrent))
    parts[index] = change(parts[index])
    return Network(tuple(parts))


def _on_cells(network, change):
    return _on_first_stack(
        network,
        lambda stack: dataclasses.replace(
            stack, layers=tuple(tuple(map(change, directions)) for directions in stack.layers)
        ),
    )


def swap_gates(network, first, second):
    """Every cell with two blocks exchanged."""
    gates = next(part for part in network.parts if isinstance(part, Recurrent)).gates
    swapped = gates.translate(str.maketrans(first + second, second + first))
    return _on_cells(
        network,
        lambda cell: dataclasses.replace(
            cell, **{name: reorder(getattr(cell, name), gates, swapped) for name in ("W", "R", "b")}
        ),
    )


def fold_recurrent_bias(network):
    """A GRU's b_Rn added to b, out of the reset gate's reach."""

    def fold(cell):
        b = cell.b.copy()
        b[-len(cell.b_Rn) :] += cell.b_Rn
        return dataclasses.replace(cell, b=b, b_Rn=np.zeros_like(cell.b_Rn))

    return _on_cells(network, fold)


def drop_last_layer(network):
    return _on_first_stack(network, lambda stack: dataclasses.replace(stack, layers=stack.layers[:-1]))


def swap_directions(network):
    return _on_first_stack(
        network,
        lambda stack: dataclasses.replace(
            stack, layers=tuple(directions[::-1] for directions in stack.layers)
        ),
    )


def mutants(network):
    """Name -> network with one mistake that a converter could make."""
    stack = next(part for part in network.parts if isinstance(part, Recurrent))
    found = {
        f"{a} and {b} swapped": swap_gates(network, a, b)
        for a, b in zip(stack.gates, stack.gates[1:], strict=False)
    }
    if stack.reset_after and stack.layers[0][0].b_Rn.any():
        found["b_Rn folded"] = fold_recurrent_bias(network)
    if len(stack.layers) > 1:
        found["a layer dropped"] = drop_last_layer(network)
    if stack.num_directions == 2:
        found["directions swapped"] = swap_directions(network)
    return found
