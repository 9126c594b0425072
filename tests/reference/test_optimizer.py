from __future__ import annotations

import math

import numpy as np
import pytest

from rnnfast.reference.optimizer import (
    SGD,
    Adam,
    AdamW,
    RMSprop,
    State,
    clip_by_norm,
    clip_by_value,
    global_norm,
)


def make(seed=0, steps=12):
    """Parameters, and a gradient for each of several steps, with sizes from 1e-9 to 1e3."""
    r = np.random.default_rng(seed)
    shapes = {"a": (3, 2), "b": (4,)}
    draw = lambda: {k: r.normal(size=s) * 10.0 ** r.integers(-9, 4, s) for k, s in shapes.items()}  # noqa: E731
    return draw(), [draw() for _ in range(steps)]


def scalar_adam(p, gradients, lr, beta1, beta2, epsilon, keras, decay):
    """The paper's algorithm, one number at a time."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        rate = lr / (1 + decay * (t - 1))
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        if keras:
            p -= rate * math.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (math.sqrt(v) + epsilon)
        else:
            m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
            p -= rate * m_hat / (math.sqrt(v_hat) + epsilon)
    return p


def run(optimizer, parameters, gradients, state=None):
    for g in gradients:
        parameters, state = optimizer.update(parameters, g, state)
    return parameters, state


@pytest.mark.parametrize("keras", [False, True])
@pytest.mark.parametrize("settings", [(0.001, 0.9, 0.999, 1e-8, 0.0), (0.05, 0.5, 0.8, 1e-3, 0.1)], ids=str)
def test_adam_is_the_papers_algorithm(settings, keras):
    lr, beta1, beta2, epsilon, slower = settings
    parameters, gradients = make()
    optimizer = Adam(lr, beta1, beta2, epsilon, keras_epsilon=keras, decay=slower)
    got, state = run(optimizer, parameters, gradients)
    assert state.steps == len(gradients)
    for name, p in parameters.items():
        for index in np.ndindex(*p.shape):
            history = [float(g[name][index]) for g in gradients]
            expected = scalar_adam(float(p[index]), history, lr, beta1, beta2, epsilon, keras, slower)
            assert got[name][index] == pytest.approx(expected, rel=1e-12)


def test_where_epsilon_stands_matters():
    parameters, gradients = {"p": np.zeros(1)}, {"p": np.array([1e-8])}
    pytorch, _ = Adam(1.0).update(parameters, gradients)
    keras, _ = Adam(1.0, keras_epsilon=True).update(parameters, gradients)
    assert pytorch["p"][0] == pytest.approx(-0.5)
    assert keras["p"][0] == pytest.approx(-1 / (1 + 1 / math.sqrt(0.001)), rel=1e-6)


def test_sgd_with_decay():
    parameters, gradients = make(steps=3)
    got, _ = run(SGD(0.5, decay=0.25), parameters, gradients)
    for name, p in parameters.items():
        expected = p - 0.5 * gradients[0][name] - 0.4 * gradients[1][name] - 0.5 / 1.5 * gradients[2][name]
        np.testing.assert_allclose(got[name], expected, rtol=1e-12)


def test_momentum_is_a_sum_that_fades():
    """Of a constant gradient 1: 1, 1.5, 1.75; Nesterov's looks half of it further."""
    parameters, gradients = {"p": np.zeros(1)}, [{"p": np.ones(1)}] * 3
    plain, state = run(SGD(0.1, momentum=0.5), parameters, gradients)
    assert state.momentum["p"][0] == 1.75
    assert plain["p"][0] == pytest.approx(-0.1 * (1 + 1.5 + 1.75), rel=1e-15)
    ahead, _ = run(SGD(0.1, momentum=0.5, nesterov=True), parameters, gradients)
    assert ahead["p"][0] == pytest.approx(-0.1 * (1.5 + 1.75 + 1.875), rel=1e-15)


@pytest.mark.parametrize("keras", [False, True])
@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_rmsprop_one_number_at_a_time(keras, centered, momentum):
    parameters, gradients = make()
    optimizer = RMSprop(0.02, 0.9, 1e-3, keras, 0.1, momentum, centered, 0.01)
    got, _ = run(optimizer, parameters, gradients)
    for name in parameters:
        for index in np.ndindex(*parameters[name].shape):
            p, v, m, b = float(parameters[name][index]), 0.0, 0.0, 0.0
            for t, gradient in enumerate(gradients):
                g = float(gradient[name][index]) + 0.01 * p
                v, m = 0.9 * v + 0.1 * g * g, 0.9 * m + 0.1 * g
                variance = v - m * m if centered else v
                u = g / math.sqrt(variance + 1e-3) if keras else g / (math.sqrt(variance) + 1e-3)
                b = momentum * b + u
                p -= 0.02 / (1 + 0.1 * t) * b
            assert got[name][index] == pytest.approx(p, rel=1e-12)


def test_weight_decay_in_the_gradient_and_beside_it():
    """Adam's is divided away with the gradient: only the decoupled one depends on the parameter's size."""
    parameters, still = {"p": np.array([1.0, 100.0])}, {"p": np.zeros(2)}
    coupled, _ = Adam(0.1, weight_decay=0.5).update(parameters, still)
    np.testing.assert_allclose(coupled["p"], [0.9, 99.9])
    decoupled, _ = AdamW(0.1, weight_decay=0.5).update(parameters, still)
    np.testing.assert_allclose(decoupled["p"], [0.95, 95])
    plain, _ = SGD(0.1, weight_decay=0.5).update(parameters, still)
    np.testing.assert_allclose(plain["p"], [0.95, 95])


EVERY = [
    Adam(0.01, decay=0.1),
    SGD(0.01, decay=0.1),
    SGD(lambda t: 0.1 * 0.9**t, momentum=0.9),
    RMSprop(0.01, momentum=0.5, centered=True),
    AdamW(lambda t: 0.01 / (t + 1)),
]


@pytest.mark.parametrize("optimizer", EVERY, ids=lambda optimizer: type(optimizer).__name__)
def test_a_run_in_two_parts_is_one_run_to_the_bit_and_changes_no_input(optimizer):
    parameters, gradients = make()
    kept = {name: p.copy() for name, p in parameters.items()}
    whole, _ = run(optimizer, parameters, gradients)
    middle, state = run(optimizer, parameters, gradients[:5])
    end, _ = run(optimizer, middle, gradients[5:], state)
    for name, p in kept.items():
        np.testing.assert_array_equal(end[name], whole[name])
        np.testing.assert_array_equal(parameters[name], p)


def test_clipping():
    gradients = {"a": np.array([3.0, -0.1]), "b": np.array([[-4.0]])}
    by_value = clip_by_value(gradients, 2.0)
    assert by_value["a"].tolist() == [2, -0.1]
    assert by_value["b"].tolist() == [[-2]]
    norm = math.sqrt(25.01)
    assert global_norm(gradients) == pytest.approx(norm, rel=1e-15)
    clipped, before = clip_by_norm(gradients, 0.5)
    assert before == pytest.approx(norm, rel=1e-15)
    np.testing.assert_allclose(clipped["a"], gradients["a"] * (0.5 / (norm + 1e-6)), rtol=1e-14)
    as_keras, _ = clip_by_norm(gradients, 0.5, keras=True)
    assert global_norm(as_keras) == pytest.approx(0.5, rel=1e-15)
    nothing, _ = clip_by_norm({"a": np.zeros(2)}, 0.5, keras=True)
    assert not nothing["a"].any()
    unclipped, _ = clip_by_norm(gradients, 5.1)
    np.testing.assert_array_equal(unclipped["b"], gradients["b"])


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: Adam(learning_rate=0.0), "learning_rate is 0.0, expected a finite number, more than 0"),
        (lambda: Adam(learning_rate=math.nan), "learning_rate is nan"),
        (lambda: Adam(beta1=1.0), "beta1 is 1.0, expected a finite number, at least 0 and less than 1"),
        (lambda: Adam(beta2=-0.1), "beta2 is -0.1"),
        (lambda: Adam(epsilon=0.0), "epsilon is 0.0"),
        (lambda: SGD(0.1, decay=-1.0), "decay is -1.0"),
        (lambda: SGD(math.inf), "learning_rate is inf"),
        (
            lambda: SGD(0.1, momentum=1.0),
            "momentum is 1.0, expected a finite number, at least 0 and less than 1",
        ),
        (lambda: RMSprop(alpha=-0.1), "alpha is -0.1"),
        (lambda: RMSprop(epsilon=0.0), "epsilon is 0.0"),
        (lambda: AdamW(weight_decay=-1.0), "weight_decay is -1.0"),
        (lambda: clip_by_norm({}, 0.0), "clip_norm is 0.0"),
        (lambda: clip_by_value({}, -1.0), "clip_value is -1.0"),
        (
            lambda: SGD(0.1).update({"p": np.zeros(2)}, {"p": np.zeros(3)}),
            r"gradients\['p'\] has shape \(3,\)",
        ),
        (lambda: SGD(0.1).update({"p": np.zeros(2)}, {}), r"gradients has names \[\], expected \['p'\]"),
    ],
)
def test_bad_arguments_are_refused(make_it, message):
    with pytest.raises(ValueError, match=message):
        make_it()


def test_sgd_remembers_only_the_steps():
    _, state = run(SGD(0.1), *make(steps=4))
    assert state == State(4)


TORCH = {
    "Adam": (Adam(0.05), {}),
    "Adam with decay": (Adam(0.05, weight_decay=0.1), {"weight_decay": 0.1}),
    "AdamW": (AdamW(0.05, weight_decay=0.1), {"weight_decay": 0.1}),
    "SGD": (SGD(0.05), {}),
    "SGD with momentum": (SGD(0.05, 0, 0.9, False, 0.1), {"momentum": 0.9, "weight_decay": 0.1}),
    "SGD by Nesterov": (SGD(0.05, 0, 0.9, True), {"momentum": 0.9, "nesterov": True}),
    "RMSprop": (RMSprop(0.05), {}),
    "RMSprop with all": (
        RMSprop(0.05, 0.8, momentum=0.5, centered=True, weight_decay=0.1),
        {"alpha": 0.8, "momentum": 0.5, "centered": True, "weight_decay": 0.1},
    ),
}


@pytest.mark.torch
@pytest.mark.parametrize(("optimizer", "options"), TORCH.values(), ids=TORCH)
def test_updates_and_clipping_equal_pytorch(optimizer, options):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the comparison DID NOT RUN")
    parameters, gradients = make(steps=8)
    theirs = {k: torch.nn.Parameter(torch.tensor(p)) for k, p in parameters.items()}
    peer = getattr(torch.optim, type(optimizer).__name__)(theirs.values(), lr=0.05, **options)
    state = None
    for g in gradients:
        for k, p in theirs.items():
            p.grad = torch.tensor(g[k])
        peer_norm = torch.nn.utils.clip_grad_norm_(theirs.values(), 2.0)
        peer.step()
        clipped, norm = clip_by_norm(g, 2.0)
        parameters, state = optimizer.update(parameters, clipped, state)
        assert norm == pytest.approx(float(peer_norm), rel=1e-12)
    for k, p in parameters.items():
        np.testing.assert_allclose(p, theirs[k].detach().numpy(), rtol=1e-10, atol=1e-14)
