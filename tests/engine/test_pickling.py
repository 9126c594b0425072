"""Copies and pickles of layers, models and optimisers: twins that share nothing and go on with equal bits."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

from rnnfast import (
    GRU,
    LSTM,
    RNN,
    SGD,
    Adam,
    CosineDecay,
    Dense,
    Embedding,
    History,
    LanguageModel,
    LinearWarmup,
    OptimizerState,
    RMSprop,
    SequenceClassifier,
    SequenceRegressor,
    StepDecay,
)

from .cases import assert_same_parameters, assert_same_state, samples, snapshot
from .optimizers import OPTIMIZERS

DEEP = {"num_layers": 2, "dropout": 0.5, "seed": 2**64 - 1}
LAYERS = {
    "LSTM": lambda dtype: LSTM(3, 4, dtype=dtype),
    "LSTM, deep, both ways": lambda dtype: LSTM(3, 4, bidirectional=True, dtype=dtype, **DEEP),
    "LSTM, projected": lambda dtype: LSTM(3, 4, proj_size=2, bidirectional=True, dtype=dtype, **DEEP),
    "LSTM with peepholes": lambda dtype: LSTM(3, 4, peephole=True, input_dropout=0.25, dtype=dtype),
    "LSTM, coupled": lambda dtype: LSTM(3, 4, peephole=True, coupled=True, proj_size=3, dtype=dtype),
    "GRU": lambda dtype: GRU(3, 4, dtype=dtype, **DEEP),
    "GRU, reset before": lambda dtype: GRU(3, 4, reset_after=False, batch_first=True, dtype=dtype, **DEEP),
    "RNN": lambda dtype: RNN(3, 4, dtype=dtype, **DEEP),
    "RNN, relu": lambda dtype: RNN(3, 4, nonlinearity="relu", bidirectional=True, dtype=dtype),
    "Dense": lambda dtype: Dense(3, 4, dtype=dtype, seed=5),
    "Embedding": lambda dtype: Embedding(3, 4, dtype=dtype, seed=5),
}
TOKENS = {"vocab_size": 5, "seed": 3}
MODELS = {
    "classifier": lambda dtype: SequenceClassifier(3, 4, cell="gru", dtype=dtype, dropout=0.5, **TOKENS),
    "classifier of steps": lambda dtype: SequenceClassifier(
        5, 4, output="all", embedding_size=2, bidirectional=True, dtype=dtype, **TOKENS
    ),
    "regressor": lambda dtype: SequenceRegressor(2, 4, num_layers=2, dropout=0.5, dtype=dtype, **TOKENS),
    "regressor of steps": lambda dtype: SequenceRegressor(
        1, 4, output="all", cell="rnn", nonlinearity="relu", dtype=dtype, **TOKENS
    ),
    "language model": lambda dtype: LanguageModel(5, 4, num_layers=2, dropout=0.5, seed=3, dtype=dtype),
}
ALL = LAYERS | MODELS
CARRIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {p}": lambda o, p=p: pickle.loads(pickle.dumps(o, p)) for p in (2, 5)},
}

every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
every_kind = pytest.mark.parametrize("make", ALL.values(), ids=ALL)
every_carry = pytest.mark.parametrize("carry", CARRIES.values(), ids=CARRIES)


def train_layer(layer, optimizer, steps):
    """So many updates of one layer alone, with dropout where it has some; its outputs."""
    x = np.random.default_rng(0).normal(size=(6, 5, 3))
    if isinstance(layer, Embedding):
        x = np.arange(30).reshape(6, 5) % 4 - 1
    outputs = []
    for _ in range(steps):
        y, *_, workspace = layer.forward(x)
        recurrent = () if isinstance(layer, Dense | Embedding) else (None,)
        optimizer.step(layer, layer.backward(2 * y, *recurrent, workspace))
        outputs.append(y)
    return np.array(outputs)


def train_model(model, optimizer, epochs):
    X, Y = samples()
    if isinstance(model, LanguageModel):
        return model.fit(X, Y, epochs=epochs, batch_size=3, optimizer=optimizer).loss
    each_step = model.config["output"] == "all"
    if isinstance(model, SequenceClassifier):
        y = Y if each_step else np.arange(len(X)) % 3
    else:
        y = X[..., np.newaxis] / 5 if each_step else np.stack([X[:, 0], X[:, 1]], axis=1) / 5
    return model.fit(X, y, epochs=epochs, batch_size=3, optimizer=optimizer).loss


@every_layer
@every_carry
def test_a_layers_twin_goes_on_with_equal_bits(isa, dtype, make, carry):
    layer, optimizer = make(dtype), Adam(0.05)
    train_layer(layer, optimizer, 3)
    before, twin, its_own = snapshot(layer), carry(layer), carry(optimizer)
    assert type(twin) is type(layer)
    assert (repr(twin), twin.config, twin.dtype) == (repr(layer), layer.config, layer.dtype)
    assert_same_parameters(twin, layer)
    outputs = train_layer(twin, its_own, 3)  # with dropout's next masks
    assert_same_parameters(layer, before)
    assert optimizer.state.steps == 3
    np.testing.assert_array_equal(train_layer(layer, optimizer, 3), outputs)
    assert_same_parameters(twin, layer)
    for slot, arrays in optimizer.state.slots.items():
        assert_same_parameters(its_own.state.slots[slot], arrays)


@every_layer
def test_a_layer_of_a_thousand_steps_comes_back_at_its_thousandth(make):
    layer = make(np.float32)
    if not hasattr(layer, "initial_state"):
        return
    x = np.ones((2, 1, 3))
    layer.forward(x, training_step=2**64 - 2)
    twin = copy.deepcopy(layer)
    for _ in range(3):  # over the end of the count
        np.testing.assert_array_equal(twin.forward(x)[0], layer.forward(x)[0])


@every_model
@every_carry
def test_a_models_twin_goes_on_with_equal_bits(isa, dtype, make, carry):
    model, optimizer = make(dtype), Adam(0.05)
    train_model(model, optimizer, 2)
    before, twin = snapshot(model), carry(model)
    assert type(twin) is type(model)
    assert (repr(twin), twin.history) == (repr(model), model.history)
    losses = train_model(twin, optimizer, 2)
    assert_same_parameters(model, before)
    assert train_model(model, optimizer, 2) == losses
    assert_same_parameters(twin, model)


@every_model
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_models_twin_remembers_as_its_optimizer_does(make, optimizer):
    model = make(np.float32)
    train_model(model, optimizer, 2)
    twin = copy.copy(model)
    train_model(twin, optimizer, 2)
    train_model(model, optimizer, 2)
    assert_same_parameters(twin, model)


@every_model
def test_a_model_is_copied_between_two_epochs_of_its_training(make):
    """As one keeps the best: in a callback, while `fit` is at work."""
    X, Y = samples()
    kept, model = [], make(np.float32)
    y = Y if isinstance(model, LanguageModel) or model.config["output"] == "all" else np.arange(len(X)) % 3
    if isinstance(model, SequenceRegressor):
        y = y[..., np.newaxis] * np.ones(model.config["output_size"])
    model.fit(X, y, epochs=4, callbacks=[lambda *_: kept.append(copy.deepcopy(model))])
    assert_same_parameters(kept[-1], model)
    kept[1].fit(X, y, epochs=2)
    assert_same_parameters(kept[1], model)


@every_kind
def test_nobody_else_is_changed_by_a_copys_new_weights(make):
    original = make(np.float32)
    before, twin = snapshot(original), copy.copy(original)
    twin.set_parameters({name: np.ones(p.shape) for name, p in twin.parameters.items()})
    assert_same_parameters(original, before)


class Named(LSTM):
    """A subclass with a constructor and an attribute of its own."""

    def __init__(self, name):
        super().__init__(2, 3)
        self.name = name


class Judge(SequenceClassifier):
    """The same of a model."""

    def __init__(self, name):
        super().__init__(2, 3, input_size=2)
        self.name = name


@pytest.mark.parametrize("kind", [Named, Judge])
def test_what_a_subclass_adds_is_kept(kind, tmp_path):
    named = kind("Lester")
    named.notes = [1, 2]
    for twin in (pickle.loads(pickle.dumps(named)), copy.deepcopy(named)):
        assert type(twin) is kind
        assert (twin.name, twin.notes) == ("Lester", [1, 2])
        assert twin.notes is not named.notes
        assert_same_parameters(twin, named)


@every_kind
def test_a_state_is_a_value(make):
    original = make(np.float32)
    state = original.__getstate__()
    kept = pickle.dumps(state)
    original.set_parameters({name: np.ones(p.shape) for name, p in original.parameters.items()})
    assert pickle.dumps(state) == kept


def test_parts_of_one_net_stay_together():
    """A layer that is twice in what is pickled is one layer afterwards."""
    gru, dense = GRU(2, 3), Dense(3, 1)
    twin = pickle.loads(pickle.dumps({"layers": [gru, dense], "last": dense}))
    assert twin["last"] is twin["layers"][1]
    assert twin["last"] is not dense


@pytest.mark.parametrize("carry", [copy.copy, copy.deepcopy, pickle.dumps])
@pytest.mark.parametrize("layer", [GRU(2, 3), Dense(2, 3)], ids=["Workspace", "DenseWorkspace"])
def test_a_workspace_stays_with_its_layer(layer, carry):
    *_, workspace = layer.forward(np.ones((2, 1, 2)))
    kind = type(workspace).__name__
    with pytest.raises(TypeError, match=f"a {kind} cannot be copied or pickled: it is of one forward"):
        carry(workspace)


@pytest.mark.parametrize("layer", [GRU(2, 3), Dense(2, 3)], ids=["GRU", "Dense"])
def test_a_twin_refuses_the_originals_workspace(layer):
    """It counts its changes anew: the twin of a layer that has changed since is not that of `forward`."""
    y, *_, workspace = layer.forward(np.ones((2, 1, 2)))
    layer.set_parameters({name: p + 1 for name, p in layer.parameters.items()})
    with pytest.raises(ValueError, match="workspace is of another layer"):
        copy.deepcopy(layer).backward(y, *([None] if isinstance(layer, GRU) else []), workspace)


@every_model
@every_carry
def test_a_twin_has_a_history_of_its_own(make, carry):
    model = make(np.float32)
    train_model(model, Adam(), 1)
    twin = carry(model)
    assert twin.history == model.history
    twin.history.loss.append(0.0)
    assert len(model.history.loss) == 1


@every_model
def test_two_models_of_one_state_share_nothing(make):
    model = make(np.float32)
    train_model(model, Adam(), 1)
    state, twins = model.__getstate__(), [make(np.float32), make(np.float32)]
    for twin in twins:
        twin.__setstate__(state)
    assert twins[0].history is not twins[1].history
    train_model(twins[0], Adam(), 1)
    for m in (twins[1], model):
        train_model(m, Adam(), 1)
        assert_same_parameters(m, twins[0])


def test_two_optimizers_of_one_state_share_nothing():
    optimizer, parameters = Adam(0.1), {"p": np.ones(2)}
    optimizer.step(parameters, {"p": np.ones(2)})
    state, twins = optimizer.__getstate__(), [Adam(), Adam()]
    for twin in twins:
        twin.__setstate__(state)
    twins[0].step(parameters, {"p": np.ones(2)})
    assert_same_parameters(twins[1].state.slots["m"], optimizer.state.slots["m"])


def test_a_state_without_memory_takes_an_optimizers_memory():
    fresh = Adam(0.1).__getstate__()
    layer, optimizer = Dense(3, 4), Adam(0.05)
    train_layer(layer, optimizer, 2)
    optimizer.__setstate__(fresh)
    assert (optimizer, optimizer.state) == (Adam(0.1), None)
    train_layer(Dense(3, 4), optimizer, 1)
    assert optimizer.state.steps == 1


def test_a_copied_optimizer_has_a_memory_of_its_own():
    optimizer, parameters = Adam(0.1), {"p": np.ones(2)}
    optimizer.step(parameters, {"p": np.ones(2)})
    before, twin = copy.deepcopy(optimizer.state), copy.copy(optimizer)
    twin.step(parameters, {"p": np.ones(2)})
    assert (optimizer.state.steps, twin.state.steps) == (1, 2)
    assert_same_state(
        [before.kind, before.steps, before.beta1_power, before.beta2_power, before.slots],
        [*vars(optimizer.state).values()],
    )


def damaged(state):
    """Each way in which a state may have been cut or changed, by name."""
    yield "no dict", list(state), "it is of type list, expected dict"
    yield "nothing", {}, " is missing, there are no entries"
    for name in state:
        yield f"without {name}", {k: v for k, v in state.items() if k != name}, f"{name} is missing"
        yield f"{name} of text", state | {name: "x"}, f"{name} is of type str, expected "


def damaged_contents(config, parameters):
    """The same of settings and parameters, whatever holds them; and what the message says."""
    for key in config:
        yield {k: v for k, v in config.items() if k != key}, parameters, "damaged"
    size = "hidden_size" if "hidden_size" in config else next(iter(config))
    yield (
        config | {size: 2**40},
        parameters,
        r"is float32 \(.*\), expected float32 \(.*\d{13}|is 1099511627776",
    )
    yield config | {size: -1}, parameters, "expected float32|expected at least 1"
    yield config | {size: "4"}, parameters, "damaged"
    yield config | {"dtype": "float64"}, parameters, "is float32 .*, expected float64"
    yield config | {"dtype": "int8"}, parameters, "damaged"
    yield config | {"seed": -1}, parameters, "seed is -1, expected 0 to"
    yield config | {"colour": "red"}, parameters, "damaged"
    if "num_layers" in config:
        yield config | {"num_layers": 10**15}, parameters, "num_layers|is missing"
        yield config | {"dropout": 2.0}, parameters, "dropout is 2"
    for name, p in parameters.items():
        others = {k: v for k, v in parameters.items() if k != name}
        yield config, others, f"{name} is missing"
        yield config, parameters | {name: p[np.newaxis]}, rf"{name} is float32 \(1, "
        yield config, parameters | {name: p.astype(np.float64)}, f"{name} is float64"
        yield config, parameters | {name: np.full_like(p, np.nan)}, f"{name} has numbers that are not finite"
        yield config, parameters | {name: "x"}, "damaged"
    yield config, parameters | {"extra": np.zeros(1, np.float32)}, "extra is no part of"


def refused(original, state, message):
    """Neither a new object nor one that there is has anything of a state that is refused."""
    blank = type(original).__new__(type(original))
    with pytest.raises(ValueError, match=f"{type(original).__name__}: the pickled state is damaged: .*"):
        blank.__setstate__(state)
    assert vars(blank) == {}
    before, attributes = snapshot(original), dict(vars(original))
    with pytest.raises(ValueError, match=message):
        original.__setstate__(state)
    assert vars(original) == attributes
    assert_same_parameters(original, before)


def refused_attributes(original, state):
    refused(original, state | {3: 4}, "the attribute 3 is of type int, expected str")
    refused(original, state | {"set_parameters": 4}, "set_parameters is of type int, expected the method")


@every_layer
def test_a_damaged_state_makes_no_layer(make):
    layer = make(np.float32)
    state = layer.__getstate__()
    for _, changed, message in damaged(state):
        refused(layer, changed, message)
    for config, parameters, message in damaged_contents(state["config"], state["parameters"]):
        refused(layer, state | {"config": config, "parameters": parameters}, message)
    refused_attributes(layer, state)
    if "_training_step" in state:
        refused(layer, state | {"_training_step": 2**64}, "_training_step is 18446744073709551616, expected")


@every_model
def test_a_damaged_state_makes_no_model(make):
    model = make(np.float32)
    train_model(model, Adam(), 1)
    state = model.__getstate__()
    for _, changed, message in damaged(state):
        refused(model, changed, message)
    saved = state["checkpoint"]

    def with_changed(**fields):
        changed = copy.copy(saved)
        vars(changed).update(fields)  # past the dataclass: what a pickle may hold
        return state | {"checkpoint": changed}

    for config, parameters, message in damaged_contents(saved.config, saved.parameters):
        refused(model, with_changed(config=config, parameters=parameters), message)
    first = next(iter(saved.parameters))
    for change, message in (
        ({"kind": "adagrad"}, "kind is 'adagrad', expected one of"),
        ({"steps": -1}, "steps is -1, expected"),
        ({"beta1_power": 2.0}, "beta1_power and beta2_power are 2.0"),
        ({"beta1_power": "x"}, "damaged: AttributeError"),
        ({"slots": {"m": {first: np.zeros(1, np.float32)}}}, "optimizer.v is missing"),
        ({"slots": {}}, "optimizer.m is missing, expected what adam remembers"),
        ({"slots": saved.optimizer.slots | {"v": {}}}, "optimizer.v is missing"),
        ({"slots": {"spare": {first: np.zeros(1)}}}, "optimizer.spare.* is no part of"),
        ({"slots": None}, "damaged"),
    ):
        changed = copy.copy(saved.optimizer)
        vars(changed).update(change)
        refused(model, with_changed(optimizer=changed), message)
    refused(model, with_changed(optimizer="adam"), "damaged")
    for epochs in (-1, True, 1.5, 2**63):
        refused(model, with_changed(epochs_begun=epochs), f"epochs_begun is {epochs!r}, expected at least 0")
    refused_attributes(model, state)
    refused(model, state | {"history": object.__new__(History)}, "loss is missing, there are no entries")
    broken = History()
    broken.steps = "x"
    refused(model, state | {"history": broken}, "steps is of type str, expected int")
    empty = type(saved).__new__(type(saved))  # a dataclass whose pickle was cut
    refused(model, state | {"checkpoint": empty}, "has no attribute")


@pytest.mark.parametrize(
    "settings",
    [SGD(0.1, momentum=0.5), RMSprop(), Adam(CosineDecay(0.1, 5)), StepDecay(0.1, 3), LinearWarmup(0.1, 3)],
    ids=lambda settings: type(settings).__name__,
)
def test_a_damaged_state_makes_no_optimizer(settings):
    state = dict(vars(settings))
    cases = [([], "it is of type list"), (state | {next(iter(state)): -1}, "is -1")]
    cases += [({n: v for n, v in state.items() if n != name}, f"{name} is missing") for name in state]
    if hasattr(settings, "state"):
        cases.append((state | {"_state": 3}, "_state is of type int, expected OptimizerState"))
    for name in ("_layers", "step", 3):
        cases.append((state | {name: 4}, f"{name!r} is no part of it, expected {next(iter(state))}, "))
    for changed, message in cases:
        blank = type(settings).__new__(type(settings))
        with pytest.raises(ValueError, match=rf"{type(settings).__name__}: the pickled state .*{message}"):
            blank.__setstate__(changed)
        assert vars(blank) == {}


MEMORIES = {
    "another kind": ({"kind": "sgd"}, "m.p is no part of what sgd remembers"),
    "another's": ({"kind": "adamw"}, "state is 'adamw' with slots .*, expected 'adam'"),
    "a kind of a number": ({"kind": 3}, "kind is 3, expected one of"),
    "negative steps": ({"steps": -1}, "steps is -1, expected at least 0"),
    "no slots": ({"slots": None}, "AttributeError"),
    "nothing": ({"slots": {}}, "m is missing, expected what adam remembers"),
    "nan": ({"slots": {"m": {"p": np.full(2, np.nan)}, "v": {"p": np.ones(2)}}}, "m.p is not finite"),
    "negative squares": ({"slots": {s: {"p": np.full(2, -1.0)} for s in "mv"}}, "v.p has negative numbers"),
}


@pytest.mark.parametrize(("changes", "message"), MEMORIES.values(), ids=MEMORIES)
def test_a_damaged_memory_makes_no_optimizer(changes, message):
    optimizer = Adam(0.1)
    optimizer.step({"p": np.ones(2)}, {"p": np.ones(2)})
    state = optimizer.__getstate__()
    vars(state["_state"]).update(changes)
    memory, before = optimizer.state, copy.deepcopy(optimizer.state.slots)
    for changed, expected in (
        (state, message),
        (state | {"_state": object.__new__(OptimizerState)}, "has no attribute"),
    ):
        with pytest.raises(ValueError, match=f"Adam: the pickled state is damaged: .*{expected}"):
            optimizer.__setstate__(changed)
    assert optimizer.state is memory
    assert_same_parameters(memory.slots["m"], before["m"])


class Recording:
    """Pickles as a layer with the state of another."""

    def __init__(self, state):
        self.state = state

    def __reduce__(self):
        return object.__new__, (Dense,), self.state


def test_pickle_itself_reports_it():
    state = GRU(3, 4).__getstate__()
    with pytest.raises(ValueError, match="Dense: the pickled state is damaged: KeyError: 'output_size'"):
        pickle.loads(pickle.dumps(Recording(state)))


def test_a_pickle_that_was_cut_is_no_layer(tmp_path):
    data = pickle.dumps(LSTM(3, 4))
    path = Path(tmp_path / "layer.pickle")
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        with path.open("rb") as file, pytest.raises((pickle.UnpicklingError, EOFError, ValueError)):
            pickle.load(file)
