"""Training named arrays of one's own: `optimizer.step(parameters, gradients, state)`."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from rnnfast import (
    SGD,
    Adam,
    AdamW,
    CosineDecay,
    Dense,
    LanguageModel,
    NonFiniteError,
    OptimizerState,
    RMSprop,
    _sealed_files,
    optimizer_state,
)
from rnnfast.reference.optimizer import clip_by_norm, clip_by_value, global_norm

from .cases import assert_near, assert_same_bits, assert_same_parameters
from .optimizers import OPTIMIZERS, run, to_reference

SHAPES = {"W": (3, 5), "b": (17,), "scalar": (), "nothing": (0, 4)}
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)


def draw(seed, dtype=np.float64, scale=1.0):
    r = np.random.default_rng(seed)
    return {name: np.asarray(scale * r.normal(size=shape), dtype) for name, shape in SHAPES.items()}


@every_optimizer
@pytest.mark.parametrize("keras_clip_norm", [False, True])
def test_named_arrays_are_updated_as_the_specification_says(isa, optimizer, keras_clip_norm):
    parameters, state = draw(0), None
    expected, specification = draw(0), to_reference(optimizer)
    own = optimizer.initial_state(parameters)
    for step in range(8):
        gradients = draw(1 + step)
        norm = optimizer.step(
            parameters, gradients, own, clip_value=1.0, clip_norm=0.7, keras_clip_norm=keras_clip_norm
        )
        assert norm == pytest.approx(global_norm(gradients), rel=1e-14)
        clipped, _ = clip_by_norm(clip_by_value(gradients, 1.0), 0.7, keras_clip_norm)
        expected, state = specification.update(expected, clipped, state)
    assert own.steps == state.steps == 8
    for name in SHAPES:
        assert_near(parameters[name], expected[name], 1e-13)
    for slot, arrays in own.slots.items():
        for name in SHAPES:
            assert_near(arrays[name], getattr(state, slot)[name], 1e-13)


@every_optimizer
def test_each_array_has_the_bits_that_it_has_alone(dtype, optimizer):
    parameters = draw(0, dtype)
    state = optimizer.initial_state(parameters)
    history = [draw(1 + step, dtype) for step in range(5)]
    for gradients in history:
        optimizer.step(parameters, gradients, state)
    for name, p in draw(0, dtype).items():
        assert_same_bits(parameters[name], run(optimizer, p, [g[name] for g in history]))


def test_the_order_of_names_and_the_layout_of_gradients_do_not_matter(dtype):
    gradients = draw(1, dtype)
    one, other = draw(0, dtype), draw(0, dtype)
    Adam().step(one, gradients, Adam().initial_state(one))
    mixed = {name: np.array(gradients[name], order="F") for name in reversed(gradients)}
    Adam().step(other, mixed, Adam().initial_state(other))
    assert_same_parameters(one, other)


@every_optimizer
@pytest.mark.parametrize("carry", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])
def test_a_state_can_be_copied_and_pickled(dtype, optimizer, carry):
    parameters = draw(0, dtype)
    state = optimizer.initial_state(parameters)
    for step in range(3):
        optimizer.step(parameters, draw(1 + step, dtype), state)
    twin, kept = copy.deepcopy(parameters), carry(state)
    for step in range(3, 6):
        optimizer.step(parameters, draw(1 + step, dtype), state)
    for step in range(3, 6):
        optimizer.step(twin, draw(1 + step, dtype), kept)
    assert kept.steps == 6
    assert_same_parameters(twin, parameters)


@every_optimizer
@pytest.mark.parametrize("carry", [lambda o: o, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_an_optimizer_remembers_by_itself(dtype, optimizer, carry):
    kept, own, optimizer = draw(0, dtype), draw(0, dtype), copy.deepcopy(optimizer)
    state, plain = optimizer.initial_state(kept), repr(optimizer)
    assert optimizer.state is None
    for step in range(4):
        optimizer.step(kept, draw(1 + step, dtype), state)
        assert optimizer.state is None or optimizer.state.steps == step  # that step had a state of its own
        optimizer.step(own, draw(1 + step, dtype))
        optimizer = carry(optimizer)
    assert_same_parameters(own, kept)
    assert optimizer.state.steps == 4
    assert repr(optimizer) == plain
    for slot, arrays in state.slots.items():
        assert_same_parameters(optimizer.state.slots[slot], arrays)


def test_an_optimizers_own_state_is_of_one_net():
    optimizer, parameters = Adam(), draw(0)
    optimizer.step(parameters, draw(1))
    before = copy.deepcopy(optimizer.state)
    for others in ({"p": np.zeros(3)}, {**draw(0), "W": np.zeros((3, 4))}, draw(0, np.float32)):
        with pytest.raises(ValueError, match="parameters are not those that this Adam has stepped before"):
            optimizer.step(others, others)
    assert optimizer.state.steps == before.steps == 1
    assert_same_parameters(optimizer.state.slots["m"], before.slots["m"])


def test_an_optimizers_own_state_is_of_these_layers():
    a, b = Dense(4, 4, seed=1), Dense(4, 4, seed=2)
    gradients = {name: np.ones_like(p) for name, p in a.parameters.items()}
    optimizer = SGD(0.1)  # which has no array of its own to compare
    optimizer.step(a, gradients)
    for others in (b, [a], [b, a]):
        given = gradients if others is b else [gradients] * len(others)
        with pytest.raises(ValueError, match="parameters are not those that this SGD has stepped before"):
            optimizer.step(others, given)
    optimizer.step(a, gradients)
    assert pickle.loads(pickle.dumps(optimizer)).state.steps == 2


def test_a_first_step_that_is_refused_is_not_remembered():
    optimizer, parameters = Adam(), draw(0)
    with pytest.raises(FloatingPointError):
        optimizer.step(parameters, {name: np.full(p.shape, np.nan) for name, p in parameters.items()})
    assert optimizer.state is None
    optimizer.step({"p": np.zeros(3)}, {"p": np.ones(3)})


def test_settings_may_change_between_steps():
    """As long as the same things are remembered: a rate found on the way, say."""
    parameters = draw(0)
    state = Adam(0.1).initial_state(parameters)
    Adam(0.1).step(parameters, draw(1), state)
    Adam(CosineDecay(0.05, 10), weight_decay=0.1).step(parameters, draw(2), state)
    assert state.steps == 2


def test_no_parameters_at_all():
    state = Adam().initial_state({})
    assert Adam().step({}, {}, state) == 0
    assert state.steps == 1


def test_clipping_leaves_the_callers_gradients_alone(dtype):
    parameters, gradients = draw(0, dtype), draw(1, dtype)
    kept = copy.deepcopy(gradients)
    SGD(0.1).step(parameters, gradients, SGD(0.1).initial_state(parameters), clip_value=0.1, clip_norm=0.1)
    assert_same_parameters(gradients, kept)


def wrong(name, value):
    return draw(1) | {name: value}


def read_only(shape):
    array = np.zeros(shape)
    array.setflags(write=False)
    return array


WRONG_PARAMETERS = {
    "a list": ([1.0], TypeError, r"parameters is \[1.0\], expected a mapping"),
    "numbers": (wrong("b", [1.0] * 17), TypeError, r"parameters\['b'\] is \[1.0.*expected an array of"),
    "integers": (wrong("b", np.zeros(17, int)), TypeError, r"parameters\['b'\] is int64, expected"),
    "half": (wrong("b", np.zeros(17, np.float16)), TypeError, r"parameters\['b'\] is float16, expected"),
    "two dtypes": (wrong("b", np.zeros(17, np.float32)), TypeError, "arrays of float32 and float64, exp"),
    "by columns": (wrong("W", np.zeros((5, 3)).T), ValueError, r"\['W'\] is not C-contiguous and writeable"),
    "read-only": (wrong("b", read_only(17)), ValueError, r"\['b'\] is not C-contiguous and writeable"),
}
WRONG_GRADIENTS = {
    "none": (None, TypeError, "gradients is None, expected a mapping"),
    "one missing": ({"W": np.zeros((3, 5))}, ValueError, r"gradients has names \['W'\], expected \['W', 'b'"),
    "one more": (wrong("c", np.zeros(2)), ValueError, "gradients has names .*'c'.*expected"),
    "shape": (wrong("b", np.zeros(16)), ValueError, r"gradients\['b'\] has shape \(16,\), expected \(17,\)"),
    "dtype": (wrong("b", np.zeros(17, np.float32)), TypeError, r"gradients\['b'\] is float32, .*float64"),
    "numbers": (wrong("b", [0.0] * 17), TypeError, r"gradients\['b'\] is \[0.0, .*array of float64"),
    "nan": (wrong("b", np.full(17, np.nan)), NonFiniteError, r"the gradient is nan; .*\(gradients\['b'\]\)"),
    "infinite": (wrong("b", np.full(17, np.inf)), NonFiniteError, r"the gradient is infinite; .*\['b'\]"),
    "huge": (wrong("b", np.full(17, 1e200)), NonFiniteError, "the gradient is infinite"),
}


@pytest.mark.parametrize(("parameters", "error", "message"), WRONG_PARAMETERS.values(), ids=WRONG_PARAMETERS)
def test_wrong_parameters_are_refused(parameters, error, message):
    good = draw(0)
    state = Adam().initial_state(good)
    with pytest.raises(error, match=message):
        Adam().initial_state(parameters)
    with pytest.raises(error, match=message):
        Adam().step(parameters, draw(1), state)
    assert state.steps == 0


@pytest.mark.parametrize(("gradients", "error", "message"), WRONG_GRADIENTS.values(), ids=WRONG_GRADIENTS)
@pytest.mark.parametrize("options", [{}, {"clip_value": 1e300, "clip_norm": 1.0}], ids=["", "clipped"])
def test_wrong_gradients_are_refused_and_nothing_changes(isa, gradients, error, message, options):
    assert_nothing_changes(Adam(), gradients, error, message, **options)


def assert_nothing_changes(optimizer, gradients, error, message, dtype=np.float64, **options):
    parameters = draw(0, dtype)
    state = optimizer.initial_state(parameters)
    optimizer.step(parameters, draw(5, dtype), state)
    before = copy.deepcopy((parameters, state))
    with pytest.raises(error, match=message):
        optimizer.step(parameters, gradients, state, **options)
    assert_same_parameters(parameters, before[0])
    assert (state.steps, state.beta1_power, state.beta2_power) == (
        before[1].steps,
        before[1].beta1_power,
        before[1].beta2_power,
    )
    for slot, arrays in state.slots.items():
        assert_same_parameters(arrays, before[1].slots[slot])


OPTIONS = [
    ({"clip_value": 0.0}, ValueError, "clip_value is 0, expected more than 0"),
    ({"clip_norm": -1}, ValueError, "clip_norm is -1, expected more than 0"),
    ({"clip_norm": float("nan")}, ValueError, "clip_norm is -?nan, expected more than 0"),
    ({"clip_norm": "1"}, TypeError, "clip_norm is '1', expected a number"),
    ({"num_threads": 0}, ValueError, "num_threads is 0, expected 1 to 1024"),
]


@pytest.mark.parametrize(("options", "error", "message"), OPTIONS, ids=str)
def test_wrong_options_are_refused_and_nothing_changes(options, error, message):
    assert_nothing_changes(RMSprop(momentum=0.5), draw(1), error, message, **options)


def test_a_square_that_float32_cannot_hold_is_refused(isa):
    huge = draw(1, np.float32, 1e20)
    for optimizer in (Adam(), AdamW(), RMSprop()):
        message = "the square of the gradient is infinite; no parameter has changed"
        assert_nothing_changes(optimizer, huge, NonFiniteError, message, np.float32)
    parameters = draw(0, np.float32)
    for optimizer, options in ((SGD(1e-20), {}), (Adam(), {"clip_norm": 1.0})):
        optimizer.step(parameters, huge, optimizer.initial_state(parameters), **options)
        assert all(np.isfinite(p).all() for p in parameters.values())


def test_a_rate_that_float32_cannot_hold_is_refused():
    parameters = draw(0, np.float32)
    with pytest.raises(
        ValueError, match=r"learning_rate is 1e.39, which is infinite in the parameters' dtype"
    ):
        SGD(1e39).step(parameters, draw(1, np.float32), SGD(1e39).initial_state(parameters))


def other_state(**changes):
    state = Adam().initial_state(draw(0))
    for name, value in changes.items():
        setattr(state, name, value)
    return state


WRONG_STATES = {
    "a mapping": ({}, TypeError, "state is {}, expected an OptimizerState"),
    "of SGD": (SGD().initial_state(draw(0)), ValueError, r"state is 'sgd' with slots \[\], expected 'adam'"),
    "of AdamW": (AdamW().initial_state(draw(0)), ValueError, "state is 'adamw' with slots .*expected 'adam'"),
    "of other names": (Adam().initial_state({"c": np.zeros(2)}), ValueError, r"has names \['c'\], expected"),
    "of another dtype": (Adam().initial_state(draw(0, np.float32)), TypeError, r"\['W'\] is float32, expec"),
    "of other shapes": (
        Adam().initial_state(draw(0) | {"b": np.zeros(3)}),
        ValueError,
        r"state.slots\['m'\]\['b'\] has shape \(3,\), expected \(17,\)",
    ),
    "negative steps": (other_state(steps=-1), ValueError, "state.steps is -1, expected at least 0"),
    "steps of another type": (other_state(steps="3"), TypeError, "state.steps is '3', expected an integer"),
    "a power of none": (other_state(beta1_power=float("nan")), ValueError, "state.beta1_power is nan, expec"),
    "no power": (other_state(beta2_power=None), TypeError, "state.beta2_power is None, expected a number"),
}


@pytest.mark.parametrize(("state", "error", "message"), WRONG_STATES.values(), ids=WRONG_STATES)
def test_states_that_do_not_fit_are_refused(state, error, message):
    parameters = draw(0)
    with pytest.raises(error, match=message):
        Adam().step(parameters, draw(1), state)
    assert_same_parameters(parameters, draw(0))


def test_shared_memory_is_refused():
    shared = np.zeros(20)
    gradients = {"a": np.ones(10), "b": np.ones(10)}
    message = "share memory: each needs an array of its own"
    for parameters in ({"a": shared[:10], "b": shared[:10]}, {"a": shared[:10], "b": shared[5:15]}):
        with pytest.raises(ValueError, match=message):
            SGD().step(parameters, gradients, SGD().initial_state(parameters))
    apart = {"a": shared[:10], "b": shared[10:]}
    with pytest.raises(ValueError, match=message):
        SGD().step(apart, {"a": shared[5:15], "b": np.ones(10)}, SGD().initial_state(apart))
    state = SGD(momentum=0.5).initial_state(apart)
    state.slots["momentum"]["b"] = apart["a"]
    with pytest.raises(ValueError, match=message):
        SGD(momentum=0.5).step(apart, gradients, state)
    assert not shared.any()
    SGD(1.0).step(apart, {"a": gradients["a"], "b": gradients["a"]}, SGD().initial_state(apart))
    assert (shared == -1).all()


def test_a_state_of_ones_own_making():
    """What `initial_state` gives is no secret."""
    parameters, twin = {"p": np.ones(3)}, {"p": np.ones(3)}
    state = OptimizerState("adam", slots={"m": {"p": np.zeros(3)}, "v": {"p": np.zeros(3)}})
    Adam().step(parameters, {"p": np.arange(3.0)}, state)
    Adam().step(twin, {"p": np.arange(3.0)}, Adam().initial_state(twin))
    assert_same_parameters(parameters, twin)


@every_optimizer
def test_a_saved_state_goes_on_where_it_stopped(tmp_path, dtype, optimizer):
    parameters = draw(0, dtype)
    state = optimizer.initial_state(parameters)
    optimizer.step(parameters, draw(1, dtype), state)
    state.save(tmp_path / "state")
    twin, loaded = copy.deepcopy(parameters), OptimizerState.load(tmp_path / "state")
    for own, remembered in ((parameters, state), (twin, loaded)):
        optimizer.step(own, draw(2, dtype), remembered)
    assert_same_parameters(twin, parameters)
    assert (loaded.kind, loaded.steps, loaded.beta1_power) == (state.kind, state.steps, state.beta1_power)
    assert loaded.slots.keys() == state.slots.keys()
    for slot, arrays in state.slots.items():
        assert loaded.slots[slot].keys() == arrays.keys()
        for name, array in arrays.items():
            assert_same_bits(loaded.slots[slot][name], array)


def rewritten(path, facts=(), tensors=()):
    """A saved state, sealed again after somebody changed it."""
    state = Adam().initial_state(draw(0))
    own_facts, own_tensors = optimizer_state.pack(state)
    changed = {"optimizer": own_facts | dict(facts)}
    _sealed_files.write(path, optimizer_state.KIND, 1, changed, own_tensors | dict(tensors))
    return path


FILES = {
    "another kind": ({"kind": "lion"}, {}, "damaged: .*kind is 'lion', expected one of sgd, rmsprop"),
    "negative steps": ({"steps": -1}, {}, "damaged: ValueError: steps is -1, expected at least 0"),
    "broken steps": ({"steps": 1.5}, {}, "damaged: TypeError: steps is 1.5, expected an integer"),
    "another optimiser's": (
        {},
        {"momentum.b": np.zeros(17)},
        "damaged: .*momentum.b is no part of what adam",
    ),
    "nan": ({}, {"m.b": np.full(17, np.nan)}, "damaged: .*m.b is not finite numbers"),
    "integers": ({}, {"m.b": np.zeros(17, int)}, "damaged: .*m.b is not finite numbers of float32"),
    "a parameter that one moment lacks": ({}, {"m.spare": np.zeros(1)}, "damaged: .*v.spare is missing"),
    "negative squares": ({}, {"v.b": np.full(17, -1.0)}, "damaged: .*v.b has negative numbers"),
    "a power of two": ({"beta1_power": "0x1p1"}, {}, "damaged: .*beta1_power .* expected 0 to 1"),
}


@pytest.mark.parametrize(
    ("kind", "slots"),
    [("adam", ""), ("adam", "m"), ("adamw", "v"), ("rmsprop", ""), ("rmsprop", "m")],
)
def test_what_lacks_a_moment_after_a_step_is_refused(tmp_path, kind, slots):
    """Training would silently start afresh."""
    state = OptimizerState(kind, 1, slots={slot: {"w": np.ones(2)} for slot in slots})
    state.save(tmp_path / "state")
    with pytest.raises(ValueError, match=f"is missing, expected what {kind} remembers"):
        OptimizerState.load(tmp_path / "state")
    OptimizerState(kind).save(tmp_path / "state")  # before one there is nothing to remember
    assert OptimizerState.load(tmp_path / "state").slots == {}


@pytest.mark.parametrize(("facts", "tensors", "message"), FILES.values(), ids=FILES)
def test_files_that_are_no_state_are_refused(tmp_path, facts, tensors, message):
    with pytest.raises(ValueError, match=message):
        OptimizerState.load(rewritten(tmp_path / "state", facts, tensors))


def test_a_flipped_bit_and_another_file_are_refused(tmp_path):
    path = rewritten(tmp_path / "state")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"damaged: .*its content does not agree with its checksum"):
        OptimizerState.load(path)
    LanguageModel(5, 3).save(path)
    with pytest.raises(ValueError, match=r"of another kind: 'rnnfast.LanguageModel', expected"):
        OptimizerState.load(path)
    with pytest.raises(FileNotFoundError):
        OptimizerState.load(tmp_path / "nothing")
