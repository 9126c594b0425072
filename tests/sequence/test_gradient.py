"""The whole net's gradient, by differences: every parameter, ragged, both outputs, dropout too."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import SequenceClassifier, SequenceRegressor
from rnnfast.sequence.fitting import compute

LENGTHS = np.array([3, 0, 5])
OPTIONS = {"dtype": "float64", "num_layers": 2, "bidirectional": True, "seed": 5}


def rough(model):
    r = np.random.default_rng(0)
    model.set_parameters({name: p + 0.3 * r.normal(size=p.shape) for name, p in model.parameters.items()})
    return model


def classifier(output, **options):
    model = rough(SequenceClassifier(3, 3, vocab_size=4, output=output, **OPTIONS, **options))
    y = [0, 2, -1] if output == "last" else [[0, 1, -1], [], [2, 2, 0, -1, 1]]
    return model, [np.array([0, -1, 3]), np.array([], int), np.array([1, 2, 0, 0, 3])], y


def regressor(output, **options):
    model = rough(SequenceRegressor(2, 3, input_size=4, output=output, **OPTIONS, **options))
    r = np.random.default_rng(1)
    y = r.normal(size=(3, 2)) if output == "last" else [r.normal(size=(n, 2)) for n in LENGTHS]
    return model, [r.normal(size=(n, 4)) for n in LENGTHS], y


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("output", ["last", "all"])
@pytest.mark.parametrize(
    ("make", "options"),
    [
        (classifier, {"cell": "lstm"}),
        (classifier, {"cell": "gru", "embedding_size": 3}),
        (regressor, {"cell": "rnn"}),
        (regressor, {"cell": "gru", "reset_after": False}),
    ],
    ids=["lstm one-hot", "gru embedding", "rnn numbers", "gru numbers"],
)
def test_every_gradient_equals_the_differences(make, options, output, dropout):
    model, X, y = make(output, dropout=dropout, **options)
    data, targets = model._pair(X, y, None)

    def mean_loss():
        sums, gradients = compute(model, data, targets, np.arange(3), None)
        return sums[0] / sums[1], gradients

    _, gradients = mean_loss()
    for name, p in model.parameters.items():
        layer, _, key = name.partition(".")
        got = gradients[layer].parameters[key]
        expected, values = np.zeros_like(p), p.copy()
        for at in np.ndindex(p.shape):
            for step in (1e-5, -1e-5):
                moved = values.copy()
                moved[at] += step
                model.set_parameters({name: moved})
                expected[at] += mean_loss()[0] / (2 * step)
        model.set_parameters({name: values})
        assert np.abs(expected).max() > 1e-6, f"{name}: a gradient of zero proves nothing"
        np.testing.assert_allclose(
            got, expected, rtol=0, atol=2e-8 * max(1, np.abs(expected).max()), err_msg=name
        )
