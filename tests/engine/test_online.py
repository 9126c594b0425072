"""Online learning: one sequence an update, the hidden state carried on, however the call ends."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import NonFiniteError, _core, reference

from .conftest import FMA_ISAS
from .test_fit_ends import NOISE, PROMPT, Interrupt

LENGTHS = [3, 1, 7, 2, 20, 5]
RATE, LIMIT = 0.1, 0.5


def draw(dtype=np.float64, V=6, H=9, lengths=LENGTHS, seed=0, scale=0.5):
    """Parameters and state, which the call changes, and the sequences."""
    r = np.random.default_rng(seed)
    shapes = (V, H), (H, H), (H,), (H, V), (V,), (H,)
    changed = [(scale * r.normal(size=shape)).astype(dtype) for shape in shapes]
    changed[-1] = np.tanh(changed[-1])
    inputs, targets = (r.integers(-1, V, sum(lengths)).astype(np.int32) for _ in range(2))
    return changed, [inputs, targets, np.array(lengths)]


def learn(changed, sequences, rate=RATE, limit=LIMIT):
    return _core.learn_online(*changed, *sequences, rate, limit)


def specification(changed, sequences, rate=RATE, limit=LIMIT):
    """The same in NumPy, and how many numbers were clipped."""
    inputs, targets, lengths = sequences
    losses, clipped = [], 0
    *parameters, h = [array.astype(np.float64) for array in changed]
    ends = np.cumsum(lengths)
    for x, y in zip(np.split(inputs, ends)[:-1], np.split(targets, ends)[:-1], strict=True):
        W, R, b, dense_W, dense_b = parameters
        states = reference.rnn.forward(x[:, None], W, R, b, h[None])
        logits = reference.dense.forward(states[1:], dense_W, dense_b)
        loss, dlogits = reference.loss.cross_entropy(logits, y[:, None], "sequence")
        dense = reference.dense.backward(dlogits, states[1:], dense_W)
        rnn = reference.rnn.backward(dense.dx, x[:, None], states, W, R, np.zeros((1, len(h))))
        gradients = rnn.dW, rnn.dR, rnn.db, dense.dW, dense.db
        clipped += sum(int((np.abs(g) > limit).sum()) for g in gradients)
        parameters = [
            p - rate * np.clip(g, -limit, limit) for p, g in zip(parameters, gradients, strict=True)
        ]
        losses.append(loss)
        h = states[-1, 0]
    return losses, [*parameters, h], clipped


def test_it_is_the_specification(isa, dtype):
    changed, sequences = draw(dtype)
    losses, expected, clipped = specification(changed, sequences)
    assert clipped > 20
    got = learn(changed, sequences)
    assert got.dtype == np.float64
    tolerance = 1e-12 if dtype == np.float64 else 2e-5
    np.testing.assert_allclose(got, losses, rtol=tolerance)
    for array, want in zip(changed, expected, strict=True):
        np.testing.assert_allclose(array, want, rtol=tolerance, atol=tolerance)


def test_the_bits_are_every_instruction_sets(run_on, dtype):
    def run():
        changed, sequences = draw(dtype)
        return [learn(changed, sequences), *changed]

    results = {isa: run_on(isa, run) for isa in FMA_ISAS}
    for other in results.values():
        for ours, theirs in zip(results[FMA_ISAS[0]], other, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_two_calls_are_one(dtype):
    (whole, sequences), (parts, _) = draw(dtype), draw(dtype)
    losses = learn(whole, sequences)
    inputs, targets, lengths = sequences
    at = sum(LENGTHS[:2])
    first = learn(parts, [inputs[:at], targets[:at], lengths[:2]])
    second = learn(parts, [inputs[at:], targets[at:], lengths[2:]])
    np.testing.assert_array_equal(losses, [*first, *second])
    for ours, theirs in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_no_sequences_change_nothing():
    changed, _ = draw()
    kept = [array.copy() for array in changed]
    nothing = np.zeros(0, np.int32)
    assert learn(changed, [nothing, nothing, np.zeros(0, np.int64)]).shape == (0,)
    for array, want in zip(changed, kept, strict=True):
        np.testing.assert_array_equal(array, want)


def test_gradients_need_not_be_clipped():
    (free, sequences), (wide, _) = draw(), draw()
    learn(free, sequences, limit=None)
    learn(wide, sequences, limit=1e9)
    for ours, theirs in zip(free, wide, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_ctrl_c_ends_it_between_two_updates():
    lengths = [30] * 100_000
    changed, sequences = draw(H=200, lengths=lengths, scale=0.1)
    again = [array.copy() for array in changed]
    interrupt = Interrupt(0.1)
    with pytest.raises(KeyboardInterrupt), interrupt:
        learn(changed, sequences)
    assert interrupt.late < PROMPT + NOISE
    inputs, targets, one = sequences[0], sequences[1], np.array([30])
    for k in range(2_000):
        if np.array_equal(again[-1], changed[-1]):
            break
        part = slice(30 * k, 30 * (k + 1))
        learn(again, [inputs[part], targets[part], one])
    assert 0 < k < 1_999
    for ours, theirs in zip(changed, again, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_not_finite_ends_it_before_the_update():
    (changed, sequences), (again, _) = draw(), draw()
    with pytest.raises(NonFiniteError, match=r"the (loss|gradient) of sequence 1 .* is (nan|infinite)"):
        learn(changed, sequences, rate=1e308, limit=None)
    inputs, targets, lengths = sequences
    learn(again, [inputs[:3], targets[:3], lengths[:1]], rate=1e308, limit=None)
    for ours, theirs in zip(changed, again, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("place", "value", "error", "message"),
    [
        (1, np.zeros((9, 8)), ValueError, r"R has shape \(9, 8\), expected \(9, 9\) = \(H, H\)"),
        (3, np.zeros((9, 5)), ValueError, r"dense_W has shape \(9, 5\), expected \(9, 6\) = \(H, V\)"),
        (5, np.zeros(8), ValueError, r"h has shape \(8,\), expected \(9,\) = \(H,\)"),
        (5, np.zeros(9, np.float32), TypeError, "incompatible function arguments"),
        (6, np.full(38, 6, np.int32), ValueError, r"inputs\[0\] is 6, expected a token from 0 to 5, or -1"),
        (
            7,
            np.repeat([0, -2], 19).astype(np.int32),
            ValueError,
            r"targets\[19\] is -2, expected a token from 0",
        ),
        (7, np.zeros(37, np.int32), ValueError, r"targets has shape \(37,\), expected \(38,\)"),
        (8, np.array([30, 0, 8]), ValueError, "lengths has 0, expected 1 to 8, the tokens that are left"),
        (8, np.array([30, 9]), ValueError, "lengths has 9, expected 1 to 8, the tokens that are left"),
        (8, np.array([30, 7]), ValueError, "lengths leaves 1 tokens over"),
        (9, 0.0, ValueError, "learning_rate is 0, expected more than 0"),
        (9, np.inf, ValueError, "learning_rate is inf, expected more than 0"),
        (10, -1.0, ValueError, "clip_value is -1, expected more than 0"),
        (10, np.nan, ValueError, "clip_value is nan, expected more than 0"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(place, value, error, message):
    changed, sequences = draw()
    kept = [array.copy() for array in changed]
    arguments = [*changed, *sequences, RATE, LIMIT]
    arguments[place] = value
    with pytest.raises(error, match=message):
        _core.learn_online(*arguments)
    for array, want in zip(changed, kept, strict=True):
        np.testing.assert_array_equal(array, want)


def test_a_parameter_that_cannot_be_written_is_refused():
    changed, sequences = draw()
    kept = [array.copy() for array in changed]
    changed[3].flags.writeable = False
    with pytest.raises(ValueError, match="not writeable"):
        learn(changed, sequences)
    for array, want in zip(changed, kept, strict=True):
        np.testing.assert_array_equal(array, want)
