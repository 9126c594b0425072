"""A hundred updates in Keras, in float64: prints what becomes of the parameters, as JSON.

python tests/engine/keras_updates/make.py           # needs keras and jax
python tests/engine/keras_updates/make.py --write   # rewrites updates.json, which the tests compare with
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).parent / "updates.json"
STEPS = 100

# Class, its settings, and for a schedule its class and settings. (CosineDecay is left out: Keras has it in float32.)
CASES: dict[str, tuple[str, dict[str, Any], tuple[str, dict[str, Any]] | None]] = {
    "SGD, momentum": ("SGD", {"momentum": 0.9}, None),
    "SGD, Nesterov": ("SGD", {"momentum": 0.8, "nesterov": True}, None),
    "RMSprop": ("RMSprop", {"rho": 0.9, "epsilon": 1e-2}, None),
    "RMSprop, momentum": ("RMSprop", {"rho": 0.9, "epsilon": 1e-2, "momentum": 0.7}, None),
    "RMSprop, centered": ("RMSprop", {"rho": 0.8, "epsilon": 1e-2, "centered": True}, None),
    "Adam": ("Adam", {"epsilon": 1e-2}, None),
    "AdamW": ("AdamW", {"epsilon": 1e-2, "weight_decay": 0.3}, None),
    "clipped to a norm": ("SGD", {"global_clipnorm": 0.9}, None),
    "clipped by value": ("SGD", {"clipvalue": 0.1}, None),
    "inverse time": ("SGD", {}, ("InverseTimeDecay", {"decay_steps": 1, "decay_rate": 0.03})),
    "exponential": ("SGD", {}, ("ExponentialDecay", {"decay_steps": 1, "decay_rate": 0.97})),
    "step": ("SGD", {}, ("ExponentialDecay", {"decay_steps": 15, "decay_rate": 0.5, "staircase": True})),
}


def parameters_and_gradients() -> tuple[NDArray[Any], NDArray[Any]]:
    """(n,) and (STEPS, n), small gradients and large ones."""
    r = np.random.default_rng(0)
    gradients = 10.0 ** r.uniform(-3, 1, (STEPS, 7)) * r.choice([-1, 1], (STEPS, 7))
    return r.normal(2, 0.5, 7), gradients


def results() -> dict[str, list[float]]:
    """Of every case: the parameters after all steps."""
    os.environ |= {"KERAS_BACKEND": "jax", "JAX_ENABLE_X64": "1"}
    import keras

    keras.config.set_floatx("float64")
    p, gradients = parameters_and_gradients()
    after = {}
    for name, (kind, settings, schedule) in CASES.items():
        rate = 0.01
        if schedule:
            rate = getattr(keras.optimizers.schedules, schedule[0])(0.01, **schedule[1])
        optimizer = getattr(keras.optimizers, kind)(rate, **settings)
        variable = keras.Variable(p, dtype="float64")
        optimizer.build([variable])
        for g in gradients:
            optimizer.apply([keras.ops.convert_to_tensor(g, dtype="float64")])
        after[name] = np.asarray(variable).tolist()
    return after


if __name__ == "__main__":
    text = json.dumps(results(), indent=1) + "\n"
    if "--write" in sys.argv:
        FILE.write_text(text)
    else:
        print(text, end="")
