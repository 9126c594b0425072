"""The LSTM with options: against the specification, within derived bounds, and against the plain LSTM."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rnnfast import _core
from rnnfast.reference import lstm_variants

from . import bounds
from .bounded_cells import bounded
from .cases import SIZES, assert_near, assert_same_bits, make_lstm

SHAPES = [(2, 3, 5, H) for H in SIZES] + [(T, N, 7, 9) for T in (1, 3) for N in (1, 2, 7)]
INPUTS = pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])
OPTIONS = [
    {"coupled": coupled, "peephole": peephole, "projection_size": projection_size}
    for coupled in (False, True)
    for peephole in (False, True)
    for projection_size in (None, 1, 6, 17)
][1:]  # the first is the plain LSTM


def name_of(options):
    return " ".join(f"{name}={value}" for name, value in options.items() if value)


ANY_OPTIONS = pytest.mark.parametrize("options", OPTIONS, ids=name_of)
FEW_OPTIONS = pytest.mark.parametrize(
    "options", [o for o in OPTIONS if o["projection_size"] in (None, 6)], ids=name_of
)


def specification(case):
    activations = lstm_variants.forward(case.x, *case.weights, case.h0, case.c0, **case.options)
    gradients = lstm_variants.backward(
        case.dh_out, case.x, *activations, case.W, case.R, case.dh_last, case.dc_last, **case.options
    )
    return activations, gradients


def approximate(case):
    run, gradients = bounded(case)
    gates = [run[name] for name in "ifgo" if name != "f" or not case.coupled]
    return (run["h"], run["c"], bounds.concatenate(gates)), gradients


@INPUTS
@ANY_OPTIONS
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float64_equals_the_specification(isa, shape, options, tokens):
    case = make_lstm(*shape, np.float64, tokens=tokens, **options)
    activations, gradients = specification(case)
    got = case.forward()
    for have, want in zip(got[:3], activations, strict=True):
        assert_near(have, want, 1e-12)
    back = case.backward(*got)
    for name in case.gradients[tokens:]:
        assert_near(back[name], getattr(gradients, name), 1e-12)
    for name in {"dx", "dpeepholes", "dprojection"} - {*case.gradients[tokens:]}:
        assert back[name] is None


@INPUTS
@FEW_OPTIONS
@pytest.mark.parametrize("shape", SHAPES[::3], ids=str)
def test_float32_is_within_its_derived_bound(isa, shape, options, tokens):
    case = make_lstm(*shape, np.float32, tokens=tokens, **options)
    activations, gradients = approximate(case)
    got = case.forward()
    for have, bound in zip(got[:3], activations, strict=True):
        bounds.assert_within(have, bound)
    back = case.backward(*got)
    for name in case.gradients[tokens:]:
        bounds.assert_within(back[name], gradients[name])


@FEW_OPTIONS
def test_the_bound_follows_the_specification(options):
    case = make_lstm(3, 2, 5, 4, np.float32, **options)
    activations, gradients = approximate(case)
    expected, back = specification(case)
    for bound, want in zip(activations, expected, strict=True):
        assert_near(bound.value, want, 1e-14)
    for name in case.gradients:
        assert_near(gradients[name].value, getattr(back, name), 1e-13)


@INPUTS
@pytest.mark.parametrize("H", [7, 17])
def test_options_that_change_nothing_change_no_bit(isa, dtype, H, tokens):
    plain = make_lstm(4, 3, 5, H, dtype, tokens=tokens)
    expected = plain.forward()
    back = plain.backward(*expected)
    for nothing in ({"peepholes": np.zeros(3 * H, dtype)}, {"projection": np.eye(H, dtype=dtype)}):
        case = dataclasses.replace(plain, **nothing)
        got = case.forward()
        for have, want in zip(got, expected, strict=False):
            assert_same_bits(have, want)
        gradients = case.backward(*got)
        for name in plain.gradients[tokens:]:
            assert_same_bits(gradients[name], back[name])


@pytest.mark.parametrize(
    ("options", "changed", "message"),
    [
        ({"peephole": True}, {"peepholes": (6,)}, r"peepholes has shape \(6,\), expected \(9,\) = \(3\*H,\)"),
        (
            {"peephole": True, "coupled": True},
            {"peepholes": (9,)},
            r"peepholes has shape \(9,\), expected \(6,\) = \(2\*H,\)",
        ),
        ({"coupled": True}, {"W": (7, 12)}, r"W has shape \(7, 12\), expected \(7, 9\) = \(D, 3\*H\)"),
        ({}, {"projection": (3, 2)}, r"R has shape \(3, 12\), expected \(2, 12\) = \(P, 4\*H\)"),
        ({}, {"projection": (3,)}, r"projection has shape \(3,\), expected \(H, P\)"),
        ({}, {"projection": (3, 0)}, r"projection has no columns, expected \(H, P\) with P at least 1"),
        ({"projection_size": 2}, {"h0": (2, 3)}, r"h0 has shape \(2, 3\), expected \(2, 2\) = \(N, P\)"),
        ({"projection_size": 2}, {"c0": (2, 2)}, r"c0 has shape \(2, 2\), expected \(2, 3\) = \(N, H\)"),
    ],
)
def test_bad_shapes_are_refused(dtype, options, changed, message):
    case = make_lstm(4, 2, 7, 3, dtype, **options)
    changed = {name: np.zeros(shape, dtype) for name, shape in changed.items()}
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(case, **changed).forward()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"h": (5, 2, 3)}, r"h has shape \(5, 2, 3\), expected \(5, 2, 2\) = \(T \+ 1, N, P\)"),
        ({"dh_out": (4, 2, 3)}, r"dh_out has shape \(4, 2, 3\), expected \(4, 2, 2\) = \(T, N, P\)"),
        ({"gates": (4, 2, 12)}, r"gates has shape \(4, 2, 12\), expected \(4, 2, 9\) = \(T, N, 3\*H\)"),
        ({"m": (4, 2, 2)}, r"m has shape \(4, 2, 2\), expected \(4, 2, 3\) = \(T, N, H\)"),
        ({"m": None}, "m is None and projection is given, expected both or neither"),
    ],
)
def test_bad_shapes_of_backward_are_refused(dtype, changed, message):
    case = make_lstm(4, 2, 7, 3, dtype, coupled=True, projection_size=2)
    names = ("dh_out", "x", "W", "R", "b", "dh_last", "dc_last")
    arguments = {name: getattr(case, name) for name in names} | case.options
    arguments |= dict(zip(("h", "c", "gates", "m"), case.forward(), strict=True))
    arguments |= {name: shape and np.zeros(shape, dtype) for name, shape in changed.items()}
    with pytest.raises(ValueError, match=message):
        _core.lstm_backward(**arguments)
