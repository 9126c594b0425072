"""The exercises' dictionaries: their own functions, as the references write them, give the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast.convert import from_course, to_course
from rnnfast.convert.course import dictionary_of, network_of
from rnnfast.convert.description import Dense, Embedding, Network
from rnnfast.reference import steps

from .networks import make_stack, mutants, run, same

N_X, N_A, N_Y, M, T = 3, 4, 2, 5, 6
FORWARD = {"rnn": steps.rnn_forward, "lstm": steps.lstm_forward, "gru": steps.gru_forward}
GATES = {"lstm": "fico", "gru": "ruc"}


def parameters_of(cell, bias="ba"):
    draw = np.random.default_rng(2)
    if cell == "rnn":
        shapes = {"Wax": (N_A, N_X), "Waa": (N_A, N_A), bias: (N_A, 1), "Wya": (N_Y, N_A)}
    else:
        shapes = {f"W{gate}": (N_A, N_A + N_X) for gate in GATES[cell]}
        shapes |= {f"b{gate}": (N_A, 1) for gate in GATES[cell]} | {"Wy": (N_Y, N_A)}
    return {name: draw.normal(size=shape) for name, shape in (shapes | {"by": (N_Y, 1)}).items()}


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def outputs(cell, network):
    """What the exercise's function and the description compute, both [T, M, N_Y]."""
    draw = np.random.default_rng(3)
    x, a0 = draw.normal(size=(N_X, M, T)), draw.normal(size=(N_A, M))
    _, y, *_ = FORWARD[cell](x, a0, parameters_of(cell))
    logits, _, _ = run(network, x.transpose(2, 1, 0), a0.T[np.newaxis])
    return y.transpose(2, 1, 0), softmax(logits)


@pytest.mark.parametrize("cell", FORWARD)
def test_the_exercise_computes_the_same(cell):
    expected, got = outputs(cell, network_of(parameters_of(cell)))
    assert np.abs(got - expected).max() < 1e-14


@pytest.mark.parametrize("cell", FORWARD)
def test_a_mistake_in_reading_would_show(cell):
    for mistake, mutant in mutants(network_of(parameters_of(cell))).items():
        expected, got = outputs(cell, mutant)
        assert np.abs(got - expected).max() > 1e-3, mistake


@pytest.mark.parametrize("bias", ["ba", "b"])
@pytest.mark.parametrize("cell", FORWARD)
def test_in_and_out_again_changes_no_bit(cell, bias):
    parameters = parameters_of(cell, bias)
    again = dictionary_of(network_of(parameters), bias)
    assert again.keys() == parameters.keys()
    assert all(np.array_equal(again[name], parameters[name]) for name in parameters)
    without = {name: array for name, array in parameters.items() if name not in ("Wy", "Wya", "by")}
    assert same(network_of(without), Network(network_of(parameters).parts[:1]))


def test_a_model_goes_out_and_comes_back():
    draw = np.random.default_rng(4)
    parameters = {f"W{gate}": draw.normal(size=(6, 6 + 5)) for gate in "fico"} | {
        "Wy": draw.normal(size=(5, 6))
    }
    parameters |= {f"b{gate}": draw.normal(size=(6, 1)) for gate in "fico"} | {"by": draw.normal(size=(5, 1))}
    with pytest.raises(
        ValueError, match="may be tokens as one-hot vectors, or not: pass language_model=True"
    ):
        from_course(parameters)
    model = from_course(parameters, language_model=True)
    x = np.array([[0, 4, 2, 2]])
    _, expected, *_ = steps.lstm_forward(np.eye(5)[x].transpose(2, 0, 1), np.zeros((6, 1)), parameters)
    probabilities, _ = model.predict(x)
    assert np.abs(probabilities - expected.transpose(1, 2, 0)).max() < 1e-12
    assert all(np.array_equal(array, parameters[name]) for name, array in to_course(model).items())


def changed(cell, **changes):
    return {name: value for name, value in (parameters_of(cell) | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "parameters has no names, expected one of Waa"),
        (parameters_of("rnn") | parameters_of("gru"), "expected one of Waa .*, Wu .*, Wf"),
        (changed("lstm", Wo=None), "parameters has no Wo"),
        (changed("lstm", bc=None), "parameters has no bc"),
        (changed("gru", by=None), "parameters has no by"),
        (changed("rnn", Wax=None), "parameters has no Wax"),
        (changed("rnn", Wy=np.zeros((2, 4))), "parameters has Wy, which no RNN of the exercises has"),
        (changed("rnn", b=np.zeros((4, 1))), "parameters has b, which no RNN"),
        (changed("lstm", bi=np.zeros(4)), r"parameters\['bi'\] has shape \(4,\), expected \(4, 1\)"),
        (changed("lstm", Wi=np.zeros((4, 6))), r"parameters\['Wi'\] has shape \(4, 6\), expected \(4, 7\)"),
        (changed("lstm", Wf=np.zeros(4)), r"parameters\['Wf'\] has shape \(4,\), expected \(any, any\)"),
        (changed("gru", Wy=np.zeros((2, 5))), "takes 5 numbers, but the one before it gives 4"),
        (changed("gru", Wy=np.zeros((3, 4))), r"dense.b has shape \(2,\), expected \(3,\)"),
        (changed("rnn", Waa=np.zeros((4, 3))), r"parameters\['Waa'\] has shape \(4, 3\), expected \(4, 4\)"),
        (changed("rnn", Waa=np.full((4, 4), np.inf)), "layers.0.R has numbers that are not finite"),
        (changed("rnn", Waa="a"), r"parameters\['Waa'\] is <U1, expected floating-point"),
    ],
    ids=range(16),
)  # fmt: skip
def test_dictionaries_of_no_exercise_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        network_of(parameters)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([make_stack("gru")], "no GRU with a reset after the product"),
        ([make_stack("rnn", nonlinearity="relu")], "no RNN with relu"),
        ([make_stack("lstm", layers=2)], "no LSTM with several layers"),
        ([make_stack("lstm", directions=2)], "no LSTM with two directions"),
        ([make_stack("lstm", peephole=True)], "no LSTM with peepholes"),
        ([make_stack("lstm", coupled=True)], "no LSTM with coupled gates"),
        ([make_stack("lstm", proj_size=2)], "no LSTM with a projection"),
        ([Embedding(np.ones((5, 3))), make_stack("lstm")], "a recurrent layer and an output layer, nothing else"),
        ([make_stack("lstm"), Dense(np.ones((4, 4)), np.ones(4)), Dense(np.ones((4, 4)), np.ones(4))], "nothing else"),
    ],
    ids=range(9),
)  # fmt: skip
def test_what_the_exercises_have_not_is_not_written(parts, message):
    with pytest.raises(ValueError, match=message):
        dictionary_of(Network(tuple(parts)), "ba")


def test_other_arguments_are_refused():
    with pytest.raises(TypeError, match="parameters is a list, expected a dictionary"):
        from_course([])
    with pytest.raises(ValueError, match="bias is 'bb', expected 'ba' or 'b'"):
        dictionary_of(network_of(parameters_of("rnn")), "bb")
