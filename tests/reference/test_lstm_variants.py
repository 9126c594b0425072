from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from rnnfast.reference import lstm, lstm_variants

from .differences import assert_gradient

SHAPES = [(1, 1, 1, 1, 1), (4, 1, 3, 2, 3), (3, 2, 5, 4, 2)]  # T, N, D, H, P
OPTIONS = [
    {"coupled": coupled, "peepholes": peepholes, "projection": projection}
    for coupled, peepholes, projection in itertools.product([False, True], repeat=3)
]


def label(options):
    return "+".join(name for name, on in options.items() if on) or "plain"


EVERY_OPTION = pytest.mark.parametrize("options", OPTIONS, ids=label)


def make(T, N, D, H, P, options, tokens=False):
    """Arguments of forward by name; `projection` makes h of size P, else it is H."""
    r = np.random.default_rng(0)
    x = r.integers(-1, D, (T, N)) if tokens else r.normal(size=(T, N, D))
    if tokens:
        x.flat[0] = 0  # a single step must not be all zeros
    G = 3 if options["coupled"] else 4
    P = P if options["projection"] else H
    shapes = {"W": (D, G * H), "R": (P, G * H), "b": (G * H,), "h0": (N, P), "c0": (N, H)}
    if options["peepholes"]:
        shapes["peepholes"] = ((G - 1) * H,)
    if options["projection"]:
        shapes["projection"] = (H, P)
    arguments = {"x": x} | {name: r.normal(size=shape) for name, shape in shapes.items()}
    return arguments | {"coupled": options["coupled"]}


def backward(dh_out, p, out, *last):
    options = {name: p[name] for name in ("coupled", "peepholes", "projection") if name in p}
    return lstm_variants.backward(dh_out, p["x"], *out, p["W"], p["R"], *last, **options)


def scalar_forward(x, W, R, b, h0, c0, coupled, peepholes=None, projection=None):
    """The equations, one number at a time."""
    (T, N, D), H, P = x.shape, c0.shape[1], h0.shape[1]
    h, c = np.zeros((T + 1, N, P)), np.zeros((T + 1, N, H))
    h[0], c[0] = h0, c0
    blocks = {name: k for k, name in enumerate("igo" if coupled else "ifgo")}
    peeking = {name: k for k, name in enumerate("io" if coupled else "ifo")}
    for t, n in itertools.product(range(T), range(N)):

        def gate(name, j, cell, t=t, n=n):
            column = blocks[name] * H + j
            a = float(b[column]) + sum(float(x[t, n, d] * W[d, column]) for d in range(D))
            a += sum(float(h[t, n, k] * R[k, column]) for k in range(P))
            if peepholes is not None and name in peeking:
                a += float(peepholes[peeking[name] * H + j]) * cell
            return math.tanh(a) if name == "g" else 1 / (1 + math.exp(-a))

        m = []
        for j in range(H):
            before = float(c[t, n, j])
            i, g = gate("i", j, before), gate("g", j, before)
            f = 1 - i if coupled else gate("f", j, before)
            c[t + 1, n, j] = f * before + i * g
            m.append(gate("o", j, float(c[t + 1, n, j])) * math.tanh(c[t + 1, n, j]))
        for k in range(P):
            h[t + 1, n, k] = m[k] if projection is None else sum(m[j] * projection[j, k] for j in range(H))
    return h, c


@EVERY_OPTION
@pytest.mark.parametrize("shape", SHAPES)
def test_forward_is_the_equations_one_number_at_a_time(shape, options):
    p = make(*shape, options)
    h, c = scalar_forward(**p)
    got = lstm_variants.forward(**p)
    np.testing.assert_allclose(got.h, h, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(got.c, c, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])
def test_without_options_it_is_the_lstm(tokens):
    p = make(4, 3, 5, 6, 6, OPTIONS[0], tokens)
    dh_out = np.random.default_rng(1).normal(size=(4, 3, 6))
    out = lstm_variants.forward(**p)
    gradients = backward(dh_out, p, out)
    del p["coupled"]
    expected = lstm.forward(**p)
    for got, want in zip(out, expected, strict=True):
        np.testing.assert_array_equal(got, want)
    plain = lstm.backward(dh_out, p["x"], *expected, p["W"], p["R"])
    for name, want in plain._asdict().items():
        if want is None:
            assert getattr(gradients, name) is None
        else:
            np.testing.assert_allclose(getattr(gradients, name), want, rtol=1e-13)


@pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])
@EVERY_OPTION
@pytest.mark.parametrize("shape", SHAPES)
def test_backward_is_the_gradient_on_every_input(shape, options, tokens):
    p = make(*shape, options, tokens)
    r = np.random.default_rng(1)
    out = lstm_variants.forward(**p)
    on_h, on_h_last, on_c_last = (r.normal(size=a.shape) for a in (out.h[1:], out.h[-1], out.c[-1]))

    def loss(**changed):
        h, c, _ = lstm_variants.forward(**p | changed)
        return float((h[1:] * on_h).sum() + (h[-1] * on_h_last).sum() + (c[-1] * on_c_last).sum())

    gradients = backward(on_h, p, out, on_h_last, on_c_last)
    for name, gradient in gradients._asdict().items():
        argument = name[1:]
        if gradient is None:
            assert argument not in p or (argument == "x" and tokens)
        else:
            assert_gradient(lambda v, argument=argument: loss(**{argument: v}), p[argument], gradient)


@EVERY_OPTION
def test_two_pieces_of_time_equal_the_whole(options):
    p = make(7, 2, 3, 4, 2, options)
    whole = lstm_variants.forward(**p)
    dh_out = np.random.default_rng(1).normal(size=whole.h[1:].shape)
    early = p | {"x": p["x"][:3]}
    first = lstm_variants.forward(**early)
    late = p | {"x": p["x"][3:], "h0": first.h[-1], "c0": first.c[-1]}
    second = lstm_variants.forward(**late)
    np.testing.assert_allclose(second.h[-1], whole.h[-1], rtol=1e-13)

    expected = backward(dh_out, p, whole)
    later = backward(dh_out[3:], late, second)
    sooner = backward(dh_out[:3], early, first, later.dh0, later.dc0)
    for name in ("dW", "dR", "db", "dpeepholes", "dprojection"):
        parts = getattr(sooner, name), getattr(later, name)
        if parts[0] is not None:
            np.testing.assert_allclose(parts[0] + parts[1], getattr(expected, name), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(sooner.dc0, expected.dc0, rtol=1e-11)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"R": np.zeros((4, 12))}, r"R has shape \(4, 12\), expected \(2, 12\)"),
        ({"coupled": False}, r"W has shape \(3, 12\), expected \(any, 16\)"),
        ({"peepholes": np.zeros(12)}, r"peepholes has shape \(12,\), expected \(8\)"),
        ({"projection": np.zeros((2, 4))}, r"projection has shape \(2, 4\), expected \(4, any\)"),
        ({"h0": np.zeros((1, 4))}, r"h0 has shape \(1, 4\), expected \(1, 2\)"),
        ({"c0": np.zeros((2, 4))}, r"c0 has shape \(2, 4\), expected \(1, 4\)"),
        ({"x": np.zeros((2, 1, 4))}, r"x has shape \(2, 1, 4\), expected \(any, any, 3\)"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        lstm_variants.forward(**make(2, 1, 3, 4, 2, OPTIONS[-1]) | changed)


@pytest.mark.torch
def test_the_projection_equals_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the comparison DID NOT RUN")
    p = make(5, 3, 4, 6, 2, {"coupled": False, "peepholes": False, "projection": True})
    dh_out = np.random.default_rng(2).normal(size=(5, 3, 2))
    peer = torch.nn.LSTM(4, 6, proj_size=2).double()
    with torch.no_grad():
        peer.weight_ih_l0.copy_(torch.tensor(p["W"].T))
        peer.weight_hh_l0.copy_(torch.tensor(p["R"].T))
        peer.weight_hr_l0.copy_(torch.tensor(p["projection"].T))
        peer.bias_ih_l0.copy_(torch.tensor(p["b"]))
        peer.bias_hh_l0.zero_()
    x, h0, c0 = (torch.tensor(p[name], requires_grad=True) for name in ("x", "h0", "c0"))
    h, _ = peer(x, (h0[None], c0[None]))
    (h * torch.tensor(dh_out)).sum().backward()

    out = lstm_variants.forward(**p)
    ours = backward(dh_out, p, out)
    np.testing.assert_allclose(out.h[1:], h.detach().numpy(), rtol=1e-11, atol=1e-13)
    theirs = {
        "dx": x.grad,
        "dW": peer.weight_ih_l0.grad.T,
        "dR": peer.weight_hh_l0.grad.T,
        "db": peer.bias_ih_l0.grad,
        "dprojection": peer.weight_hr_l0.grad.T,
        "dh0": h0.grad,
        "dc0": c0.grad,
    }
    for name, want in theirs.items():
        np.testing.assert_allclose(getattr(ours, name), want.numpy(), rtol=1e-10, atol=1e-13)
