"""`course.steps` is its NumPy twin to 1e-12; tests/reference/test_steps.py asks both for the rest."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast import course, reference

GATES = {"rnn": "", "lstm": "fico", "gru": "ruc"}
KINDS = list(GATES)
RIGHT, OURS = reference.steps, course.steps

sizes = st.tuples(*(st.integers(1, most) for most in (9, 5, 20, 6, 6)), st.integers(0, 2**32 - 1))


def draw(kind, n_x, m, n_a, n_y, T_x, seed):
    """x, a0 and the parameters."""
    r = np.random.default_rng(seed)
    if kind == "rnn":
        shapes = {"Wax": (n_a, n_x), "Waa": (n_a, n_a), "ba": (n_a, 1), "Wya": (n_y, n_a)}
    else:
        shapes = {f"W{gate}": (n_a, n_a + n_x) for gate in GATES[kind]}
        shapes |= {f"b{gate}": (n_a, 1) for gate in GATES[kind]} | {"Wy": (n_y, n_a)}
    parameters = {name: r.normal(size=shape) for name, shape in (shapes | {"by": (n_y, 1)}).items()}
    return r.normal(size=(n_x, m, T_x)), r.normal(size=(n_a, m)), parameters


def function(module, kind, part):
    return getattr(module, f"{kind}_{part}")


def assert_same(ours, right, place=""):
    """Arrays alike within 1e-12, in the same structure, of the same names."""
    if isinstance(right, dict):
        assert list(ours) == list(right), place
        for name in right:
            assert_same(ours[name], right[name], f"{place}[{name!r}]")
    elif isinstance(right, tuple | list):
        assert type(ours) is type(right), place
        assert len(ours) == len(right), place
        for k, value in enumerate(right):
            assert_same(ours[k], value, f"{place}[{k}]")
    else:
        assert (ours.shape, ours.dtype) == (right.shape, right.dtype), place
        np.testing.assert_allclose(ours, right, rtol=1e-12, atol=1e-12, err_msg=place)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(size=sizes)
def test_a_step_is_the_twins(kind, size):
    x, a0, parameters = draw(kind, *size)
    r = np.random.default_rng(size[-1] + 1)
    states = [a0, r.normal(size=a0.shape)] if kind == "lstm" else [a0]
    arguments = x[:, :, 0], *states, parameters
    ours, right = (function(module, kind, "cell_forward")(*arguments) for module in (OURS, RIGHT))
    assert_same(ours, right)
    on = [r.normal(size=a0.shape) for _ in states]
    for cache in (ours[-1], right[-1]):
        gradients = [function(module, kind, "cell_backward")(*on, cache) for module in (OURS, RIGHT)]
        assert_same(*gradients)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(size=sizes, data=st.data())
def test_a_sequence_is_the_twins(kind, size, data):
    arguments = draw(kind, *size)
    ours, right = (function(module, kind, "forward")(*arguments) for module in (OURS, RIGHT))
    assert_same(ours, right)
    _, m, n_a, _, T_x, seed = size
    T = data.draw(st.integers(0, T_x))
    da = np.random.default_rng(seed + 1).normal(size=(n_a, m, T))
    for caches in (ours[-1], right[-1]):
        assert_same(*(function(module, kind, "backward")(da, caches) for module in (OURS, RIGHT)))


@pytest.mark.parametrize("shape", [(4,), (3, 2), (2, 3, 4), (3, 0)])
@pytest.mark.parametrize("name", ["sigmoid", "softmax"])
def test_activations_are_the_twins(name, shape):
    x = np.random.default_rng(0).normal(size=shape) * 20
    for given_ in (x, x[:, ::-1] if x.ndim > 1 else x[::-1], x.astype(np.float32)):
        assert_same(getattr(OURS, name)(given_), getattr(RIGHT, name)(given_))


def test_single_numbers():
    assert_same(OURS.sigmoid(0.3), RIGHT.sigmoid(0.3))
    for x in (0.3, np.zeros((0, 2))):
        with pytest.raises(ValueError, match="expected at least one row"):
            OURS.softmax(x)


def test_names_and_arguments_are_the_twins():
    assert OURS.__all__ == RIGHT.__all__
    for name in RIGHT.__all__:
        ours, right = (inspect.signature(getattr(module, name)).parameters for module in (OURS, RIGHT))
        assert list(ours) == list(right), name


@pytest.mark.parametrize("name", RIGHT.__all__)
def test_check_finds_no_mistake(name):
    assert course.check(getattr(OURS, name))


@pytest.mark.parametrize("kind", KINDS)
def test_no_examples_are_allowed(kind):
    x, a0, parameters = draw(kind, 3, 0, 4, 2, 2, 0)
    ours, right = (function(module, kind, "forward")(x, a0, parameters) for module in (OURS, RIGHT))
    assert_same(ours, right)
    assert_same(
        *(function(module, kind, "backward")(np.zeros((4, 0, 2)), right[-1]) for module in (OURS, RIGHT))
    )


@pytest.mark.parametrize("kind", KINDS)
def test_results_are_arrays_of_their_own(kind):
    x, a0, parameters = draw(kind, 1, 1, 1, 1, 4, 0)
    results = function(OURS, kind, "forward")(x, a0, parameters)
    kept = [tuple(array.copy() for array in cell[:-1]) for cell in results[-1][0]]
    for array in results[:-1]:
        array[...] = 7
    np.testing.assert_equal([cell[:-1] for cell in results[-1][0]], kept)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_of_two_runs_are_refused(kind):
    x, a0, parameters = draw(kind, 3, 2, 4, 2, 3, 0)
    forward = function(OURS, kind, "forward")
    backward, da = function(OURS, kind, "backward"), np.ones((4, 2, 3))
    cells, _ = forward(x, a0, parameters)[-1]
    others, _ = forward(x, a0 + 1, parameters)[-1]
    with pytest.raises(ValueError, match=r"caches\[0\]\[2\].a_prev differs from caches\[0\]\[1\].a_next"):
        backward(da, ([*cells[:2], others[2]], x))
    name = next(iter(parameters))
    changed = parameters | {name: parameters[name] + 1}
    with pytest.raises(ValueError, match=r"caches\[0\]\[1\] has other parameters than caches\[0\]\[0\]"):
        backward(da, ([cells[0], *(cell._replace(parameters=changed) for cell in cells[1:])], x))
    for t in range(1, 3):
        cut = [cell._replace(xt=cell.xt[:2]) if place == t else cell for place, cell in enumerate(cells)]
        with pytest.raises(ValueError, match=rf"caches\[0\]\[{t}\].xt has shape \(2, 2\), expected \(3, 2\)"):
            backward(da, (cut, x))
    equal = {name: value.copy() for name, value in parameters.items()}
    kept = backward(da, (cells, x))
    assert_same(
        backward(
            da, ([cell._replace(parameters=equal if t else parameters) for t, cell in enumerate(cells)], x)
        ),
        kept,
    )
