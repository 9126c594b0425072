"""Language models of every cell, with an embedding, tied weights and dropout: against the specification."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from rnnfast import SGD, Adam, LanguageModel, State, reference

from .cases import assert_near, assert_same_bits, assert_same_parameters, roughen, samples, snapshot
from .conftest import FMA_ISAS

V, H = 5, 9
KINDS = {
    "rnn": {"cell": "rnn"},
    "rnn-relu, embedding": {"cell": "rnn", "nonlinearity": "relu", "embedding_size": 4},
    "gru": {"cell": "gru"},
    "gru-before, embedding": {"cell": "gru", "reset_after": False, "embedding_size": 17},
    "gru, tied": {"cell": "gru", "embedding_size": H, "tie_weights": True},
    "lstm, embedding": {"cell": "lstm", "embedding_size": 6},
    "lstm, tied": {"cell": "lstm", "embedding_size": H, "tie_weights": True},
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
DROPOUT = pytest.mark.parametrize("dropout", [0.0, 0.3], ids=["", "dropout"])
CELL = {"rnn": "rnn_tanh", "rnn-relu": "rnn_relu", "gru": "gru", "gru-before": "gru", "lstm": "lstm"}


def make(kind, dtype="float64", *, layers=2, seed=5, **options):
    return roughen(
        LanguageModel(V, H, num_layers=layers, dtype=dtype, seed=seed, **KINDS[kind], **options), scale=0.3
    )


def cell_of(kind):
    return CELL[kind.partition(",")[0]]


def specification(model):
    return {name: value.astype(np.float64) for name, value in model.parameters.items()}


def reference_state(state):
    return reference.stack.State(state.h, state.c)


@EVERY_KIND
def test_initial_weights_equal_the_specifications(dtype, kind):
    options = {k: v for k, v in KINDS[kind].items() if k != "nonlinearity"} | {"cell": cell_of(kind)}
    expected = reference.initialise.parameters(V, H, 2, 3, **options)
    model = LanguageModel(V, H, num_layers=2, dtype=dtype, seed=3, **KINDS[kind])
    assert list(model.parameters) == list(expected)
    for name, value in model.parameters.items():
        assert_same_bits(value, expected[name].astype(dtype))


FITS = {
    "whole": {"batch_size": 4},
    "sequence": {"batch_size": 3, "reduction": "sequence", "clip_norm": 0.3},
    "truncated": {"batch_size": 4, "truncate": 3},
    "stateful": {"batch_size": 4, "truncate": 2, "stateful": True},
}


@EVERY_KIND
@DROPOUT
@pytest.mark.parametrize("options", FITS)
def test_fit_equals_the_specification(isa, kind, dropout, options):
    """Over 20 steps or more."""
    X, Y = samples(N=7, T=6)
    Y[:, 5] = -1
    model = make(kind, dropout=dropout)
    before = specification(model)
    options = FITS[options]
    epochs = 10 if options["batch_size"] == 4 else 7
    history = model.fit(X, Y, epochs=epochs, optimizer=SGD(0.2), **options)
    expected = reference.model.fit(
        before, X, Y, epochs=epochs, optimizer=reference.optimizer.SGD(0.2), seed=5, cell=cell_of(kind),
        dropout=dropout, **options,
    )  # fmt: skip
    for name, value in model.parameters.items():
        assert_near(value, expected.parameters[name], 1e-11)
    losses = history.sequence_loss if "reduction" in options else history.loss
    assert losses == pytest.approx(expected.losses, rel=1e-11)
    assert history.steps == expected.optimizer_state.steps >= 20


@EVERY_KIND
def test_adam_equals_the_specification(kind):
    X, Y = samples(N=7, T=6)
    model = make(kind, dropout=0.2)
    before = specification(model)
    model.fit(X, Y, epochs=10, batch_size=4, optimizer=Adam(0.01))
    expected = reference.model.fit(
        before, X, Y, epochs=10, batch_size=4, optimizer=reference.optimizer.Adam(0.01), seed=5,
        cell=cell_of(kind), dropout=0.2,
    )  # fmt: skip
    for name, value in model.parameters.items():
        assert_near(value, expected.parameters[name], 1e-9)  # sqrt(v) doubles errors where v is small


@EVERY_KIND
def test_bits_are_equal_across_instruction_sets_and_threads(run_on, dtype, kind):
    X, Y = samples(N=19, T=6)

    def train(num_threads=1):
        model = make(kind, dtype, dropout=0.25)
        history = model.fit(X, Y, epochs=3, truncate=4, stateful=True, num_threads=num_threads)
        return snapshot(model), history.loss, model.generate(9, num_streams=3, seed=1).tolist()

    first, *others = (run_on(isa, train) for isa in FMA_ISAS)
    for other in [*others, train(2)]:
        assert_same_parameters(other[0], first[0])
        assert other[1:] == first[1:]


@EVERY_KIND
@DROPOUT
def test_evaluate_predict_step_and_generate_equal_the_specification(isa, kind, dropout):
    """Dropout is off in all of them."""
    X, Y = samples(N=4, T=7)
    model, cell = make(kind, dropout=dropout), cell_of(kind)
    p = specification(model)
    assert model.evaluate(X, Y) == pytest.approx(reference.model.evaluate(p, X, Y, cell), rel=1e-12)

    probabilities, state = model.predict(X)
    expected, expected_state = reference.model.predict(p, X, cell=cell)
    assert_near(probabilities, expected, 1e-12)
    assert_near(state.h, expected_state.h, 1e-12)
    assert (state.c is None) == (expected_state.c is None)

    now = None
    for t in range(7):
        one, now = model.step(X[:, t], now)
        assert_same_bits(one, np.ascontiguousarray(probabilities[:, t]))
    assert_same_bits(now.h, state.h)

    drawn = model.generate(12, prompt=[0, 3], num_streams=2, seed=8, temperature=0.9, state=None)
    told = reference.model.generate(p, 12, prompt=[0, 3], num_streams=2, seed=8, temperature=0.9, cell=cell)
    assert drawn.tolist() == told.tokens.tolist()


@EVERY_KIND
def test_generate_goes_on_from_a_state(dtype, kind):
    """The greedy loop by hand, with steps."""
    model = make(kind, dtype)
    _, state = model.predict([[0, 2, 1]])
    tokens = model.generate(6, prompt=[3], greedy=True, state=state)[0]
    token = 3
    for want in tokens:
        probabilities, state = model.step([token], state)
        token = int(probabilities[0].argmax())
        assert token == want


@EVERY_KIND
@pytest.mark.parametrize("optimizer", [Adam(0.01, decay=0.01), SGD(0.1)], ids=str)
def test_a_loaded_model_goes_on_where_the_saved_one_stopped(tmp_path, dtype, kind, optimizer):
    X, Y = samples()
    options = {"batch_size": 3, "optimizer": optimizer, "truncate": 4, "stateful": True}
    once, twice = (make(kind, dtype, dropout=0.2) for _ in range(2))
    whole = once.fit(X, Y, epochs=100, **options)
    first = twice.fit(X, Y, epochs=50, **options)
    twice.save(tmp_path / "model.safetensors")
    loaded = LanguageModel.load(tmp_path / "model.safetensors")
    assert loaded.config == twice.config
    assert_same_parameters(loaded, twice)
    assert loaded.evaluate(X, Y) == twice.evaluate(X, Y)
    assert loaded.generate(9, seed=2).tolist() == twice.generate(9, seed=2).tolist()
    for model in (twice, loaded):
        second = model.fit(X, Y, epochs=50, **options)
        assert first.loss + second.loss == whole.loss
        assert_same_parameters(model, once)


@EVERY_KIND
@DROPOUT
@pytest.mark.parametrize("stateful", [False, True])
def test_a_cut_behind_the_end_is_none(dtype, kind, dropout, stateful):
    X, Y = samples()
    whole, cut = make(kind, dtype, dropout=dropout), make(kind, dtype, dropout=dropout)
    histories = [
        model.fit(X, Y, epochs=4, batch_size=3, **options)
        for model, options in ((whole, {}), (cut, {"truncate": X.shape[1] + 1, "stateful": stateful}))
    ]
    assert_same_parameters(cut, whole)
    assert histories[0].loss == histories[1].loss
    again = make(kind, dtype, dropout=dropout)
    again.fit(X, Y, epochs=4, batch_size=3, truncate=X.shape[1], stateful=stateful)
    assert_same_parameters(again, whole)


@EVERY_KIND
def test_a_stateful_fits_losses_are_those_of_states_handed_on(dtype, kind):
    """Each piece is measured before its update, from the state that the weights before left."""
    X, Y = samples(N=3, T=8)
    Y[:, -1] = 1
    model = make(kind, dtype)
    hands = make(kind, dtype)
    history = model.fit(X, Y, epochs=1, shuffle=False, truncate=3, stateful=True, optimizer=SGD(0.1))
    nats, state = 0.0, None
    for piece in (slice(0, 3), slice(3, 6), slice(6, 8)):
        p, state = hands.predict(X[:, piece], state)
        targets = Y[:, piece]
        at_target = np.take_along_axis(p, np.maximum(targets, 0)[..., np.newaxis], -1)[..., 0]
        nats -= np.log(at_target.astype(np.float64))[targets >= 0].sum()
        end = piece.stop  # the weights after so many pieces: the same fit of these alone
        hands = make(kind, dtype)
        hands.fit(
            X[:, :end], Y[:, :end], epochs=1, shuffle=False, truncate=3, stateful=True, optimizer=SGD(0.1)
        )
    assert history.loss == pytest.approx([nats / (Y >= 0).sum()], rel=1e-5 if dtype is np.float32 else 1e-12)
    assert_same_parameters(hands, model)


@EVERY_KIND
@DROPOUT
@pytest.mark.parametrize("truncate", [None, 3])
def test_targets_that_do_not_count_at_the_end_change_no_number(dtype, kind, dropout, truncate):
    X, Y = samples(N=4, T=6)
    longer = [np.concatenate([a, np.full((4, 7), fill, np.int32)], axis=1) for a, fill in ((X, 2), (Y, -1))]
    options = {"epochs": 4, "truncate": truncate, "stateful": truncate is not None, "batch_size": 3}
    short, padded = (make(kind, dtype, dropout=dropout) for _ in range(2))
    want, got = short.fit(X, Y, **options), padded.fit(*longer, **options)
    assert_same_parameters(padded, short)
    assert (got.loss, got.accuracy, got.steps, got.tokens) == (
        want.loss,
        want.accuracy,
        want.steps,
        want.tokens,
    )


def test_dropout_makes_a_difference_in_training_alone():
    X, Y = samples()
    plain, dropped = make("gru"), make("gru", dropout=0.5)
    assert plain.evaluate(X, Y) == dropped.evaluate(X, Y)
    losses = [model.fit(X, Y, epochs=1).loss for model in (plain, dropped)]
    assert losses[0] != losses[1]


def test_one_hot_tokens_are_not_dropped():
    """With one layer and no embedding only the dense layer's input is: the masks of the specification say so, too."""
    X, Y = samples()
    model = make("gru", layers=1, dropout=0.5)
    before = specification(model)
    model.fit(X, Y, epochs=3, optimizer=SGD(0.1))
    expected = reference.model.fit(
        before, X, Y, epochs=3, optimizer=reference.optimizer.SGD(0.1), seed=5, cell="gru", dropout=0.5
    )
    for name, value in model.parameters.items():
        assert_near(value, expected.parameters[name], 1e-12)


MEMORY = """\
import resource
import numpy as np
from rnnfast import LanguageModel
steps = {steps}
model = LanguageModel(30, 64, num_layers=2)
X = np.zeros((2, steps), np.int32)
model.fit(X, X, epochs=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model.fit(X, X, epochs=1, truncate=16, stateful=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_the_length_of_a_stream():
    """Activations of 20,000 steps of these two layers would take over 100 MB."""
    grown = [
        int(
            subprocess.run(
                [sys.executable, "-c", MEMORY.format(steps=steps)], capture_output=True, check=True
            ).stdout
        )
        for steps in (200, 20_000)
    ]
    assert grown[1] < grown[0] + 4_000  # KiB


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cell": "elman"}, ValueError, "cell is 'elman', expected 'lstm', 'gru' or 'rnn'"),
        ({"nonlinearity": "selu"}, ValueError, "nonlinearity is 'selu', expected 'tanh' or 'relu'"),
        ({"embedding_size": 0}, ValueError, "embedding_size is 0, expected at least 1, or None for one-hot"),
        ({"embedding_size": 2**25}, ValueError, "embedding_size is 33554432, expected at most 16777216"),
        (
            {"tie_weights": True},
            ValueError,
            "embedding_size is 0, expected 9 = hidden_size where tie_weights is set",
        ),
        (
            {"tie_weights": True, "embedding_size": 4},
            ValueError,
            "embedding_size is 4, expected 9 = hidden_size",
        ),
        ({"dropout": 1.0}, ValueError, "dropout is 1, expected at least 0, below 1"),
        ({"dropout": -0.1}, ValueError, "dropout is -0.1, expected at least 0, below 1"),
        ({"dropout": "0.5"}, TypeError, "dropout is '0.5', expected a number"),
    ],
)
def test_bad_settings_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        LanguageModel(V, H, **options)


@pytest.mark.parametrize("truncate", [0, -3])
def test_a_cut_of_no_steps_is_refused(truncate):
    X, Y = samples()
    with pytest.raises(ValueError, match=f"truncate is {truncate}, expected at least 1, or None for no cut"):
        LanguageModel(V, H).fit(X, Y, epochs=1, truncate=truncate)


@pytest.mark.parametrize("kind", ["gru", "lstm, tied"])
def test_a_state_of_another_cell_is_refused(kind):
    model = LanguageModel(V, H, **KINDS[kind])
    state = model.initial_state(1)
    other = State(state.h, state.h if state.c is None else None, state.position)
    with pytest.raises(ValueError, match=r"state\.c is"):
        model.step([0], other)
