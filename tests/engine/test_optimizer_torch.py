"""A hundred updates in PyTorch: every optimiser, schedule and clipping that have the same form there. Needs torch."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import (
    SGD,
    Adam,
    AdamW,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    LinearWarmup,
    RMSprop,
    StepDecay,
)

pytestmark = pytest.mark.torch

STEPS = 100
SHAPES = {"W": (5, 7), "b": (9,), "scalar": ()}
OPTIMIZERS = {
    "SGD": (SGD(0.01), {}),
    "SGD with decay": (SGD(0.01, weight_decay=0.1), {"weight_decay": 0.1}),
    "SGD with momentum": (SGD(0.01, momentum=0.9), {"momentum": 0.9}),
    "SGD by Nesterov": (
        SGD(0.01, momentum=0.8, nesterov=True, weight_decay=0.1),
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
    ),
    "RMSprop": (RMSprop(0.01), {}),
    "RMSprop with momentum": (
        RMSprop(0.01, 0.9, 1e-3, momentum=0.7, weight_decay=0.1),
        {"alpha": 0.9, "eps": 1e-3, "momentum": 0.7, "weight_decay": 0.1},
    ),
    "RMSprop centered": (RMSprop(0.01, 0.9, centered=True), {"alpha": 0.9, "centered": True}),
    "Adam": (Adam(0.01), {}),
    "Adam with decay": (
        Adam(0.01, 0.8, 0.95, 1e-3, weight_decay=0.1),
        {"betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1},
    ),
    "AdamW": (AdamW(0.01), {}),
    "AdamW with more decay": (AdamW(0.01, weight_decay=0.5), {"weight_decay": 0.5}),
}
SCHEDULES = {
    "inverse time": (
        InverseTimeDecay(0.01, 0.02),
        lambda lr, peer: lr.LambdaLR(peer, lambda step: 1 / (1 + 0.02 * step)),
    ),
    "exponential": (ExponentialDecay(0.01, 0.97), lambda lr, peer: lr.ExponentialLR(peer, 0.97)),
    "step": (StepDecay(0.01, 15, 0.5), lambda lr, peer: lr.StepLR(peer, 15, 0.5)),
    "cosine": (CosineDecay(0.01, STEPS, 0.001), lambda lr, peer: lr.CosineAnnealingLR(peer, STEPS, 0.001)),
    "warmup": (LinearWarmup(0.01, 20, 0.0025), lambda lr, peer: lr.LinearLR(peer, 0.25, total_iters=20)),
    "warmup, cosine": (
        LinearWarmup(CosineDecay(0.01, 80, 0.001), 20, 0.0025),
        lambda lr, peer: lr.SequentialLR(
            peer,
            [lr.LinearLR(peer, 0.25, total_iters=20), lr.CosineAnnealingLR(peer, 80, 0.001)],
            milestones=[20],
        ),
    ),
}


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def assert_same_updates(torch, optimizer, options, schedule=None, clip_value=None, clip_norm=None):
    """Every parameter to 1e-12 of itself, after every step."""
    r = np.random.default_rng(0)
    parameters = {name: r.normal(2, 0.5, shape) for name, shape in SHAPES.items()}
    theirs = {name: torch.nn.Parameter(torch.tensor(p)) for name, p in parameters.items()}
    peer = getattr(torch.optim, type(optimizer).__name__)(theirs.values(), lr=0.01, **options)
    scheduler = schedule and schedule(torch.optim.lr_scheduler, peer)
    state = optimizer.initial_state(parameters)
    for _ in range(STEPS):
        gradients = {
            name: 10.0 ** r.uniform(-3, 1, shape) * r.choice([-1, 1], shape) for name, shape in SHAPES.items()
        }
        for name, p in theirs.items():
            p.grad = torch.tensor(gradients[name])
        norm = torch.nn.utils.get_total_norm([p.grad for p in theirs.values()])
        if clip_value:
            torch.nn.utils.clip_grad_value_(theirs.values(), clip_value)
        if clip_norm:
            torch.nn.utils.clip_grad_norm_(theirs.values(), clip_norm)
        peer.step()
        if scheduler:
            scheduler.step()
        got = optimizer.step(parameters, gradients, state, clip_value=clip_value, clip_norm=clip_norm)
        assert got == pytest.approx(float(norm), rel=1e-12)
        for name, p in parameters.items():
            np.testing.assert_allclose(p, theirs[name].detach().numpy(), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("optimizer", "options"), OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_every_optimizer(torch, isa, optimizer, options):
    assert_same_updates(torch, optimizer, options)


@pytest.mark.parametrize("kind", [SGD, AdamW])
@pytest.mark.parametrize(("rate", "schedule"), SCHEDULES.values(), ids=SCHEDULES)
def test_every_schedule(torch, kind, rate, schedule):
    decay = {"weight_decay": 0.1}
    assert_same_updates(torch, kind(rate, **decay), decay, schedule)


@pytest.mark.parametrize("clip_value", [None, 0.5])
@pytest.mark.parametrize("clip_norm", [None, 0.7, 1e9])
def test_clipping(torch, isa, clip_value, clip_norm):
    momentum = {"momentum": 0.9}
    assert_same_updates(torch, SGD(0.01, **momentum), momentum, clip_value=clip_value, clip_norm=clip_norm)
