from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from rnnfast.reference import gru, lstm_variants, rnn, stack

from .differences import assert_gradient, assert_slopes

D, H = 2, 2
CELLS = {
    "rnn_tanh": 1,
    "rnn_relu": 1,
    "gru": 3,
    "gru before": 3,
    "lstm": 4,
    "lstm options": 4,
    "lstm_coupled": 3,
}
"""How many gates have weights."""
P = 1  # the size of h with a projection, which "lstm options" and "lstm_coupled" have, and peepholes
EVERY_CELL = pytest.mark.parametrize("cell", CELLS)
DIRECTIONS = pytest.mark.parametrize("both", [False, True], ids=["one direction", "both"])
SEQUENCES = {
    "dense": {},
    "ragged": {"lengths": [4, 0, 2]},
    "resets": {"reset": np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0], [1, 1, 0]], bool)},
    "both": {"lengths": [4, 2, 3], "reset": np.array([[1, 0, 0], [0, 0, 1], [1, 1, 1], [0, 1, 1]], bool)},
}
T, N = 4, 3


def make(cell, layers, both, *, tokens=False, seed=0):
    """Parameters, input and state."""
    r = np.random.default_rng(seed)
    parameters = {}
    for layer in range(layers):
        inputs = D if layer == 0 else h_size(cell) * (1 + both)
        for prefix in [f"layers.{layer}.", f"layers.{layer}.reverse."][: 1 + both]:
            G = CELLS[cell] * H
            parameters |= {
                prefix + "W": r.normal(size=(inputs, G)),
                prefix + "R": r.normal(size=(h_size(cell), G)),
            }
            parameters[prefix + "b"] = r.normal(size=G) + 2 * (cell == "rnn_relu")
            if cell == "gru":
                parameters[prefix + "b_Rn"] = r.normal(size=H)
            if h_size(cell) == P:
                parameters[prefix + "peephole"] = r.normal(size=G - H)
                parameters[prefix + "projection"] = r.normal(size=(H, P))
    x = r.integers(-1, D, (T, N)) if tokens else r.normal(size=(T, N, D))
    h, c = (r.normal(size=(layers * (1 + both), N, size)) for size in (h_size(cell), H))
    return parameters, x, stack.State(h, c if has_c(cell) else None)


def h_size(cell):
    return P if cell in ("lstm options", "lstm_coupled") else H


def has_c(cell):
    return cell.startswith("lstm")


def name_of(cell):
    """What the specification calls it."""
    return cell.partition(" ")[0]


def check_gradients(cell, layers, both, sequences, tokens, check):
    """On every input, by differences."""
    parameters, x, state = make(cell, layers, both, tokens=tokens)
    given = {**SEQUENCES[sequences], "masks": None if tokens else _masks(parameters)}
    r = np.random.default_rng(1)
    on_y = r.normal(size=(T, N, h_size(cell) * (1 + both)))
    on_state = stack.State(*(s if s is None else r.normal(size=s.shape) for s in state))

    def loss(x=x, state=state, **changed):
        y, after, _ = stack.forward(parameters | changed, x, name_of(cell), state, **given)
        return float((y * on_y).sum()) + sum(float((a * b).sum()) for a, b in _arrays(after, on_state))

    _, _, workspace = stack.forward(parameters, x, name_of(cell), state, **given)
    dx, dstate, gradients = stack.backward(on_y, parameters, name_of(cell), workspace, on_state)
    assert list(gradients) == list(parameters)
    for name, p in parameters.items():
        check(lambda v, name=name: loss(**{name: v}), p, gradients[name], step=2e-4)
    check(lambda v: loss(state=state._replace(h=v)), state.h, dstate.h, step=2e-4)
    if has_c(cell):
        check(lambda v: loss(state=state._replace(c=v)), state.c, dstate.c, step=2e-4)
    if tokens:
        assert dx is None
    else:
        check(lambda v: loss(x=v), x, dx, step=2e-4)


@EVERY_CELL
@pytest.mark.parametrize(("both", "sequences"), [(False, "dense"), (True, "both")])
def test_backward_is_the_gradient_on_every_input(cell, both, sequences):
    check_gradients(cell, 1, both, sequences, False, assert_gradient)


@EVERY_CELL
@DIRECTIONS
@pytest.mark.parametrize("sequences", SEQUENCES)
@pytest.mark.parametrize("tokens", [False, True], ids=["numbers", "tokens"])
def test_backward_through_two_layers(cell, both, sequences, tokens):
    check_gradients(cell, 2, both, sequences, tokens, assert_slopes)


def _masks(parameters):
    return stack.dropout_masks(parameters, T, N, rate=0.3, input_rate=0.2, seed=4, step=5)


def _arrays(*states):
    return [arrays for arrays in zip(*states, strict=True) if arrays[0] is not None]


def alone(cell, weights, x, states):
    """One layer in one direction, by its cell: h over time, and the final state."""
    if has_c(cell):
        options = dict(zip(("peepholes", "projection"), weights[3:], strict=False))
        options["coupled"] = cell == "lstm_coupled"
        h, c, _ = lstm_variants.forward(x, *weights[:3], *states, **options)
        return h[1:], [h[-1], c[-1]]
    if name_of(cell) == "gru":
        h = gru.forward(x, *weights, *([None] if cell == "gru before" else []), *states).h
    else:
        h = rnn.forward(x, *weights, *states, cell.removeprefix("rnn_"))
    return h[1:], [h[-1]]


@EVERY_CELL
def test_layers_and_directions_are_their_cells_one_after_the_other(cell):
    parameters, x, state = make(cell, 2, both=True)
    masks = _masks(parameters)
    y, after, _ = stack.forward(parameters, x, name_of(cell), state, masks=masks)
    below = x
    for layer in range(2):
        below = below * masks[layer]
        outputs = []
        for d, (prefix, way) in enumerate([("", 1), ("reverse.", -1)]):
            weights = [
                v for k, v in parameters.items() if k.rpartition(".")[0] + "." == f"layers.{layer}.{prefix}"
            ]
            k = 2 * layer + d
            h, last = alone(cell, weights, below[::way], [s[k] for (s,) in _arrays(state)])
            outputs.append(h[::way])
            for (got,), want in zip(_arrays(after), last, strict=True):
                np.testing.assert_array_equal(got[k], want)
        below = np.concatenate(outputs, axis=-1)
    np.testing.assert_array_equal(y, below)


@EVERY_CELL
@DIRECTIONS
@pytest.mark.parametrize("sequences", ["ragged", "resets", "both"])
def test_pieces_are_sequences_of_their_own(cell, both, sequences):
    """One layer: of several, the second would see the first's pieces together."""
    parameters, x, state = make(cell, 1, both)
    y, after, _ = stack.forward(parameters, x, name_of(cell), state, **SEQUENCES[sequences])
    lengths = SEQUENCES[sequences].get("lengths", [T] * N)
    reset = SEQUENCES[sequences].get("reset", np.zeros((T, N), bool))
    for n, length in enumerate(lengths):
        cuts = [0, *(t for t in range(length) if reset[t, n]), length]
        one = slice(n, n + 1)
        for d, way in enumerate([1, -1][: 1 + both]):
            weights = [v for k, v in parameters.items() if ("reverse" in k) == bool(d)]
            states = [s[d, one] for (s,) in _arrays(state)]
            columns = slice(d * h_size(cell), (d + 1) * h_size(cell))
            for begin, end in list(pairwise(cuts))[::way]:
                h, states_after = alone(cell, weights, x[begin:end, one][::way], states)
                np.testing.assert_allclose(y[begin:end, one, columns], h[::way], rtol=1e-13)
                states = [np.zeros_like(s) for s in states]
            for (got,), want in zip(_arrays(after), states_after, strict=True):
                np.testing.assert_allclose(got[d, one], want, rtol=1e-13)
        assert not y[length:, n].any()


def test_a_layer_reads_the_one_below_across_a_restart_in_neither_direction():
    """What comes before a restart is a sequence of its own, for all layers together."""
    parameters, x, _ = make("lstm", 2, both=True)
    reset = np.zeros((T, N), bool)
    reset[2] = True
    y, _, _ = stack.forward(parameters, x, "lstm", reset=reset)
    halves = [stack.forward(parameters, part, "lstm")[0] for part in (x[:2], x[2:])]
    np.testing.assert_allclose(y, np.concatenate(halves), rtol=1e-13)


def test_masks_are_a_stream_a_layer_and_none_without_a_rate():
    parameters, _, _ = make("gru", 2, both=False)
    first, second = stack.dropout_masks(parameters, T, N, 0.5, 0.0, seed=1, step=3)
    assert first is None
    np.testing.assert_array_equal(second, stack.dropout.mask(0.5, 1, 3 * 2 + 1, T * N, H).reshape(T, N, H))


@pytest.mark.parametrize(("steps", "samples"), [(0, 2), (3, 0), (0, 0)])
def test_nothing_to_do(steps, samples):
    parameters, _, _ = make("lstm", 2, both=True)
    state = stack.State(*np.ones((2, 4, samples, H)))
    y, after, workspace = stack.forward(parameters, np.ones((steps, samples, D)), "lstm", state)
    assert y.shape == (steps, samples, 2 * H)
    np.testing.assert_array_equal(after.h, state.h if steps == 0 else after.h)
    dx, dstate, gradients = stack.backward(y, parameters, "lstm", workspace, after)
    assert dx.shape == (steps, samples, D)
    np.testing.assert_array_equal(dstate.h, after.h)
    assert not any(g.any() for g in gradients.values())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"cell": "elman"},
            "cell is 'elman', expected 'rnn_tanh', 'rnn_relu', 'gru', 'lstm' or 'lstm_coupled'",
        ),
        ({"lengths": [5, 0, 0]}, "lengths holds 0 to 5, expected 0 to 4"),
        ({"lengths": [-1, 0, 0]}, "lengths holds -1 to 0, expected 0 to 4"),
        ({"lengths": [1, 1]}, r"lengths and reset have shapes \(2,\) and \(4, 3\), expected \(3,\) and"),
        ({"reset": np.zeros((3, 3), bool)}, r"have shapes \(3,\) and \(3, 3\), expected \(3,\) and \(4, 3\)"),
        ({"state": stack.State(np.zeros((2, 3, H)))}, r"state.h has shape \(2, 3, 2\), expected \(1, 3, 2\)"),
        ({"x": np.zeros((4, 3, 1))}, r"x has shape \(4, 3, 1\), expected"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message):
    parameters, x, _ = make("rnn_tanh", 1, both=False)
    with pytest.raises(ValueError, match=message):
        stack.forward(parameters, **{"x": x, "cell": "rnn_tanh"} | changed)
