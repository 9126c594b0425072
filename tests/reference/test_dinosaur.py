"""The dinosaur exercise's functions; each implementation in IMPLEMENTATIONS passes the same tests."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from rnnfast import course, reference

from .differences import assert_gradient

IMPLEMENTATIONS = [
    pytest.param(reference.dinosaur, id="reference"),
    pytest.param(course.dinosaur, id="course"),
]
NAMES = ("Wax", "Waa", "Wya", "b", "by")
LINES = ["Rex", " mei ", "yi", "kol", "zby"]

# What independent runs of the exercise agree on; later, the order of rounding alone separates them.
LOSSES = {
    0: 23.087336,
    1000: 28.712699,
    2000: 27.884160,
    4000: 25.901815,
    6000: 24.608779,
    8000: 24.070350,
    10000: 23.844446,
    12000: 23.291971,
    14000: 23.382338,
}
FIRST_NAMES = {
    0: "Nkzxwtdmfqoeyhsqwasjkjvu Kneb Kzxwtdmfqoeyhsqwasjkjvu Neb Zxwtdmfqoeyhsqwasjkjvu Eb Xwtdmfqoeyhsqwasjkjvu",
    2000: "Liusskeomnolxeros Hmdaairus Hytroligoraurus Lecalosapaus Xusicikoraurus Abalpsamantisaurus Tpraneronxeros",
    14000: "Meutromodromurus Inda Iutroinatorsaurus Maca Yusteratoptititan Ca Troclosaurus",
}


@pytest.fixture(params=IMPLEMENTATIONS)
def dinosaur(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def dinos(data_dir):
    return (data_dir / "dinos.txt").read_text().lower()


def vocabulary(text):
    ix_to_char = dict(enumerate(sorted(set(text))))
    return ix_to_char, {character: index for index, character in ix_to_char.items()}


def draw(n_a=4, n=5, scale=1.0, seed=0):
    r = np.random.default_rng(seed)
    shapes = {"Wax": (n_a, n), "Waa": (n_a, n_a), "Wya": (n, n_a), "b": (n_a, 1), "by": (n, 1)}
    return {name: r.normal(size=shape) * scale for name, shape in shapes.items()}


def draw_gradients(parameters, scale=10.0):
    r = np.random.default_rng(1)
    return {f"d{name}": r.normal(size=v.shape) * scale for name, v in parameters.items()}


def copies(arrays):
    return {name: array.copy() for name, array in arrays.items()}


def reports(printed):
    """Losses and names by iteration."""
    blocks = re.split(r"Iteration: (\d+), Loss: ([\d.]+)\n\n", printed)[1:]
    return {
        int(iteration): (float(loss), names.split("\n\n")[0].split())
        for iteration, loss, names in zip(blocks[::3], blocks[1::3], blocks[2::3], strict=True)
    }


# --- the network


def test_parameters_begin_as_seed_1_draws_them(dinosaur):
    random = np.random.RandomState(1)
    expected = [random.randn(*shape) * 0.01 for shape in ((50, 27), (50, 50), (27, 50))]
    parameters = dinosaur.initialize_parameters(50, 27, 27)
    assert list(parameters) == list(NAMES)
    for name, array in zip(NAMES, expected, strict=False):
        np.testing.assert_array_equal(parameters[name], array)
    assert not parameters["b"].any()
    assert not parameters["by"].any()
    assert (parameters["b"].shape, parameters["by"].shape) == ((50, 1), (27, 1))


def test_a_step_forward_is_the_equations(dinosaur):
    p = draw()
    a_prev, x = np.full((4, 1), 0.3), np.arange(5.0)[:, None]
    a, y = dinosaur.rnn_step_forward(p, a_prev, x)
    for j in range(4):
        z = sum(p["Wax"][j] * x[:, 0]) + sum(p["Waa"][j] * a_prev[:, 0]) + p["b"][j, 0]
        assert a[j, 0] == pytest.approx(math.tanh(z), rel=1e-13)
    weights = np.exp(p["Wya"] @ a + p["by"])
    np.testing.assert_allclose(y, weights / weights.sum(), rtol=1e-12)


def test_a_step_back_adds_to_the_gradients_in_place(dinosaur):
    p, n_a = draw(), 4
    r = np.random.default_rng(2)
    x, a_prev = r.normal(size=(5, 1)), r.normal(size=(n_a, 1))
    later, target = r.normal(size=(n_a, 1)), 3
    a, y = dinosaur.rnn_step_forward(p, a_prev, x)
    dy = y.copy()
    dy[target] -= 1

    gradients = {name: np.ones_like(v) for name, v in draw_gradients(p).items()} | {"da_next": later}
    given = dict(gradients)
    returned = dinosaur.rnn_step_backward(dy, gradients, p, x, a, a_prev)
    assert set(returned) == {*given, "da_next"}

    def loss(a_prev=a_prev, **changed):
        a, y = dinosaur.rnn_step_forward(p | changed, a_prev, x)
        return float(-np.log(y[target, 0]) + (a * later).sum())

    for name in NAMES:
        assert returned[f"d{name}"] is given[f"d{name}"]
        assert_gradient(lambda v, name=name: loss(**{name: v}), p[name], returned[f"d{name}"] - 1)
    assert_gradient(lambda v: loss(a_prev=v), a_prev, returned["da_next"])


@pytest.mark.parametrize("X", [[None, 1, 4, 0, 1], [2], [None, None, 3]])
def test_gradients_through_a_name(dinosaur, X):
    p, a_prev = draw(), np.random.default_rng(1).normal(size=(4, 1))
    Y = [*X[1:], 0] if None not in X[1:] else [3, 3, 1]
    loss, cache = dinosaur.rnn_forward(X, Y, a_prev, p)
    y_hat, a, x = cache
    assert (sorted(y_hat), sorted(a), sorted(x)) == ([*range(len(X))], [*range(-1, len(X))], [*range(len(X))])
    assert loss == pytest.approx(-sum(math.log(y_hat[t][Y[t], 0]) for t in range(len(X))), rel=1e-13)
    np.testing.assert_array_equal(a[-1], a_prev)
    assert a[-1] is not a_prev
    for t, letter in enumerate(X):
        assert x[t].sum() == (letter is not None)
        assert letter is None or x[t][letter, 0] == 1

    gradients, states = dinosaur.rnn_backward(X, Y, p, cache)
    assert set(gradients) == {*(f"d{name}" for name in NAMES), "da_next"}
    np.testing.assert_array_equal(states[len(X) - 1], a[len(X) - 1])
    inputs = {name: p[name] for name in NAMES} | {"a_prev": a_prev}
    for name, value in inputs.items():
        gradient = gradients["da_next" if name == "a_prev" else f"d{name}"]

        def f(v, name=name):
            now = p | {"a_prev": a_prev} | {name: v}
            return dinosaur.rnn_forward(X, Y, now.pop("a_prev"), now)[0]

        assert_gradient(f, value, gradient)


# --- learning


def test_every_gradient_is_clipped_in_place(dinosaur):
    gradients = draw_gradients(draw())
    before, arrays = copies(gradients), dict(gradients)
    returned = dinosaur.clip(gradients, 5)
    for name, array in arrays.items():
        assert np.abs(before[name]).max() > 5
        assert returned[name] is array
        np.testing.assert_array_equal(array, np.minimum(np.maximum(before[name], -5), 5))


def test_updates_go_down_the_gradient_in_place(dinosaur):
    parameters = draw()
    before, arrays, gradients = copies(parameters), dict(parameters), draw_gradients(parameters)
    returned = dinosaur.update_parameters(parameters, gradients, 0.25)
    for name in NAMES:
        assert returned[name] is arrays[name]
        np.testing.assert_array_equal(arrays[name], before[name] - 0.25 * gradients[f"d{name}"])


def test_optimize_is_its_parts_and_clips(dinosaur):
    parameters = draw(scale=4.0)
    before = copies(parameters)
    a_prev, X = np.zeros((4, 1)), [None, *[1, 2, 3, 4, 1] * 4]
    Y = [*X[1:], 0]
    loss, cache = dinosaur.rnn_forward(X, Y, a_prev, parameters)
    raw, _ = dinosaur.rnn_backward(X, Y, parameters, cache)
    assert max(np.abs(raw[f"d{name}"]).max() for name in NAMES) > 5, "clipping has to do something"

    got, gradients, last = dinosaur.optimize(X, Y, a_prev, parameters, 0.5)
    assert got == loss
    assert set(gradients) == {f"d{name}" for name in NAMES}
    np.testing.assert_array_equal(last, cache[1][len(X) - 1])
    for name in NAMES:
        expected = np.clip(raw[f"d{name}"], -5, 5)
        np.testing.assert_array_equal(gradients[f"d{name}"], expected)
        np.testing.assert_array_equal(parameters[name], before[name] - 0.5 * expected)


def test_losses(dinosaur):
    assert dinosaur.get_initial_loss(27, 7) == pytest.approx(7 * math.log(27), rel=1e-15)
    assert dinosaur.smooth(23.0, 40.0) == pytest.approx(23.017, rel=1e-14)


# --- names


@pytest.mark.parametrize("seed", [0, 1, 7, 4242])
def test_letters_are_those_of_seeding_and_choosing(dinosaur, seed):
    p, newline = draw(n_a=6, n=9, scale=2.0), 3
    expected, a, x = [], np.zeros((6, 1)), np.zeros((9, 1))
    for step in range(50):
        a, y = dinosaur.rnn_step_forward(p, a, x)
        np.random.seed(seed + 2 * step)  # noqa: NPY002
        expected.append(int(np.random.choice(9, p=y.ravel())))  # noqa: NPY002
        x = np.zeros((9, 1))
        x[expected[-1]] = 1
        if expected[-1] == newline:
            break
    assert dinosaur.sample(p, {"\n": newline}, seed) == expected


def test_a_name_of_50_letters_is_ended(dinosaur):
    p = draw()
    p["by"][2] = -1e3
    indices = dinosaur.sample(p, {"\n": 2}, 0)
    assert len(indices) == 51
    assert indices.index(2) == 50


def test_names_are_written_with_a_capital(dinosaur, capsys):
    ix_to_char = {0: "\n", 1: "a", 2: "z"}
    assert dinosaur.get_sample([2, 1, 1, 0], ix_to_char) == "Zaa\n"
    dinosaur.print_sample([2, 1, 0], ix_to_char)
    assert capsys.readouterr().out == "Za\n"


# --- the whole


def check_reports(printed, every, last):
    found = reports(printed)
    assert list(found) == list(range(0, last + 1, every))
    for iteration, (loss, names) in found.items():
        if iteration <= 14_000:
            assert loss == pytest.approx(LOSSES.get(iteration, loss), abs=1e-5)
            assert names == FIRST_NAMES.get(iteration, " ".join(names)).split()
        else:
            assert 22.2 <= loss <= 23.6
        assert len(names) == 7


def test_the_first_reports_are_the_published_ones(dinosaur, dinos, capsys):
    ix_to_char, char_to_ix = vocabulary(dinos)
    parameters, last = dinosaur.model(dinos.split("\n"), ix_to_char, char_to_ix, 2_001, verbose=True)
    printed = capsys.readouterr().out
    check_reports(printed, 1_000, 2_000)
    assert last == "Tpraneronxeros\n"
    assert set(parameters) == set(NAMES)
    for line in (
        "j =  0 idx =  0",
        "single_example = turiasaurus",
        "j =  1535 idx =  1535",
        "j =  1536 idx =  0",
    ):
        assert line in printed


@pytest.mark.slow
def test_all_reports_are_the_published_ones(dinosaur, dinos, capsys):
    dinosaur.model(dinos, *vocabulary(dinos))
    check_reports(capsys.readouterr().out, 2_000, 34_000)


def test_the_model_clips(dinosaur, capsys):
    """Real names give no gradient beyond 5 before the 2,000th; long ones do at once."""
    lines = ["qxz" * 24]
    ix_to_char, char_to_ix = vocabulary("\n" + lines[0])
    parameters, _ = dinosaur.model(lines, ix_to_char, char_to_ix, 40, n_a=10, dino_names=1)
    expected, clipped = dinosaur.initialize_parameters(10, 4, 4), 0
    a = np.zeros((10, 1))
    X = [None] + [char_to_ix[letter] for letter in lines[0]]
    Y = [*X[1:], 0]
    for _ in range(40):
        _, cache = dinosaur.rnn_forward(X, Y, a, expected)
        raw, states = dinosaur.rnn_backward(X, Y, expected, cache)
        a = states[len(X) - 1]
        for name in NAMES:
            clipped += int(np.abs(raw[f"d{name}"]).max() > 5)
            expected[name] -= 0.01 * np.clip(raw[f"d{name}"], -5, 5)
    assert clipped > 10
    for name in NAMES:
        np.testing.assert_allclose(parameters[name], expected[name], rtol=1e-9, atol=1e-12)


def test_every_known_signature(dinosaur, capsys):
    text = "\n".join(LINES).lower()
    ix_to_char, char_to_ix = vocabulary(text)
    V = len(ix_to_char)
    calls = [
        dinosaur.model(text, ix_to_char, char_to_ix, 12, 6, 3, V),
        dinosaur.model(text, ix_to_char, char_to_ix, 12, 6, 3, V, False),
        dinosaur.model(text, ix_to_char, 12, 6, 3, V),
        dinosaur.model(text + "\n", ix_to_char, num_iterations=12, n_a=6, dino_names=3, vocab_size=V),
        dinosaur.model(text.upper(), ix_to_char, char_to_ix=char_to_ix, num_iterations=12, n_a=6, dino_names=3),
        dinosaur.model(text.split("\n"), ix_to_char, char_to_ix, 12, 6, 3, V, verbose=False)[0],
    ]  # fmt: skip
    printed = capsys.readouterr().out
    for parameters in calls[1:]:
        for name in NAMES:
            np.testing.assert_array_equal(parameters[name], calls[0][name])
    assert len(set(printed.split("Iteration: 0"))) == 2, "the same report six times, after nothing"


def test_the_hidden_state_is_carried_from_name_to_name(dinosaur, capsys):
    text = "ab\nba"
    ix_to_char, char_to_ix = vocabulary(text)
    parameters = dinosaur.model(text, ix_to_char, char_to_ix, 3, n_a=4, dino_names=1)
    names = ["ab", "ba"]
    np.random.RandomState(0).shuffle(names)
    expected, a = dinosaur.initialize_parameters(4, 3, 3), np.zeros((4, 1))
    for k in range(3):
        letters = [char_to_ix[letter] for letter in names[k % 2]]
        _, _, a = dinosaur.optimize([None, *letters], [*letters, 0], a, expected)
    for name in NAMES:
        np.testing.assert_allclose(parameters[name], expected[name], rtol=1e-12, atol=1e-15)


def test_the_callers_random_numbers_are_left_alone(dinosaur, capsys):
    before = np.random.get_state(legacy=False)  # noqa: NPY002
    dinosaur.model("ab\nba", {0: "\n", 1: "a", 2: "b"}, num_iterations=2, n_a=4)
    np.testing.assert_equal(np.random.get_state(legacy=False), before)  # noqa: NPY002


# --- errors


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"data": ""}, ValueError, "data has no names"),
        ({"data": "abc"}, ValueError, "char_to_ix has no 'c'"),
        ({"char_to_ix": {"a": 1, "b": 2}}, ValueError, r"char_to_ix has no '\\n'"),
        ({"char_to_ix": {"\n": 0, "a": 1, "b": 3}}, ValueError, "gives 'b' the index 3, expected 0 to 2"),
        ({"vocab_size": 27}, ValueError, "ix_to_char has 3 indices, expected 0 to 26"),
        ({"n_a": 0}, ValueError, "n_a is 0, expected at least 1"),
        ({"n_a": 2.5}, TypeError, "n_a is 2.5, expected an integer"),
        ({"num_iterations": -1}, ValueError, "num_iterations is -1, expected at least 0"),
        ({"epochs": 1}, TypeError, "epochs"),
        ({"data": ["ab", "cd"]}, ValueError, "char_to_ix has no 'c', 'd'"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(dinosaur, capsys, changed, error, message):
    given = {"data": "ab", "ix_to_char": {0: "\n", 1: "a", 2: "b"}, "num_iterations": 1} | changed
    with pytest.raises(error, match=message):
        dinosaur.model(**given)
    assert capsys.readouterr().out == ""


def test_char_to_ix_is_given_once(dinosaur):
    with pytest.raises(TypeError, match="char_to_ix is given twice"):
        dinosaur.model("a", {0: "\n", 1: "a"}, {"\n": 0, "a": 1}, 1, char_to_ix={"\n": 0, "a": 1})


def test_a_name_that_does_not_fit_is_refused(dinosaur):
    p, a = draw(), np.zeros((4, 1))
    with pytest.raises(ValueError, match="Y has 1 letters, expected 2 as X has"):
        dinosaur.rnn_forward([None, 1], [1], a, p)
    with pytest.raises(ValueError, match="X holds 5, expected indices from 0 to 4"):
        dinosaur.rnn_forward([5], [1], a, p)
    with pytest.raises(TypeError, match="Y holds None, expected indices of letters"):
        dinosaur.rnn_forward([None], [None], a, p)
    with pytest.raises(ValueError, match="vocab_size is 27, expected 5"):
        dinosaur.rnn_forward([None], [1], a, p, 27)
    with pytest.raises(ValueError, match=r"a_prev has shape \(3, 1\), expected \(4, 1\)"):
        dinosaur.rnn_forward([None], [1], np.zeros((3, 1)), p)
    with pytest.raises(ValueError, match="char_to_ix has no newline"):
        dinosaur.sample(p, {"a": 0}, 0)
    with pytest.raises(ValueError, match="sample_ix holds 7, which ix_to_char does not have"):
        dinosaur.get_sample([1, 7], {1: "a"})
    with pytest.raises(ValueError, match="vocab_size is 0, expected at least 1"):
        dinosaur.get_initial_loss(0, 7)


def test_gradients_that_do_not_fit_are_left_as_they_were(dinosaur):
    p = draw()
    gradients = draw_gradients(p)
    kept = copies(gradients)
    arrays = np.ones((5, 1)), gradients, p, np.ones((5, 1)), np.ones((4, 1)), np.ones((4, 1))
    with pytest.raises(ValueError, match="gradients has no da_next, expected dWax, dWaa"):
        dinosaur.rnn_step_backward(*arrays)
    np.testing.assert_equal(gradients, kept)


def test_what_is_not_clipped_or_updated_is_unchanged(dinosaur):
    parameters = draw()
    gradients = draw_gradients(parameters)
    kept, raw = copies(parameters), copies(gradients)
    with pytest.raises(ValueError, match="maxValue is -1, expected at least 0"):
        dinosaur.clip(gradients, -1)
    with pytest.raises(TypeError, match=r"gradients\['dby'\] is \[1\], expected an array of floats"):
        dinosaur.clip(gradients | {"dby": [1]}, 5)
    with pytest.raises(ValueError, match=r"gradients\['dby'\] has shape \(2, 1\), expected \(5, 1\)"):
        dinosaur.update_parameters(parameters, gradients | {"dby": np.zeros((2, 1))}, 1.0)
    with pytest.raises(TypeError, match=r"parameters\['by'\] is None, expected an array of floats"):
        dinosaur.update_parameters({n: v for n, v in parameters.items() if n != "by"}, gradients, 1.0)
    np.testing.assert_equal((parameters, gradients), (kept, raw))
