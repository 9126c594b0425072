"""A hundred updates in Keras: its place of epsilon, its clipping, and the schedules that have the same form there.

What Keras gave is kept in a file; with the marker `peers` Keras is asked again.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

from rnnfast import (
    SGD,
    Adam,
    AdamW,
    ExponentialDecay,
    InverseTimeDecay,
    RMSprop,
    StepDecay,
)

from .keras_updates import make
from .optimizers import run

KERAS_EPSILON = {"epsilon": 1e-2, "keras_epsilon": True}
OURS = {
    "SGD, momentum": (SGD(0.01, momentum=0.9), {}),
    "SGD, Nesterov": (SGD(0.01, momentum=0.8, nesterov=True), {}),
    "RMSprop": (RMSprop(0.01, 0.9, **KERAS_EPSILON), {}),
    "RMSprop, momentum": (RMSprop(0.01, 0.9, momentum=0.7, **KERAS_EPSILON), {}),
    "RMSprop, centered": (RMSprop(0.01, 0.8, centered=True, **KERAS_EPSILON), {}),
    "Adam": (Adam(0.01, **KERAS_EPSILON), {}),
    "AdamW": (AdamW(0.01, weight_decay=0.3, **KERAS_EPSILON), {}),
    "clipped to a norm": (SGD(0.01), {"clip_norm": 0.9, "keras_clip_norm": True}),
    "clipped by value": (SGD(0.01), {"clip_value": 0.1}),
    "inverse time": (SGD(InverseTimeDecay(0.01, 0.03)), {}),
    "exponential": (SGD(ExponentialDecay(0.01, 0.97)), {}),
    "step": (SGD(StepDecay(0.01, 15, 0.5)), {}),
}
PYTORCH_FORM = {
    "RMSprop": (RMSprop(0.01, 0.9, epsilon=1e-2), {}),
    "Adam": (Adam(0.01, epsilon=1e-2), {}),
    "clipped to a norm": (SGD(0.01), {"clip_norm": 0.9}),
}


@pytest.fixture(scope="module")
def keras():
    return json.loads(make.FILE.read_text())


def test_every_case_is_compared(keras):
    assert list(OURS) == list(make.CASES) == list(keras)


@pytest.mark.parametrize("name", OURS)
def test_a_hundred_updates(keras, isa, name):
    optimizer, options = OURS[name]
    got = run(optimizer, *make.parameters_and_gradients(), **options)
    np.testing.assert_allclose(got, keras[name], rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", PYTORCH_FORM)
def test_pytorchs_forms_are_others(keras, name):
    """So that the comparison above means something."""
    optimizer, options = PYTORCH_FORM[name]
    got = run(optimizer, *make.parameters_and_gradients(), **options)
    assert np.abs(got - keras[name]).max() > 1e-10


@pytest.mark.peers
def test_keras_still_gives_this(keras):
    if not importlib.util.find_spec("keras"):
        pytest.skip("Keras is not installed: the comparison DID NOT RUN")
    done = subprocess.run(
        [sys.executable, make.__file__], capture_output=True, text=True, timeout=300, check=True
    )
    now = json.loads(done.stdout)
    assert list(now) == list(keras)
    for name, values in now.items():
        np.testing.assert_allclose(values, keras[name], rtol=1e-12, atol=0)
