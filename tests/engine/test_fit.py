"""Training: the forms of its data, the specification's numbers, going on where one fit ended, and its history."""

from __future__ import annotations

import math

import numpy as np
import pytest

import rnnfast
from rnnfast import SGD, Adam, AdamW, CosineDecay, LanguageModel, LinearWarmup, RMSprop, StepDecay, reference

from .cases import assert_near, assert_same_bits, assert_same_parameters, one_hot, roughen, samples, snapshot
from .conftest import FMA_ISAS
from .optimizers import to_reference

V = 5


def specification(model):
    return {name: value.astype(np.float64) for name, value in model.parameters.items()}


FITS = [
    {"batch_size": None},
    {"batch_size": 2, "reduction": "sequence"},
    {"batch_size": 3, "shuffle": False},
    {"batch_size": 100, "clip_value": 0.01},
    {"batch_size": 4, "clip_norm": 0.2, "reduction": "sequence"},
    {"batch_size": 1, "clip_value": 0.1, "clip_norm": 0.3, "optimizer": SGD(0.3, decay=0.1)},
    {"batch_size": 3, "optimizer": Adam(0.02, decay=0.1, keras_epsilon=True, epsilon=1e-5)},
    {"batch_size": 4, "clip_norm": 0.2, "keras_clip_norm": True, "optimizer": SGD(0.2, momentum=0.9)},
    {"batch_size": 3, "optimizer": AdamW(LinearWarmup(CosineDecay(0.05, 8), 3), weight_decay=0.5)},
    {"batch_size": 2, "optimizer": RMSprop(StepDecay(0.01, 5, 0.5), 0.9, 1e-3, momentum=0.5, centered=True)},
]


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("options", FITS, ids=str)
def test_float64_equals_the_specification(isa, layers, options):
    X, Y = samples()
    options = {"optimizer": Adam(0.02), "reduction": "token"} | options
    model = roughen(LanguageModel(V, 9, num_layers=layers, dtype="float64", seed=5))
    before = specification(model)
    history = model.fit(X, Y, epochs=4, **options)
    expected = reference.model.fit(
        before, X, Y, epochs=4, seed=5, **options | {"optimizer": to_reference(options["optimizer"])}
    )
    for name, value in model.parameters.items():
        assert_near(value, expected.parameters[name], 1e-10)
    losses = history.loss if options["reduction"] == "token" else history.sequence_loss
    assert losses == pytest.approx(expected.losses, rel=1e-10)


@pytest.mark.parametrize("options", FITS[:4], ids=str)
def test_float32_is_near_the_specification(isa, options):
    X, Y = samples()
    model = roughen(LanguageModel(V, 9, num_layers=2, seed=5))
    before = specification(model)
    model.fit(X, Y, epochs=3, **options | {"optimizer": SGD(0.1)})
    expected = reference.model.fit(
        before, X, Y, epochs=3, seed=5, **options | {"optimizer": reference.optimizer.SGD(0.1)}
    )
    for name, value in model.parameters.items():
        assert_near(value, expected.parameters[name], 1e-5)


def test_bits_are_equal_across_instruction_sets(run_on, dtype):
    X, Y = samples(N=9, T=7)

    def train():
        model = LanguageModel(V, 17, num_layers=2, dtype=dtype, seed=2)
        history = model.fit(X, Y, epochs=5, batch_size=4, optimizer=Adam(0.01), clip_norm=0.5)
        return snapshot(model), history.loss, model.generate(20, num_streams=3, seed=1).tolist()

    first, *others = (run_on(isa, train) for isa in FMA_ISAS)
    for other in others:
        assert_same_parameters(other[0], first[0])
        assert other[1:] == first[1:]


FORMS_OF_X = {
    "int64": lambda X: X.astype(np.int64),
    "uint8 list": lambda X: X.astype(np.int8),
    "lists": lambda X: X.tolist(),
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "one-hot float32": lambda X: one_hot(X, V),
    "one-hot bool": lambda X: one_hot(X, V, bool),
    "one-hot float64, strided": lambda X: np.asfortranarray(one_hot(X, V, np.float64)),
}
FORMS_OF_Y = {
    **FORMS_OF_X,
    "(T, N, V)": lambda Y: one_hot(Y.T, V),
    "T arrays (N, V)": lambda Y: list(one_hot(Y.T, V)),
}


def trained(X, Y=None, **options):
    model = LanguageModel(V, 6, seed=1)
    model.fit(X, Y, epochs=3, batch_size=3, **options)
    return model


@pytest.mark.parametrize("form", FORMS_OF_X.values(), ids=FORMS_OF_X)
def test_every_form_of_x_trains_alike(form):
    X, Y = samples()
    assert_same_parameters(trained(form(X), Y), trained(X, Y))


@pytest.mark.parametrize("form", FORMS_OF_Y.values(), ids=FORMS_OF_Y)
def test_every_form_of_y_trains_alike(form):
    X, Y = samples()
    assert_same_parameters(trained(X, form(Y)), trained(X, Y))


def test_without_y_the_targets_are_the_next_tokens():
    X, _ = samples()
    assert_same_parameters(trained(X), trained(X[:, :-1], X[:, 1:]))


def test_as_many_samples_as_steps():
    """An array (N, T, V) is meant; a list of T arrays (N, V) says by itself that time comes first."""
    X, Y = samples(N=6, T=6)
    expected = trained(X, Y)
    assert_same_parameters(trained(X, one_hot(Y, V)), expected)
    assert_same_parameters(trained(X, list(one_hot(Y.T, V))), expected)


def test_inputs_are_left_alone():
    X, Y = samples()
    one_hots = one_hot(X, V), one_hot(Y, V)
    before = [a.copy() for a in one_hots]
    trained(*one_hots)
    for got, want in zip(one_hots, before, strict=True):
        assert_same_bits(got, want)


@pytest.mark.parametrize("optimizer", [Adam(0.02, decay=0.01), SGD(0.1, decay=0.01), RMSprop(0.01)], ids=str)
def test_fifty_epochs_twice_are_a_hundred_once(tmp_path, dtype, optimizer):
    X, Y = samples()

    def make():
        return LanguageModel(V, 6, num_layers=2, dtype=dtype, seed=3)

    options = {"batch_size": 3, "optimizer": optimizer}
    once, twice = make(), make()
    whole = once.fit(X, Y, epochs=100, **options)
    first = twice.fit(X, Y, epochs=50, **options)
    twice.save(tmp_path / "model.safetensors")
    loaded = LanguageModel.load(tmp_path / "model.safetensors")
    for model in (twice, loaded):
        second = model.fit(X, Y, epochs=50, **options)
        assert first.loss + second.loss == whole.loss
        assert_same_parameters(model, once)


def test_an_optimizer_of_another_kind_starts_afresh():
    X, Y = samples()
    model = trained(X, Y, optimizer=Adam(0.05))
    for optimizer in (SGD(0.1), SGD(0.1, momentum=0.9), RMSprop(0.01), AdamW(0.01), Adam(0.01)):
        moved = LanguageModel(V, 6, seed=1)
        moved.set_parameters(snapshot(model))
        for m in (model, moved):
            m.fit(X, Y, epochs=2, shuffle=False, optimizer=optimizer)
        assert_same_parameters(model, moved)


def test_history(isa):
    X, Y = samples()
    model = roughen(LanguageModel(V, 6, dtype="float64"))
    before = model.evaluate(X, Y)
    counted = int((Y >= 0).sum())
    history = model.fit(X, Y, epochs=3, validation=(X, Y))
    assert history is model.history
    assert history.loss[0] == pytest.approx(before["loss"], rel=1e-12)
    assert history.accuracy[0] == before["accuracy"]
    assert history.sequence_loss == pytest.approx(
        [loss * counted / len(X) for loss in history.loss], rel=1e-12
    )
    assert history.validation_loss[:-1] == pytest.approx(history.loss[1:], rel=1e-12)
    assert history.validation_loss[-1] == pytest.approx(model.evaluate(X, Y)["loss"], rel=1e-12)
    assert history.validation_accuracy[-1] == model.evaluate(X, Y)["accuracy"]
    assert len(history.seconds) == 3
    assert all(0 < s < 60 for s in history.seconds)
    assert (history.steps, history.tokens) == (3, 3 * counted)


def test_validation_by_fraction_is_the_last_samples():
    X, Y = samples(N=10)
    by_fraction, by_hand = (LanguageModel(V, 6) for _ in range(2))
    got = by_fraction.fit(X, Y, epochs=3, validation=0.25)
    want = by_hand.fit(X[:8], Y[:8], epochs=3, validation=(X[8:], Y[8:]))
    assert_same_parameters(by_fraction, by_hand)
    assert (got.loss, got.validation_loss) == (want.loss, want.validation_loss)
    assert len(got.validation_loss) == 3


def test_validation_has_no_influence_on_training():
    X, Y = samples()
    assert_same_parameters(trained(X, Y, validation=(Y, X)), trained(X, Y))
    assert LanguageModel(V, 6).fit(X, Y, epochs=2).validation_loss == []


def test_validation_without_y_is_the_next_token():
    X, Y = samples()
    model = LanguageModel(V, 6, dtype="float64")
    history = model.fit(X, Y, epochs=1, validation=(X, None))
    assert history.validation_loss == pytest.approx([model.evaluate(X)["loss"]], rel=1e-12)


def test_validation_in_which_nothing_counts_is_refused():
    X, Y = samples()
    model = LanguageModel(V, 6)
    before = snapshot(model)
    with pytest.raises(ValueError, match=r"validation Y.*no target that counts"):
        model.fit(X, Y, epochs=1, validation=(X, np.full_like(Y, -1)))
    assert_same_parameters(model, before)


def test_a_batch_in_which_nothing_counts_changes_nothing_with_sgd():
    X, Y = samples(N=4)
    Y[2:] = -1
    with_it, without = (LanguageModel(V, 6, dtype="float64") for _ in range(2))
    with_it.fit(X, Y, epochs=1, batch_size=2, shuffle=False, optimizer=SGD(0.1))
    without.fit(X[:2], Y[:2], epochs=1, batch_size=2, shuffle=False, optimizer=SGD(0.1))
    assert_same_parameters(with_it, without)


def test_shuffling_is_decided_by_the_seed_and_the_epochs():
    X, Y = samples(N=8)

    def train(seed, **options):
        model = LanguageModel(V, 6, seed=seed)
        model.set_parameters(snapshot(LanguageModel(V, 6, seed=0)))
        model.fit(X, Y, epochs=2, batch_size=2, **options)
        return model.parameters["dense.b"].copy()

    assert_same_bits(train(1), train(1))
    assert (train(1) != train(2)).any()
    assert (train(1) != train(1, shuffle=False)).any()
    assert_same_bits(train(1, shuffle=False), train(2, shuffle=False))


def test_no_epochs_change_nothing():
    X, Y = samples()
    model = LanguageModel(V, 6)
    before = snapshot(model)
    history = model.fit(X, Y, epochs=0)
    assert_same_parameters(model, before)
    assert (history.loss, history.steps) == ([], 0)


def test_it_learns_and_reports_what_it_learnt():
    X = np.tile(np.arange(V, dtype=np.int32), (4, 4))
    model = LanguageModel(V, 16)
    history = model.fit(X, epochs=60, optimizer=Adam(0.02))
    assert history.loss[0] == pytest.approx(math.log(V), rel=0.2)
    assert history.loss[-1] < 0.05
    assert history.accuracy[-1] > 0.95


def test_evaluate_and_predict_agree(isa, dtype):
    X, Y = samples(N=70, T=70)
    model = roughen(LanguageModel(V, 9, num_layers=2, dtype=dtype))
    p = model.predict(X)[0].astype(np.float64)
    at_target = np.take_along_axis(p, np.maximum(Y, 0)[..., np.newaxis], -1)[..., 0][Y >= 0]
    nats = -np.log(at_target).mean()
    got = model.evaluate(X, Y)
    assert got["loss"] == pytest.approx(nats, rel=1e-5 if dtype is np.float32 else 1e-12)
    assert got["perplexity"] == pytest.approx(math.exp(got["loss"]), rel=1e-14)
    assert got["bits_per_token"] == pytest.approx(got["loss"] / math.log(2), rel=1e-14)
    assert got["accuracy"] == pytest.approx((p.argmax(-1) == Y)[Y >= 0].mean(), rel=1e-12)
    assert model.evaluate(one_hot(X, V), one_hot(Y, V)) == got


def test_evaluate_equals_the_specification(isa):
    X, Y = samples()
    model = roughen(LanguageModel(V, 9, num_layers=2, dtype="float64"))
    assert model.evaluate(X, Y) == pytest.approx(
        reference.model.evaluate(specification(model), X, Y), rel=1e-12
    )


def test_a_progress_bar_stays_silent_without_a_terminal(capfd):
    X, Y = samples()
    model = LanguageModel(V, 6)
    model.fit(X, Y, epochs=2, progress=True)
    assert_same_parameters(model, _without_progress(X, Y))
    assert capfd.readouterr() == ("", "")


def _without_progress(X, Y):
    model = rnnfast.LanguageModel(V, 6)
    model.fit(X, Y, epochs=2)
    return model
