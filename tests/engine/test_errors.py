"""Bad arguments: the exception's type, and a message that names the argument, what came and what was expected."""

from __future__ import annotations

import numpy as np
import pytest

import rnnfast
from rnnfast import SGD, Adam, AdamW, LanguageModel, RMSprop, Sampler, State, _core, text

from .cases import assert_same_parameters, make_lstm, one_hot, samples, snapshot

V, H = 5, 6
X, Y = samples(V=V)
N, T = X.shape

CONSTRUCTOR = [
    ({"vocab_size": 0}, ValueError, "vocab_size is 0, expected at least 1"),
    ({"vocab_size": -3}, ValueError, "vocab_size is -3, expected at least 1"),
    ({"vocab_size": 2.0}, TypeError, "vocab_size is 2.0, expected an integer"),
    ({"vocab_size": "5"}, TypeError, "vocab_size is '5', expected an integer"),
    ({"vocab_size": True}, ValueError, "vocab_size is True, expected an integer"),
    ({"vocab_size": 2**40}, ValueError, "vocab_size is 1099511627776, expected an integer below"),
    ({"hidden_size": 0}, ValueError, "hidden_size is 0, expected at least 1"),
    ({"hidden_size": None}, TypeError, "hidden_size is None, expected an integer"),
    ({"hidden_size": 2**30}, ValueError, "hidden_size is 1073741824, .*expected at most"),
    ({"num_layers": 0}, ValueError, "num_layers is 0, expected at least 1"),
    ({"cell": "tcn"}, ValueError, "cell is 'tcn', expected 'lstm', 'gru' or 'rnn'"),
    ({"cell": "rnn", "nonlinearity": "sigmoid"}, ValueError, "nonlinearity is 'sigmoid', expected 'tanh' or"),
    ({"embedding_size": 0}, ValueError, "embedding_size is 0, expected at least 1, or None"),
    ({"embedding_size": "4"}, TypeError, "embedding_size is '4', expected an integer"),
    (
        {"tie_weights": True},
        ValueError,
        "embedding_size is 0, expected .* = hidden_size where tie_weights is set",
    ),
    ({"dropout": 1.0}, ValueError, "dropout is 1, expected at least 0, below 1"),
    ({"dropout": float("nan")}, ValueError, "dropout is nan, expected at least 0"),
    ({"dtype": "float16"}, ValueError, "dtype is float16, expected float32 or float64"),
    ({"dtype": "bfloat"}, ValueError, "dtype is 'bfloat', expected float32 or float64"),
    ({"seed": -1}, ValueError, "seed is -1, expected 0 to 2.64 - 1"),
    ({"seed": 2**64}, ValueError, "seed is 18446744073709551616, expected"),
    ({"seed": 1.5}, TypeError, "seed is 1.5, expected an integer"),
    ({"vocabulary": "abcd"}, ValueError, "vocabulary has 4 entries, expected 5 = vocab_size"),
    ({"vocabulary": "abcda"}, ValueError, "vocabulary has 'a' more than once"),
    ({"vocabulary": ["a", "b", "", "d", "e"]}, ValueError, "vocabulary holds an empty entry"),
    ({"vocabulary": [1, 2, 3, 4, 5]}, ValueError, "vocabulary holds .* not a string"),
    ({"vocabulary": 5}, TypeError, "vocabulary is 5, expected a sequence of strings"),
]

SHAPE_OF_Y = rf"Y has shape .*expected \({N}, {T}\) tokens, or one-hot"
FIT = [
    ({"epochs": -1}, ValueError, "epochs is -1, expected at least 0"),
    ({"epochs": 2.5}, TypeError, "epochs is 2.5, expected an integer"),
    ({"batch_size": 0}, ValueError, "batch_size is 0, expected at least 1, or None"),
    ({"batch_size": -4}, ValueError, "batch_size is -4, expected at least 1"),
    ({"batch_size": "all"}, TypeError, "batch_size is 'all', expected an integer"),
    ({"truncate": 0}, ValueError, "truncate is 0, expected at least 1, or None"),
    ({"stateful": True}, ValueError, "stateful is True, expected truncate= with it"),
    ({"reduction": "mean"}, ValueError, "reduction is 'mean', expected 'token' or 'sequence'"),
    ({"reduction": None}, (TypeError, ValueError), "reduction is None, expected 'token' or 'sequence'"),
    ({"optimizer": "adam"}, TypeError, "optimizer is 'adam', expected .*Adam"),
    ({"optimizer": Adam}, TypeError, "optimizer is <class .*expected .*Adam"),
    ({"optimizer": None}, TypeError, "optimizer is None, expected .*Adam"),
    ({"clip_value": 0}, ValueError, "clip_value is 0.* expected more than 0"),
    ({"clip_value": -1.0}, ValueError, "clip_value is -1.* expected more than 0"),
    ({"clip_value": float("nan")}, ValueError, "clip_value is -?nan, expected more than 0"),
    ({"clip_value": "1"}, TypeError, "clip_value is '1', expected a number"),
    ({"clip_norm": 0.0}, ValueError, "clip_norm is 0.* expected more than 0"),
    ({"clip_norm": [1]}, TypeError, r"clip_norm is \[1\], expected a number"),
    ({"optimizer": SGD(weight_decay=1e39)}, ValueError, "weight_decay is 1e.39, which is infinite in"),
    ({"validation": 0.0}, ValueError, "validation is 0.0, expected .*fraction between 0 and 1"),
    ({"validation": 1.0}, ValueError, "validation is 1.0, expected"),
    ({"validation": 0.999}, ValueError, "validation is 0.999, which leaves none of 7 samples"),
    ({"validation": (X,)}, ValueError, r"validation has 1 entries, expected \(X, Y\)"),
    ({"validation": (X, X[:2])}, ValueError, "validation Y has shape"),
    ({"validation": (X, np.full((N, T), V))}, ValueError, r"validation Y\[0, 0\] is 5, expected a token"),
    ({"callbacks": print}, TypeError, "callbacks is .*, expected a sequence of functions"),
    ({"callbacks": [5]}, TypeError, "callbacks .*5.*, expected .*function"),
    ({"X": X[0]}, ValueError, r"X has shape \(6,\), expected tokens \(N, T\) or one-hot vectors \(N, T, 5\)"),
    ({"X": np.zeros((0, 4), int)}, ValueError, r"X has shape \(0, 4\), expected at least one sample"),
    ({"X": np.zeros((4, 0), int)}, ValueError, r"X has shape \(4, 0\), expected at least one sample"),
    ({"X": X.astype(float)}, TypeError, "X has dtype float64, expected integers"),
    ({"X": np.full(X.shape, "a")}, TypeError, "X has dtype <U1, expected tokens"),
    ({"X": None}, TypeError, "X has dtype object, expected tokens"),
    ({"X": [[1, 2], [3]]}, ValueError, "X is ragged, expected tokens"),
    (
        {"X": np.where(X == 0, V, X)},
        ValueError,
        r"X\[0, 0\] is 5, expected a token from 0 to 4, or -1 for none",
    ),
    ({"X": np.where(X == 0, -2, X)}, ValueError, r"X\[0, 0\] is -2, expected a token from 0 to 4"),
    ({"X": X.astype(np.int64) + 2**40}, ValueError, "X has .* to .*, expected -1 to 4"),
    ({"X": one_hot(X, V) * 2}, ValueError, "X has shape .* but is not one-hot"),
    ({"X": np.ones((N, T, V))}, ValueError, "X has shape .* but is not one-hot"),
    ({"X": one_hot(X, V) * np.nan}, ValueError, "not one-hot"),
    ({"X": one_hot(X, V + 1)}, ValueError, r"X has shape \(7, 6, 6\), expected .*\(N, T, 5\)"),
    ({"X": X[:, :1], "Y": None}, ValueError, r"X has shape \(7, 1\): without Y it needs at least 2 steps"),
    ({"Y": Y[:, :3]}, ValueError, SHAPE_OF_Y),
    ({"Y": Y[:3]}, ValueError, SHAPE_OF_Y),
    ({"Y": one_hot(Y, V + 1)}, ValueError, SHAPE_OF_Y),
    ({"Y": np.full_like(Y, -1)}, ValueError, "Y has no target that counts: all are -1"),
    ({"Y": np.where(Y == 0, 99, Y)}, ValueError, r"Y\[0, 0\] is 99, expected a token"),
    ({"Y": Y.astype(float)}, TypeError, "Y has dtype float64, expected integers"),
]

GENERATE = [
    ({"length": -1}, ValueError, "length is -1, expected at least 0"),
    ({"length": 2.5}, TypeError, "length is 2.5, expected an integer"),
    ({"temperature": -0.1}, ValueError, "temperature is -0.1.*, expected a finite number of at least 0"),
    ({"temperature": float("nan")}, ValueError, "temperature is -?nan, expected"),
    ({"temperature": float("inf")}, ValueError, "temperature is inf, expected"),
    ({"temperature": None}, TypeError, "temperature is None, expected a number"),
    ({"temperature": "hot"}, TypeError, "temperature is 'hot', expected a number"),
    ({"top_k": -1}, ValueError, "top_k is -1.*, expected at least 0"),
    ({"top_k": 1.5}, TypeError, "top_k is 1.5, expected an integer"),
    ({"top_p": 0.0}, ValueError, "top_p is 0.*, expected more than 0 and at most 1"),
    ({"top_p": 1.1}, ValueError, "top_p is 1.1.*, expected more than 0 and at most 1"),
    ({"top_p": float("nan")}, ValueError, "top_p is -?nan, expected"),
    ({"top_p": "0.5"}, TypeError, "top_p is '0.5', expected a number"),
    ({"num_streams": -1}, ValueError, "num_streams is -1, expected at least 0"),
    ({"num_streams": 2.0}, TypeError, "num_streams is 2.0, expected an integer"),
    (
        {"num_streams": 3, "prompt": [[1], [2]]},
        ValueError,
        "prompt is for 2 streams, expected 3 = num_streams",
    ),
    ({"stop_token": V}, ValueError, "stop_token.* is 5, expected a token from 0 to 4"),
    ({"stop_token": "a"}, TypeError, "stop_token is 'a', expected an integer"),
    ({"initial_token": -2}, ValueError, "initial_token.* is -2, expected a token from 0 to 4"),
    ({"seed": -1}, ValueError, "seed is -1, expected 0 to"),
    ({"seed": "x"}, TypeError, "seed is 'x', expected an integer"),
    ({"prompt": 3}, TypeError, "prompt is 3, expected"),
    ({"prompt": [1, V]}, ValueError, r"prompt\[0, 1\] is 5, expected a token from 0 to 4"),
    ({"prompt": [[1], [2], [1, V]]}, ValueError, r"prompt\[2, 1\] is 5, expected a token from 0 to 4"),
    ({"prompt": [1.5]}, TypeError, "prompt has dtype float64, expected integers"),
    ({"prompt": "abc"}, ValueError, "prompt is text, but the model has no vocabulary"),
    ({"prompt": np.zeros((2, 2, 2), int)}, ValueError, r"prompt has shape \(2, 2, 2\), expected"),
    ({"state": 5}, TypeError, "state is a int, expected a State"),
]

PREDICT = [
    ({"X": X[0]}, ValueError, r"X has shape \(6,\), expected tokens"),
    ({"X": X + V}, ValueError, r"X\[0, 0\] is 5, expected a token"),
    ({"state": "no"}, TypeError, "state is a str, expected a State"),
    (
        {"X": X, "state": LanguageModel(V, H).initial_state(2)},
        ValueError,
        r"state.h has shape \(1, 2, 6\), expected \(1, 7, 6\)",
    ),
    (
        {"X": X, "state": LanguageModel(V, 9).initial_state(N)},
        ValueError,
        r"state.h has shape \(1, 7, 9\), expected",
    ),
    (
        {"X": X, "state": State(*(np.zeros((1, N, H)),) * 2, np.zeros(2))},
        ValueError,
        r"state.position has shape \(2,\)",
    ),
]


def identify(case):
    options = case[0] if isinstance(case[0], dict) else {}
    return ", ".join(f"{key}={str(value)[:20]}" for key, value in options.items()).replace("\n", "")


def table(cases):
    return pytest.mark.parametrize(("options", "error", "message"), cases, ids=map(identify, cases))


@table(CONSTRUCTOR)
def test_language_model(options, error, message):
    with pytest.raises(error, match=message):
        LanguageModel(**{"vocab_size": V, "hidden_size": H} | options)


@table(FIT)
def test_fit(options, error, message):
    model = LanguageModel(V, H)
    before = snapshot(model)
    with pytest.raises(error, match=message):
        model.fit(**{"X": X, "Y": Y, "epochs": 1} | options)
    assert_same_parameters(model, before)
    assert model.history.loss == []


@table([case for case in FIT if set(case[0]) <= {"X", "Y"}])
def test_evaluate(options, error, message):
    with pytest.raises(error, match=message):
        LanguageModel(V, H).evaluate(**{"X": X, "Y": Y} | options)


@table(GENERATE)
def test_generate(options, error, message):
    with pytest.raises(error, match=message):
        LanguageModel(V, H).generate(**{"length": 3} | options)


@table(PREDICT)
def test_predict(options, error, message):
    with pytest.raises(error, match=message):
        LanguageModel(V, H).predict(**{"X": X} | options)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.step(X), ValueError, r"tokens has shape \(7, 6\), expected .*\(N, 5\)"),
        (lambda m: m.step([9]), ValueError, "is 9, expected a token from 0 to 4"),
        (lambda m: m.initial_state(-1), ValueError, "num_streams is -1, expected at least 0"),
        (lambda m: m.initial_state(1.0), TypeError, "num_streams is 1.0, expected an integer"),
        (lambda m: m.decode([0]), ValueError, "decode: the model has no vocabulary"),
    ],
)
def test_other_methods(call, error, message):
    with pytest.raises(error, match=message):
        call(LanguageModel(V, H))


ADAM = Adam().native()
OPTIMIZERS = [
    (Adam, {"learning_rate": 0.0}, ValueError, "learning_rate is 0.*, expected more than 0"),
    (Adam, {"learning_rate": float("inf")}, ValueError, "learning_rate is inf, expected"),
    (Adam, {"learning_rate": "x"}, TypeError, "learning_rate is 'x', expected a number"),
    (Adam, {"beta1": 1.0}, ValueError, "beta1 is 1.*, expected at least 0 and less than 1"),
    (Adam, {"beta2": -0.1}, ValueError, "beta2 is -0.1.*, expected at least 0 and less than 1"),
    (Adam, {"epsilon": 0.0}, ValueError, "epsilon is 0.*, expected more than 0"),
    (Adam, {"epsilon": float("nan")}, ValueError, "epsilon is -?nan, expected more than 0"),
    (Adam, {"decay": -1.0}, ValueError, "decay is -1.*, expected at least 0"),
    (Adam, {"beta1": None}, TypeError, "beta1 is None, expected a number"),
    (SGD, {"learning_rate": -1.0}, ValueError, "learning_rate is -1.*, expected more than 0"),
    (SGD, {"decay": float("nan")}, ValueError, "decay is -?nan, expected at least 0"),
    (SGD, {"momentum": 1.0}, ValueError, "momentum is 1, expected at least 0 and less than 1"),
    (SGD, {"momentum": "x"}, TypeError, "momentum is 'x', expected a number"),
    (SGD, {"nesterov": True}, ValueError, "momentum is 0, expected more than 0 with nesterov"),
    (SGD, {"weight_decay": -0.1}, ValueError, "weight_decay is -0.1, expected at least 0"),
    (RMSprop, {"alpha": 1.0}, ValueError, "alpha is 1, expected at least 0 and less than 1"),
    (RMSprop, {"momentum": -0.1}, ValueError, "momentum is -0.1, expected at least 0 and less than 1"),
    (RMSprop, {"epsilon": 0.0}, ValueError, "epsilon is 0, expected more than 0"),
    (RMSprop, {"weight_decay": float("inf")}, ValueError, "weight_decay is inf, expected at least 0"),
    (AdamW, {"weight_decay": float("nan")}, ValueError, "weight_decay is -?nan, expected at least 0"),
    (AdamW, {"learning_rate": 0.5, "weight_decay": 3}, ValueError, "weight_decay is 3, expected at most 1 /"),
    (SGD, {"learning_rate": [1]}, TypeError, r"learning_rate is \[1\], expected a number"),
]


@pytest.mark.parametrize(("kind", "options", "error", "message"), OPTIMIZERS, ids=str)
def test_optimizers(kind, options, error, message):
    with pytest.raises(error, match=message):
        kind(**options)


TEXT = [
    (lambda: text.encode("abx", "ab"), ValueError, "text has 'x', which the vocabulary does not have"),
    (lambda: text.encode(["ab", "q"], ["ab", "c"]), ValueError, "text has 'q', which"),
    (lambda: text.decode([[0]], "ab"), ValueError, r"tokens has shape \(1, 1\), expected \(T,\)"),
    (lambda: text.decode([0, 2], "ab"), ValueError, "tokens has 0 to 2, expected -1 to 1"),
    (lambda: text.decode([-2], "ab"), ValueError, "tokens has -2 to -2, expected -1 to 1"),
    (lambda: text.check_vocabulary("aba", 3), ValueError, "vocabulary has 'a' more than once"),
    (
        lambda: rnnfast.set_isa("mmx"),
        ValueError,
        "set_isa: name is 'mmx', expected one that this machine can run",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), TEXT)
def test_text_and_runtime(call, error, message):
    with pytest.raises(error, match=message):
        call()


def lstm(**changes):
    case = make_lstm(2, 3, 4, H, np.float32)
    for name, change in changes.items():
        setattr(case, name, change(getattr(case, name)))
    return case


NATIVE = [
    (
        lambda: lstm(R=lambda R: R[:, :-1].copy()).forward(),
        ValueError,
        r"R has shape \(6, 23\), expected \(6, 24\) = \(H, 4\*H\)",
    ),
    (
        lambda: lstm(W=lambda W: W[:, 1:].copy()).forward(),
        ValueError,
        r"W has shape \(4, 23\), expected \(4, 24\) = \(D, 4\*H\)",
    ),
    (lambda: lstm(b=lambda b: b[:-1].copy()).forward(), ValueError, r"b has shape \(23,\), expected \(24,\)"),
    (
        lambda: lstm(h0=lambda h: h[1:]).forward(),
        ValueError,
        r"h0 has shape \(2, 6\), expected \(3, 6\) = \(N, H\)",
    ),
    (lambda: lstm(c0=lambda c: c[0]).forward(), ValueError, r"c0 has shape \(6,\), expected \(3, 6\)"),
    (
        lambda: lstm(x=lambda x: x[..., 1:].copy()).forward(),
        ValueError,
        r"x has shape \(2, 3, 3\), expected \(2, 3, 4\)",
    ),
    (
        lambda: lstm(x=lambda x: x.astype(np.float64)).forward(),
        TypeError,
        "x has dtype float64, expected C-contiguous int32",
    ),
    (lambda: lstm(x=lambda x: x[:, ::-1]).forward(), TypeError, "x has dtype float32, expected C-contiguous"),
    (
        lambda: lstm(x=lambda x: np.full((2, 3), 4, np.int32)).forward(),
        ValueError,
        "x has the token 4, expected -1 to 3",
    ),
    (lambda: lstm(W=lambda W: W.astype(np.float64)).forward(), TypeError, "incompatible function arguments"),
    (lambda: lstm(W=np.asfortranarray).forward(), TypeError, "incompatible function arguments"),
    (
        lambda: lstm(dh_out=lambda d: d[1:]).backward(*lstm().forward()),
        ValueError,
        r"dh_out has shape \(1, 3, 6\), expected \(2, 3, 6\)",
    ),
    (
        lambda: lstm(dc_last=lambda d: d[1:]).backward(*lstm().forward()),
        ValueError,
        r"dc_last has shape \(2, 6\), expected \(3, 6\)",
    ),
    (
        lambda: lstm().backward(*(a[1:] for a in lstm().forward())),
        ValueError,
        r"h has shape \(2, 3, 6\), expected \(3, 3, 6\)",
    ),
    (
        lambda: _core.softmax(np.zeros(3, np.float32)),
        ValueError,
        r"logits has shape \(3,\), expected \(rows, V\)",
    ),
    (
        lambda: _core.cross_entropy(np.zeros((1, 3), np.float32), np.array([3], np.int32), 1.0),
        ValueError,
        "targets has 3, expected -1 to 2",
    ),
    (
        lambda: _core.draw(np.zeros(0), np.zeros(1), Sampler().native(), np.zeros(0, np.int32)),
        ValueError,
        "logits is empty",
    ),
    (lambda: _core.random_permutation(-1, 0, 0), ValueError, "n is -1, expected at least 0"),
    (
        lambda: _core.optimizer_step(ADAM, None, None, False, [np.zeros(3)], [np.zeros(2)], {}, 0, 1.0, 1.0),
        ValueError,
        r"g has shape \(2,\), expected \(3,\)",
    ),
    (
        lambda: _core.optimizer_step(ADAM, None, None, False, [np.zeros(3)], [], {}, 0, 1.0, 1.0),
        ValueError,
        "gradients has 0 arrays, expected 1 as parameters",
    ),
    (
        lambda: _core.optimizer_step(ADAM, None, None, False, [np.zeros(3)], [np.zeros(3)], {}, 0, 1.0, 1.0),
        ValueError,
        "m has 0 arrays, expected 1 as parameters",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), NATIVE, ids=range(len(NATIVE)))
def test_the_compiled_module_checks_types_and_shapes(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_an_array_to_be_changed_is_never_copied_silently():
    for g in (np.ones(4, np.float32)[::2], np.ones(4, np.int32), [1.0, 2.0]):
        with pytest.raises(TypeError):
            _core.clip_gradient(0.5, None, g)


def test_memory_that_cannot_be_had_is_a_memory_error():
    with pytest.raises(MemoryError):
        LanguageModel(2**31 - 1, 2**24, dtype="float64")
