"""Stacks of LSTMs with options: forward, backward and step against the specification of each layer and direction."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import LSTM
from rnnfast.reference import lstm_variants

from .cases import assert_near, assert_same_bits

T, N, D, H = 5, 3, 4, 9
OPTIONS = [
    {"peephole": True},
    {"coupled": True},
    {"proj_size": 2},
    {"peephole": True, "coupled": True, "proj_size": 5},
]
ANY_OPTIONS = pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o))
DIRECTIONS = pytest.mark.parametrize("both", [False, True], ids=["one direction", "both"])
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}


class Specified:
    """Two layers, each direction by `lstm_variants`, from zero states."""

    def __init__(self, layer, x, both, coupled=False, **_):
        self.parameters = {name: value.astype(np.float64) for name, value in layer.parameters.items()}
        self.coupled = coupled
        self.places = ["", "reverse."] if both else [""]
        self.inputs, self.activations = [x], []
        for k in range(2):
            self.activations.append([self.run(k, place) for place in self.places])
            outputs = [
                self.in_order(a.h[1:], p) for a, p in zip(self.activations[k], self.places, strict=True)
            ]
            self.inputs.append(np.concatenate(outputs, axis=-1))

    def in_order(self, values, place):
        return values[::-1] if place else values

    def weights(self, k, place):
        own = {name: self.parameters.get(f"layers.{k}.{place}{name}") for name in ("W", "R", "b")}
        names = {"peepholes": "peephole", "projection": "projection"}
        options = {n: self.parameters.get(f"layers.{k}.{place}{name}") for n, name in names.items()}
        return own, options | {"coupled": self.coupled}

    def run(self, k, place):
        own, options = self.weights(k, place)
        P = own["R"].shape[0]
        x = self.in_order(self.inputs[k], place)
        return lstm_variants.forward(x, **own, h0=np.zeros((N, P)), c0=np.zeros((N, H)), **options)

    def backward(self, dy):
        """Gives dx and the gradient on each parameter."""
        gradients = {}
        for k in (1, 0):
            halves, dx = np.split(dy, len(self.places), axis=-1), 0
            for half, place, activations in zip(halves, self.places, self.activations[k], strict=True):
                own, options = self.weights(k, place)
                x, dh_out = self.in_order(self.inputs[k], place), self.in_order(half, place)
                back = lstm_variants.backward(dh_out, x, *activations, own["W"], own["R"], **options)
                named = {"W": back.dW, "R": back.dR, "b": back.db}
                named |= {"peephole": back.dpeepholes, "projection": back.dprojection}
                gradients |= {f"layers.{k}.{place}{n}": g for n, g in named.items() if g is not None}
                dx = dx + self.in_order(back.dx, place)
            dy = dx
        return dy, gradients


def make(dtype, both, options):
    r = np.random.default_rng(0)
    layer = LSTM(D, H, 2, bidirectional=both, dtype=dtype, **options)
    layer.set_parameters({name: 0.3 * r.normal(size=p.shape) for name, p in layer.parameters.items()})
    return layer, r.normal(size=(T, N, D)).astype(dtype), r


@ANY_OPTIONS
@DIRECTIONS
def test_it_equals_the_specification(isa, dtype, both, options):
    layer, x, r = make(dtype, both, options)
    y, _, workspace = layer.forward(x)
    expected = Specified(layer, x, both, **options)
    assert_near(y, expected.inputs[2], TOLERANCE[dtype])

    dy = r.normal(size=y.shape).astype(dtype)
    got = layer.backward(dy, None, workspace)
    dx, gradients = expected.backward(dy)
    assert_near(got.dx, dx, TOLERANCE[dtype])
    assert set(got.parameters) == set(gradients)
    for name, gradient in gradients.items():
        assert_near(got.parameters[name], gradient, TOLERANCE[dtype])


@ANY_OPTIONS
def test_steps_one_by_one_are_forward(isa, dtype, options):
    layer, x, _ = make(dtype, False, options)
    y, after, _ = layer.forward(x)
    state = None
    for t in range(T):
        out, state = layer.step(x[t], state)
        assert_same_bits(out, y[t])
    for have, want in zip(state, after, strict=True):
        assert_same_bits(have, want)
