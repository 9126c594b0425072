"""PyTorch's state_dicts, in and out: golden files with PyTorch's own answers, and what is refused."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import rnnfast
from rnnfast.convert import from_torch, to_torch
from rnnfast.convert.description import Dense, Embedding, Network
from rnnfast.convert.torch_files import read_state_dict
from rnnfast.convert.torch_modules import network_of, state_dict_of

from .networks import make_stack, mutants, run, same

GOLDEN = Path(__file__).parent / "golden" / "torch"
NONLINEARITY = {"rnn_tanh": "tanh", "rnn_relu": "relu"}
NAMES = sorted(path.stem for path in GOLDEN.glob("*.safetensors") if "float" not in path.stem)


def network(name):
    return described(read_state_dict(GOLDEN / f"{name}.safetensors"), name)


def described(tensors, name="model_lstm", modules=None):
    """The network of a golden file; of a model's with the word that it predicts tokens."""
    is_model = True if name.startswith("model") else None
    return network_of(tensors, modules, NONLINEARITY.get(name), False, language_model=is_model)


def inputs(answers, name):
    x = answers["torch"][f"{name}.x"]
    return np.eye(7)[x] if name == "model_lstm" else x


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_file_computes_what_pytorch_computed(answers, name):
    y, _, _ = run(network(name), inputs(answers, name))
    assert np.abs(y - answers["torch"][f"{name}.y"]).max() < 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_in_reading_would_show(answers, name):
    for mistake, mutant in mutants(network(name)).items():
        y, _, _ = run(mutant, inputs(answers, name))
        assert np.abs(y - answers["torch"][f"{name}.y"]).max() > 1e-3, mistake


@pytest.mark.parametrize("name", ["checkpoint.pt", "views.pt", "model_lstm.safetensors"])
def test_every_way_to_save_a_model_gives_the_same(name):
    modules = ("weights.rnn", "weights.decoder") if name == "checkpoint.pt" else None
    assert same(described(read_state_dict(GOLDEN / name), modules=modules), network("model_lstm"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_widened_and_changes_no_number(dtype):
    full = network("model_lstm").parts[1].W
    bits = {"float16": 11, "bfloat16": 8}[dtype]
    scale = 2.0 ** (bits - 1 - np.floor(np.log2(np.abs(full))))
    expected = np.round(full * scale) / scale
    for suffix in ("pt", "safetensors"):
        got = described(read_state_dict(GOLDEN / f"{dtype}.{suffix}")).parts[1].W
        assert got.dtype == np.float32
        assert np.array_equal(got, expected)


def test_a_file_of_a_machine_of_the_other_byte_order(tmp_path):
    path = tmp_path / "big.pt"
    with zipfile.ZipFile(GOLDEN / "float.pt") as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if "/data/" in name:
                data = np.frombuffer(data, "<f4").astype(">f4").tobytes()
            target.writestr(name, b"big" if name.endswith("byteorder") else data)
    ours, theirs = (described(read_state_dict(p)) for p in (path, GOLDEN / "float.pt"))
    assert same(ours, theirs)
    assert ours.parts[0].layers[0][0].W.dtype.isnative


def test_the_recurrent_bias_of_a_gru_stays_apart():
    tensors = read_state_dict(GOLDEN / "gru.safetensors")
    cell = network("gru").parts[0].layers[1][1]
    b_ih, b_hh = tensors["bias_ih_l1_reverse"], tensors["bias_hh_l1_reverse"]
    assert np.array_equal(cell.b_Rn, b_hh[8:])
    assert np.array_equal(cell.b, np.concatenate([b_ih[:8] + b_hh[:8], b_ih[8:]]))


ROUND_TRIPS = {
    "rnn": make_stack("rnn", layers=2, directions=2),
    "gru": make_stack("gru", layers=3),
    "gru, both directions, float32": make_stack("gru", directions=2, dtype="f4"),
    "lstm": make_stack("lstm", layers=2, directions=2),
    "lstm, projected": make_stack("lstm", layers=2, directions=2, proj_size=2),
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_out_and_in_again_changes_no_bit(tmp_path, name):
    stack = ROUND_TRIPS[name]
    alone = Network((stack,))
    assert same(network_of(state_dict_of(alone), None, stack.nonlinearity, False), alone)
    draw = np.random.default_rng(0)
    table, W = draw.normal(size=(5, 3)), draw.normal(size=(stack.output_size, 6))
    whole = Network((Embedding(table), stack, Dense(W, draw.normal(size=6))))
    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file(state_dict_of(whole), path)
    assert same(network_of(read_state_dict(path), None, stack.nonlinearity, False), whole)


@pytest.mark.parametrize(
    ("stack", "what"),
    [
        (make_stack("lstm", peephole=True), "no LSTM with peepholes"),
        (make_stack("lstm", coupled=True), "no LSTM with coupled gates"),
        (make_stack("gru", reset_after=False), "no GRU with a reset before the product"),
        (make_stack("lstm", proj_size=4), "no LSTM with a projection to as many numbers as it has units"),
    ],
)
def test_what_pytorch_has_not_is_not_written(stack, what):
    with pytest.raises(ValueError, match=what):
        state_dict_of(Network((stack,)))


def state_dict(**shapes):
    return {name.replace("__", "."): np.zeros(shape) for name, shape in shapes.items()}


LSTM = {"r__weight_ih_l0": (8, 3), "r__weight_hh_l0": (8, 2), "r__bias_ih_l0": 8, "r__bias_hh_l0": 8}
RNN = {"weight_ih_l0": (2, 3), "weight_hh_l0": (2, 2)}


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (RNN, r"does not say the nonlinearity of an nn.RNN.*nonlinearity='tanh' or nonlinearity='relu'"),
        ({"a__weight": (3, 2), "a__bias": 3}, "there is no recurrent module"),
        ({}, "there is no recurrent module"),
        (LSTM | {"norm__running_mean": 2}, r"norm.running_mean is no parameter of an nn.RNN.*modules="),
        (
            LSTM | {"conv__weight": (2, 2, 3), "conv__bias": 2},
            r"conv.weight has shape \(2, 2, 3\), .*modules=",
        ),
        (
            LSTM | {"norm__weight": 8, "norm__bias": 8, "out__weight": (5, 2), "out__bias": 5},
            r"norm.weight has shape \(8,\), expected the 2 dimensions of an nn.Linear's or .*; choose .* modules=",
        ),
        (
            LSTM | {"s__weight_ih_l0": (8, 2), "s__weight_hh_l0": (8, 2)},
            r"in which order.*modules=\('r', 's'\)",
        ),
        (LSTM | {"a__weight": (9, 2), "b__weight": (7, 9), "a__bias": 9, "b__bias": 7}, "in which order"),
        (LSTM | dict.fromkeys(("a__weight", "b__weight", "c__weight"), (9, 2)), "in which order"),
        (
            LSTM | {"a__weight": (9, 5), "a__bias": 9},
            r"fit each other in no order: 'r' takes 3 numbers and gives 2, 'a' takes 5 numbers and gives 9",
        ),
        (LSTM | {"r__weight_ih_l2": (8, 2)}, r"r.weight_ih_l2 belongs to no layer.*without a gap"),
        (LSTM | {"r__weight_ih_l0_reverse": (8, 3)}, r"r.weight_hh_l0_reverse is missing"),
        (LSTM | {"r__weight_hr_l0": (2, 2, 1)}, r"weight_hh_l0 is missing, or no matrix"),
        (LSTM | {"r__weight_hr_l0": (2, 5)}, r"expected as many rows"),
        (LSTM | {"r__weight_hh_l0": (8, 5)}, r"has shape \(8, 5\), expected as many rows"),
        (LSTM | {"r__weight_hh_l0": (0, 0)}, r"expected as many rows"),
        (LSTM | {"r__weight_ih_l0": (7, 3)}, r"layers.0.W has shape \(3, 7\), expected \(3, 8\)"),
        (LSTM | {"r__bias_ih_l0": 7}, r"r.bias_ih_l0 has shape \(7,\), expected \(8,\)"),
        ({k: v for k, v in LSTM.items() if k != "r__bias_hh_l0"}, "one of them is missing"),
        (LSTM | {"r__weight": (2, 2)}, "r.weight belongs to no layer"),
        ({"g__weight_ih_l0": (0, 3), "g__weight_hh_l0": (0, 0)}, "expected as many rows"),
    ],
)
def test_what_a_state_dict_does_not_say_is_not_guessed(shapes, message):
    with pytest.raises(ValueError, match=message):
        from_torch(state_dict(**shapes))


def test_an_embedding_and_a_linear_layer_without_bias_are_told_apart_by_place():
    tensors = state_dict(a__weight=(5, 2), r__weight_ih_l0=(8, 2), r__weight_hh_l0=(8, 2))
    with pytest.raises(ValueError, match=r"pass modules=\('a', 'r'\) or modules=\('r', 'a'\); embedding="):
        network_of(tensors, None, None, False)
    before = network_of(tensors, ("a", "r"), None, False)
    after = network_of(tensors, ("r", "a"), None, False)
    assert [type(part).__name__ for part in before.parts] == ["Embedding", "Recurrent"]
    assert [type(part).__name__ for part in after.parts] == ["Recurrent", "Dense"]
    assert not after.parts[1].b.any()
    assert same(network_of(tensors, None, None, False, embedding=True), before)
    assert same(network_of(tensors, None, None, False, embedding=False), after)


SQUARE = state_dict(r__weight_ih_l0=(8, 2), r__weight_hh_l0=(8, 2), a__weight=(2, 2))


def kinds(*arguments, **choices):
    return [type(part).__name__ for part in network_of(*arguments, None, False, **choices).parts]


def test_a_square_matrix_fits_everywhere_and_is_asked_for():
    """Before or after the recurrent module, and without bias as an embedding or as a linear layer."""
    with_bias = SQUARE | {"a.bias": np.zeros(2)}
    with pytest.raises(
        ValueError, match=r"pass modules=\('r', 'a'\) or modules=\('a', 'r'\); language_model=True$"
    ):
        network_of(with_bias, None, None, False)
    assert kinds(with_bias, ("a", "r")) == ["Dense", "Recurrent"]
    assert (
        kinds(with_bias, ("r", "a")) == kinds(with_bias, None, language_model=True) == ["Recurrent", "Dense"]
    )
    with pytest.raises(
        ValueError, match=r"pass modules=.*; embedding=True or False, whether 'a' is an nn.Emb"
    ):
        network_of(SQUARE, None, None, False)
    with pytest.raises(ValueError, match=r"pass embedding=True or False, whether 'a' is an nn.Embedding$"):
        network_of(SQUARE, ("a", "r"), None, False)
    assert kinds(SQUARE, ("a", "r"), embedding=True) == ["Embedding", "Recurrent"]
    assert kinds(SQUARE, ("a", "r"), embedding=False) == ["Dense", "Recurrent"]
    assert kinds(SQUARE, None, embedding=True) == ["Embedding", "Recurrent"]
    assert kinds(SQUARE, None, language_model=True) == ["Recurrent", "Dense"]


def test_where_shapes_leave_one_order_nothing_is_asked():
    """A projection of the inputs; and an embedding as large as h, which is no linear layer after it."""
    projected = state_dict(**LSTM, a__weight=(3, 5), a__bias=3)
    assert kinds(projected, None) == ["Dense", "Recurrent"]
    tied = SQUARE | state_dict(a__weight=(9, 2), out__weight=(9, 2), out__bias=9)
    assert kinds(tied, None) == ["Embedding", "Recurrent", "Dense"]


def test_an_output_for_each_input_may_be_a_language_model_or_not():
    tensors = state_dict(**LSTM, a__weight=(3, 2), a__bias=3)
    with pytest.raises(ValueError, match=r"pass modules=.*; language_model=True$"):
        from_torch(tensors)
    with pytest.raises(
        ValueError, match=r"may be tokens as one-hot vectors, or not: pass language_model=True"
    ):
        from_torch(tensors, modules=("r", "a"))
    assert isinstance(from_torch(tensors, language_model=True), rnnfast.LanguageModel)
    layers = from_torch(tensors, modules=("r", "a"), language_model=False)
    assert [type(layer) for layer in layers] == [rnnfast.LSTM, rnnfast.Dense]
    with pytest.raises(
        ValueError, match=r"language_model=True excludes every order .*, \('r',\): expected one"
    ):
        from_torch(tensors, modules=("r",), language_model=True)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            {"language_model": True},
            r"language_model=True excludes every order .*, \('r',\): expected one stack",
        ),
        (
            {"embedding": True},
            r"embedding=True excludes .*, \('r',\): expected an nn.Embedding before the others",
        ),
        ({"embedding": True, "modules": "r"}, "embedding=True excludes every order"),
        (
            {"embedding": False, "language_model": True},
            "language_model=True beside embedding=False excludes every",
        ),
    ],
)
def test_a_word_that_excludes_every_order_is_named(choices, message):
    with pytest.raises(ValueError, match=message):
        from_torch(state_dict(**LSTM), **choices)


def test_an_embedding_that_must_not_be_one_is_refused():
    tensors = state_dict(**LSTM, a__weight=(9, 3))
    for modules in (None, ("a", "r")):
        with pytest.raises(
            ValueError, match=r"embedding=False excludes .*'a', 'r'\): expected no nn.Embedding"
        ):
            from_torch(tensors, modules=modules, embedding=False)


@pytest.mark.parametrize("embedding", ["yes", 1, 0])
def test_embedding_is_a_bool(embedding):
    with pytest.raises(TypeError, match=f"embedding is {embedding!r}, expected True, False or None"):
        from_torch(state_dict(**LSTM), embedding=embedding)


def test_modules_of_one_kind_and_size_become_one_stack():
    stack = make_stack("gru", D=3, layers=2)
    lower, upper = (
        Network((dataclasses.replace(stack, layers=layers),)) for layers in zip(stack.layers, strict=True)
    )
    tensors = {f"a.{name}": array for name, array in state_dict_of(lower).items()}
    tensors |= {f"b.{name}": array for name, array in state_dict_of(upper).items()}
    assert same(network_of(tensors, ("a", "b"), None, False), Network((stack,)))
    with pytest.raises(ValueError, match="takes 3 numbers, but the one before it gives 4"):
        network_of(tensors, ("b", "a"), None, False)


def test_modules_chooses(golden):
    tensors = read_state_dict(GOLDEN / "checkpoint.pt")
    assert len(network_of(tensors, ("weights.rnn",), None, False).parts) == 1
    with pytest.raises(ValueError, match=r"epoch is no parameter.*modules="):
        network_of(tensors, None, None, False)
    with pytest.raises(
        ValueError, match=r"modules names 'rnn', which has no parameters; there are .*'weights.rnn'"
    ):
        network_of(tensors, ("rnn",), None, False)


def test_weights_that_are_no_numbers_are_refused():
    tensors = state_dict(**LSTM)
    for value, message in (
        (np.full((8, 3), np.nan), "not finite"),
        (np.zeros((8, 3), int), "int64, expected floating-point"),
        (np.zeros((8, 3), complex), "complex128, expected floating-point"),
        ("W", "expected floating-point"),
    ):
        with pytest.raises(ValueError, match=message):
            from_torch(tensors | {"r.weight_ih_l0": value})
    with pytest.raises(TypeError, match="source has the key 3"):
        from_torch({3: np.zeros(2)})


def test_a_model_goes_out_and_comes_back(tmp_path):
    path = tmp_path / "model.safetensors"
    model = from_torch(GOLDEN / "float.pt", language_model=True)
    written = to_torch(model, path)
    again = from_torch(path, language_model=True)
    assert np.array_equal(model.generate(50, seed=1), again.generate(50, seed=1))
    assert written.keys() == safetensors.numpy.load_file(path).keys()
    for name, array in model.parameters.items():
        assert np.array_equal(array, again.parameters[name])
