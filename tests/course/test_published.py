"""The numbers that the exercises publish beside their own test inputs, of `course` and of its NumPy twin alike.

Inputs are drawn from the legacy generator in the exercises' order: Waa before Wax for the forward functions and Wax
before Waa for the backward ones; an LSTM's gates f, i, o, c, each gate's weights before its bias. Older tables for
`rnn_cell_backward` and `lstm_backward` contradict finite differences (one carries nothing back from step to step);
these are the mended ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnfast import course, reference

N_X, M, N_A, N_Y = 3, 10, 5, 2


@pytest.fixture(params=[reference, course], ids=["reference", "course"])
def exercises(request: pytest.FixtureRequest) -> Any:
    return request.param


def rnn_parameters(randn, first, second):
    shapes = {"Waa": (N_A, N_A), "Wax": (N_A, N_X)}
    p = {name: randn(*shapes[name]) for name in (first, second)}
    return p | {"Wya": randn(N_Y, N_A), "ba": randn(N_A, 1), "by": randn(N_Y, 1)}


def lstm_gates(randn):
    p = {}
    for gate in "fioc":
        p |= {f"W{gate}": randn(N_A, N_A + N_X), f"b{gate}": randn(N_A, 1)}
    return p


def assert_published(values, published):
    """Numbers are printed with 12 digits, arrays with 8 behind the point."""
    for name, expected in published.items():
        tolerance = (
            {"rtol": 0, "atol": 6e-9} if isinstance(expected, list) else {"rtol": 1e-11, "atol": 6e-13}
        )
        np.testing.assert_allclose(values(name), expected, **tolerance, err_msg=name)


def at(arrays, name):
    """`dWf[3][1]` of arrays by name."""
    name, *indices = name.replace("]", "").split("[")
    value = arrays[name]
    for index in indices:
        value = value[int(index)]
    return value


def test_rnn_cell_forward(exercises):
    randn = np.random.RandomState(1).randn
    xt, a_prev = randn(N_X, M), randn(N_A, M)
    a_next, yt, _ = exercises.steps.rnn_cell_forward(xt, a_prev, rnn_parameters(randn, "Waa", "Wax"))
    published = {
        "a_next[4]": [0.59584544, 0.18141802, 0.61311866, 0.99808218, 0.85016201,
                      0.99980978, -0.18887155, 0.99815551, 0.6531151, 0.82872037],
        "yt[1]": [0.9888161, 0.01682021, 0.21140899, 0.36817467, 0.98988387,
                  0.88945212, 0.36920224, 0.9966312, 0.9982559, 0.17746526],
    }  # fmt: skip
    assert_published(lambda name: at({"a_next": a_next, "yt": yt}, name), published)


def test_rnn_forward(exercises):
    randn = np.random.RandomState(1).randn
    x, a0 = randn(N_X, M, 4), randn(N_A, M)
    a, y, caches = exercises.steps.rnn_forward(x, a0, rnn_parameters(randn, "Waa", "Wax"))
    published = {
        "a[4][1]": [-0.99999375, 0.77911235, -0.99861469, -0.99833267],
        "y[1][3]": [0.79560373, 0.86224861, 0.11118257, 0.81515947],
        "x[1][3]": [-1.1425182, -0.34934272, -0.20889423, 0.58662319],
    }
    assert_published(lambda name: at({"a": a, "y": y, "x": caches[1]}, name), published)
    assert len(caches) == 2


def test_rnn_cell_backward(exercises):
    randn = np.random.RandomState(1).randn
    xt, a_prev = randn(N_X, M), randn(N_A, M)
    *_, cache = exercises.steps.rnn_cell_forward(xt, a_prev, rnn_parameters(randn, "Wax", "Waa"))
    gradients = exercises.steps.rnn_cell_backward(randn(N_A, M), cache)
    published = {
        "dxt[1][2]": -1.3872130506,
        "da_prev[2][3]": -0.152399493774,
        "dWax[3][1]": 0.410772824935,
        "dWaa[1][2]": 1.15034506685,
        "dba[4]": [0.20023491],
    }
    assert_published(lambda name: at(gradients, name), published)


def test_rnn_backward(exercises):
    randn = np.random.RandomState(1).randn
    x, a0 = randn(N_X, M, 4), randn(N_A, M)
    *_, caches = exercises.steps.rnn_forward(x, a0, rnn_parameters(randn, "Wax", "Waa"))
    gradients = exercises.steps.rnn_backward(randn(N_A, M, 4), caches)
    published = {
        "dx[1][2]": [-2.07101689, -0.59255627, 0.02466855, 0.01483317],
        "da0[2][3]": -0.314942375127,
        "dWax[3][1]": 11.2641044965,
        "dWaa[1][2]": 2.30333312658,
        "dba[4]": [-0.74747722],
    }
    assert_published(lambda name: at(gradients, name), published)


def test_lstm_cell_forward(exercises):
    randn = np.random.RandomState(1).randn
    xt, a_prev, c_prev = randn(N_X, M), randn(N_A, M), randn(N_A, M)
    parameters = lstm_gates(randn) | {"Wy": randn(N_Y, N_A), "by": randn(N_Y, 1)}
    a_next, c_next, yt, cache = exercises.steps.lstm_cell_forward(xt, a_prev, c_prev, parameters)
    published = {
        "a_next[4]": [-0.66408471, 0.0036921, 0.02088357, 0.22834167, -0.85575339,
                      0.00138482, 0.76566531, 0.34631421, -0.00215674, 0.43827275],
        "c_next[2]": [0.63267805, 1.00570849, 0.35504474, 0.20690913, -1.64566718,
                      0.11832942, 0.76449811, -0.0981561, -0.74348425, -0.26810932],
        "yt[1]": [0.79913913, 0.15986619, 0.22412122, 0.15606108, 0.97057211,
                  0.31146381, 0.00943007, 0.12666353, 0.39380172, 0.07828381],
        "cache[1][3]": [-0.16263996, 1.03729328, 0.72938082, -0.54101719, 0.02752074,
                        -0.30821874, 0.07651101, -1.03752894, 1.41219977, -0.37647422],
    }  # fmt: skip
    values = {"a_next": a_next, "c_next": c_next, "yt": yt, "cache": cache}
    assert_published(lambda name: at(values, name), published)
    assert len(cache) == 10


def test_lstm_forward(exercises):
    randn = np.random.RandomState(1).randn
    x, a0 = randn(N_X, M, 7), randn(N_A, M)
    parameters = lstm_gates(randn) | {"Wy": randn(N_Y, N_A), "by": randn(N_Y, 1)}
    a, y, c, caches = exercises.steps.lstm_forward(x, a0, parameters)
    published = {
        "a[4][3][6]": 0.172117767533,
        "y[1][4][3]": 0.95087346185,
        "c[1][2][1]": -0.855544916718,
        "x[1][1]": [0.82797464, 0.23009474, 0.76201118, -0.22232814, -0.20075807, 0.18656139, 0.41005165],
    }
    assert_published(lambda name: at({"a": a, "y": y, "c": c, "x": caches[1]}, name), published)
    assert len(caches) == 2


def test_lstm_cell_backward(exercises):
    randn = np.random.RandomState(1).randn
    xt, a_prev, c_prev = randn(N_X, M), randn(N_A, M), randn(N_A, M)
    parameters = lstm_gates(randn) | {"Wy": randn(N_Y, N_A), "by": randn(N_Y, 1)}
    *_, cache = exercises.steps.lstm_cell_forward(xt, a_prev, c_prev, parameters)
    da_next, dc_next = randn(N_A, M), randn(N_A, M)
    gradients = exercises.steps.lstm_cell_backward(da_next, dc_next, cache)
    published = {
        "dxt[1][2]": 3.23055911511,
        "da_prev[2][3]": -0.0639621419711,
        "dc_prev[2][3]": 0.797522038797,
        "dWf[3][1]": -0.147954838164,
        "dWi[1][2]": 1.05749805523,
        "dWc[3][1]": 2.30456216369,
        "dWo[1][2]": 0.331311595289,
        "dbf[4]": [0.18864637],
        "dbi[4]": [-0.40142491],
        "dbc[4]": [0.25587763],
        "dbo[4]": [0.13893342],
    }
    assert_published(lambda name: at(gradients, name), published)


def test_lstm_backward(exercises):
    """x has 7 steps, da 4; Wy and by are zeros and not drawn."""
    randn = np.random.RandomState(1).randn
    x, a0 = randn(N_X, M, 7), randn(N_A, M)
    parameters = lstm_gates(randn) | {"Wy": np.zeros((N_Y, N_A)), "by": np.zeros((N_Y, 1))}
    *_, caches = exercises.steps.lstm_forward(x, a0, parameters)
    gradients = exercises.steps.lstm_backward(randn(N_A, M, 4), caches)
    published = {
        "dx[1][2]": [0.00218254, 0.28205375, -0.48292508, -0.43281115],
        "da0[2][3]": 0.312770310257,
        "dWf[3][1]": -0.0809802310938,
        "dWi[1][2]": 0.40512433093,
        "dWc[3][1]": -0.0793746735512,
        "dWo[1][2]": 0.038948775763,
        "dbf[4]": [-0.15745657],
        "dbi[4]": [-0.50848333],
        "dbc[4]": [-0.42510818],
        "dbo[4]": [-0.17958196],
    }
    assert_published(lambda name: at(gradients, name), published)
    assert gradients["dx"].shape == (N_X, M, 4)


def test_clip(exercises):
    randn = np.random.RandomState(3).randn
    shapes = {"dWax": (5, 3), "dWaa": (5, 5), "dWya": (2, 5), "db": (5, 1), "dby": (2, 1)}
    gradients = exercises.dinosaur.clip({name: randn(*shape) * 10 for name, shape in shapes.items()}, 10)
    published = {
        "dWaa[1][2]": 10.0,
        "dWax[3][1]": -10.0,
        "dWya[1][2]": 0.29713815361,
        "db[4]": [10.0],
        "dby[1]": [8.45833407],
    }
    assert_published(lambda name: at(gradients, name), published)


def dinosaur_parameters(randn, n_a=100, n=27):
    shapes = {"Wax": (n_a, n), "Waa": (n_a, n_a), "Wya": (n, n_a), "b": (n_a, 1), "by": (n, 1)}
    return {name: randn(*shape) for name, shape in shapes.items()}


def test_sample(exercises):
    """40 letters: units that are so strongly coupled magnify rounding until the published lists differ, too."""
    parameters = dinosaur_parameters(np.random.RandomState(2).randn)
    published = [12, 17, 24, 14, 13, 9, 10, 22, 24, 6, 13, 11, 12, 6, 21, 15, 21, 14, 3, 2,
                 1, 21, 18, 24, 7, 25, 6, 25, 18, 10, 16, 2, 3, 8, 15, 12, 11, 7, 1, 12]  # fmt: skip
    assert exercises.dinosaur.sample(parameters, {"\n": 0}, 0)[:40] == published


def test_sample_of_a_version_that_draws_a_state_first(exercises):
    randn = np.random.RandomState(2).randn
    randn(100, 1)
    assert exercises.dinosaur.sample(dinosaur_parameters(randn), {"\n": 0}, 0) == [18, 2, 26, 0]


def test_optimize(exercises):
    randn = np.random.RandomState(1).randn
    a_prev = randn(100, 1)
    X, Y = [12, 3, 5, 11, 22, 3], [4, 14, 11, 22, 25, 26]
    loss, gradients, a_last = exercises.dinosaur.optimize(X, Y, a_prev, dinosaur_parameters(randn), 0.01)
    published = {
        "loss": 126.503975722,
        "dWaa[1][2]": 0.194709315347,
        "dWya[1][2]": -0.007773876032,
        "db[4]": [-0.06809825],
        "dby[1]": [0.01538192],
        "a_last[4]": [-1.0],
    }
    values = gradients | {"loss": np.array(loss), "a_last": a_last}
    assert_published(lambda name: at(values, name), published)
    assert np.argmax(gradients["dWax"]) == 93
