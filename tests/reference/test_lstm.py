from __future__ import annotations

import math

import numpy as np
import pytest

from rnnfast.reference import lstm

from .differences import assert_gradient

SHAPES = [(1, 1, 1, 1), (4, 1, 3, 2), (3, 2, 5, 4), (6, 3, 2, 3)]  # T, N, D, H


def make(T: int, N: int, D: int, H: int, tokens: bool = False, seed: int = 0) -> dict[str, np.ndarray]:
    r = np.random.default_rng(seed)
    x = r.integers(-1, D, (T, N)) if tokens else r.normal(size=(T, N, D))
    if tokens:
        x.flat[0] = 0  # a single step must not be all zeros
    shapes = {"W": (D, 4 * H), "R": (H, 4 * H), "b": (4 * H,), "h0": (N, H), "c0": (N, H)}
    return {"x": x} | {name: r.normal(size=shape) for name, shape in shapes.items()}


def one_hot(tokens: np.ndarray, D: int) -> np.ndarray:
    return (tokens[..., None] == np.arange(D)).astype(float)


def scalar_forward(x, W, R, b, h0, c0):
    """The equations, one number at a time."""
    (T, N, D), H = x.shape, len(R)
    h, c = np.zeros((T + 1, N, H)), np.zeros((T + 1, N, H))
    h[0], c[0] = h0, c0
    for t in range(T):
        for n in range(N):
            for j in range(H):
                a = []
                for gate in range(4):
                    column = gate * H + j
                    total = float(b[column])
                    total += sum(float(x[t, n, d] * W[d, column]) for d in range(D))
                    total += sum(float(h[t, n, k] * R[k, column]) for k in range(H))
                    a.append(total)
                i, f, o = (1 / (1 + math.exp(-a[gate])) for gate in (0, 1, 3))
                c[t + 1, n, j] = f * c[t, n, j] + i * math.tanh(a[2])
                h[t + 1, n, j] = o * math.tanh(c[t + 1, n, j])
    return h, c


@pytest.mark.parametrize("shape", SHAPES)
def test_forward_is_the_equations_one_number_at_a_time(shape):
    p = make(*shape)
    h, c = scalar_forward(**p)
    got = lstm.forward(**p)
    np.testing.assert_allclose(got.h, h, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(got.c, c, rtol=1e-13, atol=1e-15)


def test_a_token_is_its_one_hot_vector_and_no_token_is_zeros():
    p = make(5, 3, 4, 2, tokens=True)
    assert (p["x"] == -1).any()
    from_tokens = lstm.forward(**p)
    from_vectors = lstm.forward(**p | {"x": one_hot(p["x"], 4)})
    for a, b in zip(from_tokens, from_vectors, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


@pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])
@pytest.mark.parametrize("shape", SHAPES)
def test_backward_is_the_gradient_on_every_input(shape, tokens):
    T, N, _, H = shape
    p = make(*shape, tokens=tokens)
    r = np.random.default_rng(1)
    on_h, on_h_last, on_c_last = r.normal(size=(T, N, H)), r.normal(size=(N, H)), r.normal(size=(N, H))

    def loss(**changed):
        h, c, _ = lstm.forward(**p | changed)
        return float((h[1:] * on_h).sum() + (h[-1] * on_h_last).sum() + (c[-1] * on_c_last).sum())

    out = lstm.forward(**p)
    gradients = lstm.backward(on_h, p["x"], *out, p["W"], p["R"], dh_last=on_h_last, dc_last=on_c_last)
    for name in ("W", "R", "b", "h0", "c0"):
        assert_gradient(lambda v, name=name: loss(**{name: v}), p[name], getattr(gradients, "d" + name))
    if tokens:
        assert gradients.dx is None
    else:
        assert_gradient(lambda v: loss(x=v), p["x"], gradients.dx)


def test_the_final_state_receives_nothing_unless_it_is_said():
    p = make(3, 2, 4, 3)
    dh_out, zeros = np.ones((3, 2, 3)), np.zeros((2, 3))
    out = lstm.forward(**p)
    without = lstm.backward(dh_out, p["x"], *out, p["W"], p["R"])
    with_zeros = lstm.backward(dh_out, p["x"], *out, p["W"], p["R"], zeros, zeros)
    for a, b in zip(without, with_zeros, strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_pieces_of_time_equal_the_whole():
    p = make(7, 2, 3, 4)
    weights = p["W"], p["R"], p["b"]
    dh_out = np.random.default_rng(1).normal(size=(7, 2, 4))
    whole = lstm.forward(**p)
    first = lstm.forward(p["x"][:3], *weights, p["h0"], p["c0"])
    second = lstm.forward(p["x"][3:], *weights, first.h[-1], first.c[-1])
    np.testing.assert_allclose(second.h[-1], whole.h[-1], rtol=1e-13)

    expected = lstm.backward(dh_out, p["x"], *whole, *weights[:2])
    later = lstm.backward(dh_out[3:], p["x"][3:], *second, *weights[:2])
    sooner = lstm.backward(dh_out[:3], p["x"][:3], *first, *weights[:2], later.dh0, later.dc0)
    np.testing.assert_allclose(sooner.dW + later.dW, expected.dW, rtol=1e-12)
    np.testing.assert_allclose(sooner.dR + later.dR, expected.dR, rtol=1e-12)
    np.testing.assert_allclose(sooner.dc0, expected.dc0, rtol=1e-12)


def test_huge_inputs_saturate_without_a_warning():
    p = make(2, 1, 3, 2)
    h, c, gates = lstm.forward(**p | {"b": np.full(8, -1e6)})
    assert np.isfinite(h).all()
    assert np.isfinite(c).all()
    assert np.isin(gates, [0, -1]).all()


def test_sigmoid_keeps_its_relative_precision_far_out():
    np.testing.assert_allclose(lstm.sigmoid([-700.0, -40.0]), np.exp([-700.0, -40.0]), rtol=1e-14)


def test_inputs_are_not_changed():
    p = make(3, 2, 4, 3)
    before = {name: v.copy() for name, v in p.items()}
    out = lstm.forward(**p)
    kept = [v.copy() for v in out]
    lstm.backward(np.ones((3, 2, 3)), p["x"], *out, p["W"], p["R"])
    for name, v in p.items():
        np.testing.assert_array_equal(v, before[name])
    for a, b in zip(out, kept, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"R": np.zeros((3, 11))}, r"R has shape \(3, 11\), expected \(3, 12\)"),
        ({"W": np.zeros((5, 12))}, r"x has shape \(2, 1, 4\), expected \(any, any, 5\)"),
        ({"b": np.zeros(3)}, r"b has shape \(3,\), expected \(12\)"),
        ({"h0": np.zeros((2, 3))}, r"h0 has shape \(2, 3\), expected \(1, 3\)"),
        ({"c0": np.zeros(3)}, r"c0 has shape \(3,\), expected \(1, 3\)"),
        ({"x": np.array([[4]])}, r"x holds 4, expected tokens from -1 \(none\) to 3"),
        ({"x": np.array([[-2]])}, r"x holds -2, expected tokens from -1"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        lstm.forward(**make(2, 1, 4, 3) | changed)


@pytest.mark.torch
def test_forward_and_gradients_equal_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the comparison DID NOT RUN")
    p = make(5, 3, 4, 6)
    dh_out = np.random.default_rng(2).normal(size=(5, 3, 6))
    peer = torch.nn.LSTM(4, 6).double()
    with torch.no_grad():
        peer.weight_ih_l0.copy_(torch.tensor(p["W"].T))
        peer.weight_hh_l0.copy_(torch.tensor(p["R"].T))
        peer.bias_ih_l0.copy_(torch.tensor(p["b"]))
        peer.bias_hh_l0.zero_()
    x, h0, c0 = (torch.tensor(p[name], requires_grad=True) for name in ("x", "h0", "c0"))
    h, _ = peer(x, (h0[None], c0[None]))
    (h * torch.tensor(dh_out)).sum().backward()

    out = lstm.forward(**p)
    ours = lstm.backward(dh_out, p["x"], *out, p["W"], p["R"])
    np.testing.assert_allclose(out.h[1:], h.detach().numpy(), rtol=1e-11, atol=1e-13)
    theirs = [
        x.grad,
        peer.weight_ih_l0.grad.T,
        peer.weight_hh_l0.grad.T,
        peer.bias_ih_l0.grad,
        h0.grad,
        c0.grad,
    ]
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-10, atol=1e-13)
