"""`course.dinosaur` is its NumPy twin to 1e-12; tests/reference/test_dinosaur.py asks both for the rest."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast import course, reference

OURS, RIGHT = course.dinosaur, reference.dinosaur

sizes = st.tuples(*(st.integers(1, most) for most in (20, 9, 9)), st.integers(0, 2**32 - 1))


def draw(n_a, n_x, n_y, seed):
    r = np.random.default_rng(seed)
    shapes = {"Wax": (n_a, n_x), "Waa": (n_a, n_a), "Wya": (n_y, n_a), "b": (n_a, 1), "by": (n_y, 1)}
    return r, {name: r.normal(size=shape) for name, shape in shapes.items()}


def draw_name(r, n_x, n_y, length):
    X = [None if letter < 0 else int(letter) for letter in r.integers(-1, n_x, length)]
    return X, [int(letter) for letter in r.integers(0, n_y, length)]


def assert_same(ours, right, place=""):
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
        assert np.shape(ours) == np.shape(right), place
        np.testing.assert_allclose(ours, right, rtol=1e-12, atol=1e-12, err_msg=place)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(size=sizes)
def test_a_letter_is_the_twins(size):
    r, parameters = draw(*size)
    n_a, n_x, n_y, _ = size
    a_prev, x, dy = (r.normal(size=(n, 1)) for n in (n_a, n_x, n_y))
    ours, right = (module.rnn_step_forward(parameters, a_prev, x) for module in (OURS, RIGHT))
    assert_same(ours, right)
    gradients = {f"d{name}": r.normal(size=value.shape) for name, value in parameters.items()}
    gradients["da_next"] = r.normal(size=(n_a, 1))
    results = [
        module.rnn_step_backward(
            dy, {name: g.copy() for name, g in gradients.items()}, parameters, x, right[0], a_prev
        )
        for module in (OURS, RIGHT)
    ]
    assert_same(*results)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(size=sizes, length=st.integers(0, 12))
def test_a_name_is_the_twins(size, length):
    r, parameters = draw(*size)
    n_a, n_x, n_y, _ = size
    X, Y = draw_name(r, n_x, n_y, length)
    a_prev = r.normal(size=(n_a, 1))
    ours, right = (module.rnn_forward(X, Y, a_prev, parameters) for module in (OURS, RIGHT))
    assert_same(ours, right)
    for cache in (ours[1], right[1]):
        assert_same(*(module.rnn_backward(X, Y, parameters, cache) for module in (OURS, RIGHT)))
    if length:
        copies = [{name: value.copy() for name, value in parameters.items()} for _ in "ab"]
        results = [
            module.optimize(X, Y, a_prev, copy, 0.1)
            for module, copy in zip((OURS, RIGHT), copies, strict=True)
        ]
        assert_same(*results)
        assert_same(*copies)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(size=sizes)
def test_a_sample_is_the_twins(size):
    n_a, n, _, seed = size
    _, parameters = draw(n_a, n, n, seed)
    names = [[module.sample(parameters, {"\n": 0}, seed) for seed in range(5)] for module in (OURS, RIGHT)]
    assert names[0] == names[1]


def test_names_and_arguments_are_the_twins():
    assert OURS.__all__ == RIGHT.__all__
    for name in RIGHT.__all__:
        ours, right = (inspect.signature(getattr(module, name)).parameters for module in (OURS, RIGHT))
        assert [(p.name, p.kind, p.default) for p in ours.values()] == [
            (p.name, p.kind, p.default) for p in right.values()
        ], name


@pytest.mark.parametrize("name", RIGHT.__all__)
def test_check_finds_no_mistake(name):
    like = f"dinosaur.{name}" if name in ("rnn_forward", "rnn_backward") else name
    assert course.check(getattr(OURS, name), like=like)


def printed(module, data_dir, capsys, iterations):
    text = (data_dir / "dinos.txt").read_text().lower()
    module.model(text, dict(enumerate(sorted(set(text)))), num_iterations=iterations)
    lines = capsys.readouterr().out.splitlines()
    losses = [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("Iteration")]
    return losses, [line.split(", Loss")[0] for line in lines]


REPORTS_ALIKE = (
    8  # through iteration 14,000; beyond it, the order of rounding alone separates any two implementations
)


@pytest.mark.slow
def test_the_model_prints_what_the_twin_prints(data_dir, capsys):
    losses, names = printed(OURS, data_dir, capsys, 35_000)
    expected, expected_names = printed(RIGHT, data_dir, capsys, 35_000)
    assert len(losses) == 18
    alike = slice(0, names.index("Iteration: 16000"))
    assert names[alike] == expected_names[alike]
    assert losses[:REPORTS_ALIKE] == pytest.approx(expected[:REPORTS_ALIKE], abs=1e-5)
    assert losses[REPORTS_ALIKE:] == pytest.approx(expected[REPORTS_ALIKE:], abs=0.35)


def test_without_clipping_it_would_print_something_else(data_dir, capsys, monkeypatch):
    """So what is asked of the model above shows that it clips: gradients leave [-5, 5] after the 2,000th name."""
    losses, names = printed(OURS, data_dir, capsys, 14_001)
    monkeypatch.setattr("rnnfast.course.dinosaur.training.LIMIT", 1e30)
    unclipped, others = printed(OURS, data_dir, capsys, 14_001)
    assert unclipped[:2] == losses[:2]
    assert abs(unclipped[-1] - losses[-1]) > 1e-3
    assert others != names


@pytest.mark.parametrize("iterations", [0, 1, 2, 1_001, 1_003])
def test_any_number_of_iterations(capsys, iterations):
    text = "ab\nba\nabba"
    ix_to_char = {0: "\n", 1: "a", 2: "b"}
    results = [
        module.model(text.split("\n"), ix_to_char, num_iterations=iterations, n_a=5)
        for module in (OURS, RIGHT)
    ]
    assert_same(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]
