"""ONNX files, in and out: golden files with ONNX Runtime's own answers, round trips, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from rnnfast import LanguageModel
from rnnfast.convert import from_onnx, to_onnx
from rnnfast.convert.assemble import describe
from rnnfast.convert.description import Dense, Embedding, Network, astype
from rnnfast.convert.onnx_reader import read_network
from rnnfast.convert.onnx_writer import model_bytes

from .networks import make_stack, mutants, run, same

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper

GOLDEN = Path(__file__).parent / "golden" / "onnx"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.onnx"))


def error(answers, name, network):
    x, y = answers["onnx"][f"{name}.x"], answers["onnx"][f"{name}.y"]
    batch_first = name == "torch_rnn"
    got, _, _ = run(network, x.swapaxes(0, 1) if batch_first else x)
    return np.abs((got.swapaxes(0, 1) if batch_first else got).reshape(y.shape) - y).max()


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_file_computes_what_onnx_runtime_computed(answers, name):
    network = read_network(GOLDEN / f"{name}.onnx", batch_first=False)
    assert len(network.parts) == {"torch_model": 3, "rnn_dense": 2}.get(name, 1)
    assert error(answers, name, network) < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_in_reading_would_show(answers, name):
    for mistake, mutant in mutants(read_network(GOLDEN / f"{name}.onnx", batch_first=False)).items():
        assert error(answers, name, mutant) > 1e-3, mistake


STACKS = {
    "rnn": {"cell": "rnn"},
    "relu, 2 layers, both directions": {
        "cell": "rnn",
        "nonlinearity": "relu",
        "layers": 2,
        "directions": 2,
    },
    "gru, 3 layers": {"cell": "gru", "layers": 3},
    "gru, both directions": {"cell": "gru", "directions": 2},
    "gru, reset before": {"cell": "gru", "reset_after": False, "layers": 2},
    "lstm": {"cell": "lstm"},
    "lstm, 2 layers, both directions, batch first": {
        "cell": "lstm",
        "layers": 2,
        "directions": 2,
        "batch_first": True,
    },
    "lstm, peephole": {"cell": "lstm", "peephole": True, "directions": 2},
    "lstm, coupled": {"cell": "lstm", "coupled": True, "layers": 2},
    "lstm, coupled, peephole": {"cell": "lstm", "coupled": True, "peephole": True},
}


@pytest.mark.parametrize("step", [False, True])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("name", STACKS)
def test_out_and_in_again_changes_no_bit(tmp_path, name, dtype, step):
    stack = make_stack(dtype=dtype, **STACKS[name])
    draw = np.random.default_rng(0)
    networks = [Network((stack,))]
    if stack.num_directions == 1:
        dense = Dense(draw.normal(size=(4, 6)).astype(dtype), draw.normal(size=6).astype(dtype))
        table = Embedding(draw.normal(size=(6, 3)).astype(dtype))
        networks += [Network((stack, dense)), Network((table, stack, dense))]
    for network in networks:
        path = tmp_path / "model.onnx"
        path.write_bytes(model_bytes(network, step=step and len(network.parts) > 1))
        assert same(read_network(path, batch_first=stack.batch_first), network)


def test_what_onnx_has_not_is_not_written():
    with pytest.raises(ValueError, match="ONNX has no LSTM with a projection"):
        model_bytes(Network((make_stack("lstm", proj_size=2),)), step=False)
    with pytest.raises(ValueError, match="the network is no language model"):
        model_bytes(Network((make_stack("lstm"),)), step=True)
    with pytest.raises(ValueError, match="dtype is 'float16', expected 'float32' or 'float64'"):
        to_onnx(LanguageModel(5, 4), "a.onnx", dtype="float16")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_goes_out_and_comes_back(tmp_path, dtype):
    path = tmp_path / "model.onnx"
    model = LanguageModel(7, 5, num_layers=2, seed=3, dtype=dtype)
    to_onnx(model, path, dtype=dtype)
    again = from_onnx(path)
    assert again.dtype == model.dtype
    for name, array in model.parameters.items():
        assert np.array_equal(array, again.parameters[name])


def test_a_graph_of_vectors_may_be_a_language_model_or_not(tmp_path):
    """Written as layers it takes vectors, as a model tokens."""
    model = LanguageModel(7, 5)
    network = describe(model)
    (tmp_path / "a.onnx").write_bytes(model_bytes(network, step=False))
    with pytest.raises(ValueError, match=r"a.onnx': the network .* may be tokens as one-hot vectors, or not"):
        from_onnx(tmp_path / "a.onnx")
    assert len(from_onnx(tmp_path / "a.onnx", language_model=False)) == 2
    assert type(from_onnx(tmp_path / "a.onnx", language_model=True)) is LanguageModel
    to_onnx(model, tmp_path / "b.onnx")
    assert type(from_onnx(tmp_path / "b.onnx")) is LanguageModel
    assert len(from_onnx(tmp_path / "b.onnx", language_model=False)) == 2


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


def save(path, nodes, constants=(), *, inputs="x"):
    """A graph of an LSTM with W, R and B, changed as the test likes."""
    weights = {"W": (1, 16, 3), "R": (1, 16, 4), "B": (1, 32), "P": (1, 12), "U": (4, 7), "u": (7,)}
    given = {name: np.full(shape, 0.5, "f4") for name, shape in weights.items()} | dict(constants)
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in inputs.split()],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(np.asarray(array), name)
            for name, array in given.items()
            if array is not None
        ],
    )
    path.write_bytes(helper.make_model(graph).SerializeToString())
    return path


LSTM = node("LSTM", "x W R B", "y", name="cell", hidden_size=4)


def lstm(**attributes):
    return [node("LSTM", "x W R B", "y", name="cell", **attributes)]


LSTM_Z = node("LSTM", "x W R B", "z", name="cell", hidden_size=4)
FROM_V = node("LSTM", "v W R B", "y", name="cell", hidden_size=4)


def gathered(indices, **attributes):
    """The LSTM behind a Gather with constant indices."""
    value = numpy_helper.from_array(np.array(indices))
    return [
        node("Constant", "", "i", value=value),
        node("Gather", "x i", "v", name="g", **attributes),
        FROM_V,
    ]


def cast(*kinds):
    """The LSTM behind Casts to these types, one after the other."""
    names = ["x", *(f"v{index}" for index in range(len(kinds) - 1)), "v"]
    return [
        *(
            node("Cast", source, target, name=kind, to=onnx.TensorProto.DataType.Value(kind))
            for kind, source, target in zip(kinds, names, names[1:], strict=False)
        ),
        FROM_V,
    ]


def two(first, outputs, second):
    return [node("LSTM", first, outputs, name="a"), node("LSTM", second, "y", name="b")]


def with_state(*nodes):
    inputs = ["x", "W", "R", "B", "", "h"]
    return [*nodes, helper.make_node("LSTM", inputs, ["y"], name="cell")]


@pytest.mark.parametrize(
    ("nodes", "constants", "message"),
    [
        (lstm(direction="reverse"), {}, "cell has the direction 'reverse', expected forward or bidirectional"),
        (lstm(direction="bidirectional"), {}, r"cell has W of shape \(1, 16, 3\), expected \(2, 16, 3\)"),
        (lstm(activations=["Sigmoid", "Relu", "Tanh"]), {}, "cell has the activations Sigmoid, Relu, Tanh, expected"),
        (lstm(activations=["HardSigmoid", "Tanh", "Tanh"]), {}, "cell has the activations Hardsigmoid"),
        (lstm(clip=3.0), {}, "cell has clip=3.0, which rnnfast does not do"),
        (lstm(hidden_size=5), {}, "cell has hidden_size=5, but R"),
        ([node("GRU", "x W R B", "y", name="cell")], {}, r"cell has W of shape \(1, 16, 3\), expected \(1, 12, 3\)"),
        ([LSTM], {"R": np.ones((1, 16, 5), "f4")}, r"cell has W of shape \(1, 16, 3\), expected \(1, 20, 3\)"),
        ([LSTM], {"R": np.ones((16, 4), "f4")}, "cell has no W or R of 3 dimensions"),
        ([LSTM], {"R": np.ones((1, 0, 0), "f4")}, "cell has W of shape"),
        ([LSTM], {"B": np.ones((1, 32), int)}, "cell: B is int64, expected floating-point weights"),
        ([LSTM], {"B": np.full((1, 32), np.inf, "f4")}, "layers.0.b has numbers that are not finite"),
        ([LSTM], {"W": None}, "cell has W that are computed or an input, expected constants"),
        ([node("Conv", "x U", "z", name="c"), LSTM], {}, "c is a Conv, expected LSTM, GRU and RNN"),
        ([LSTM, node("Add", "y x", "z", name="a")], {}, "a is a Add, expected LSTM, GRU and RNN"),
        ([node("Identity", "x", "y")], {}, "there is no recurrent layer"),
        ([], {}, "one without any operator"),
        (two("x W R B", "z h", "h W R B"), {}, "b reads from the final state of a, expected its outputs"),
        (two("x W R B", "z", "x W R B"), {}, "b reads from an input, expected a: one chain of layers"),
        ([node("LSTM", "z W R B", "z", name="a")], {}, "a reads 'z', which nothing before it gives"),
        ([node("LSTM", "v W R B", "y", name="a"), node("Identity", "x", "v")], {}, "a reads 'v', which nothing"),
        ([LSTM, node("Concat", "y y", "z", name="c", axis=2), node("MatMul", "z U", "o", name="m")], {}, "from c, a"),
        ([LSTM, node("Gemm", "y U u", "z", name="m", alpha=2.0)], {}, "m has attributes .*, expected those of a dense"),
        ([LSTM, node("MatMul", "y y", "z", name="m")], {}, "m has weights that are computed or an input"),
        ([node("Gather", "U x", "z", name="g", axis=1), node("LSTM", "z W R B", "y")], {}, "g gathers columns"),
        (with_state(), {"h": np.ones((1, 2, 4), "f4")}, "cell starts from a state that is neither zero nor an input"),
        (with_state(node("Tanh", "x", "h", name="t")), {}, "t is a Tanh"),
        (with_state(node("Identity", "h", "h")), {}, "Identity number 0 reads 'h', which nothing before it gives"),
        (with_state(node("LSTM", "x W R B", "z h", name="a")), {}, "cell reads from an input, expected a"),
        ([node("LSTM", "x W R B n", "y", name="cell")], {"n": np.array([2], "i4")}, "cell has lengths of its own"),
        (
            [*two("x W R B", "z", "v W R B")[:1], node("Slice", "z from to axes steps", "v", name="s"),
             two("x W R B", "z", "v W R B")[1]],
            {"from": np.array([-1]), "to": np.array([-99]), "axes": np.array([0]), "steps": np.array([-1])},
            "b reads s's steps in another order",
        ),
        (gathered([2, 0, 1], axis=2), {}, "cell reads from g, a Gather of several indices or computed ones, exp"),
        (gathered([4, 3, 2, 1, 0], axis=0), {}, "cell reads from g, a Gather of several indices"),
        ([node("Gather", "x x", "v", name="g"), FROM_V], {}, "cell reads from g, a Gather of .* expected one"),
        (cast("INT32", "FLOAT"), {}, "cell reads from INT32, a Cast to INT32, expected FLOAT, DOUBLE, .* BFLOAT16$"),
        (cast("BOOL", "FLOAT"), {}, "cell reads from BOOL, a Cast to BOOL, expected FLOAT"),
        ([node("Cast", "x", "v", name="c", to=99), FROM_V], {}, "cell reads from c, a Cast to 99, expected FLOAT"),
        ([node("Cast", "x", "v", name="c"), FROM_V], {}, "cell reads from c, a Cast to None, expected FLOAT"),
        ([*cast("UINT8")[:1], node("Gather", "U v", "w", name="g")], {}, "g reads from UINT8, a Cast to UINT8, .*64$"),
        ([*gathered([2, 0, 1])[:1], LSTM_Z, node("Gather", "z i", "y", name="g")], {}, "output 'y' reads from g, a Ga"),
        ([LSTM_Z, node("Cast", "z", "y", name="c", to=6)], {}, "output 'y' reads from c, a Cast to INT32, expected"),
        ([LSTM_Z, node("Gather", "z x", "v", name="g"), node("Identity", "v", "y")], {}, "the graph's output 'y' re"),
    ],
    ids=range(42),
)  # fmt: skip
def test_other_graphs_are_refused(tmp_path, nodes, constants, message):
    with pytest.raises(ValueError, match=message) as caught:
        from_onnx(save(tmp_path / "a.onnx", nodes, constants))
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "nodes",
    [
        cast("DOUBLE", "FLOAT16", "FLOAT"),
        gathered([1], axis=0),
        [*gathered(-1, axis=0)[:2], node("Unsqueeze", "v axes", "w"), node("LSTM", "w W R B", "y")],
        [*cast("INT32")[:1], node("Gather", "table v", "w"), node("LSTM", "w W R B", "y")],
        [*cast("INT64")[:1], node("OneHot", "v D off_on", "w"), node("LSTM", "w W R B", "y")],
    ],
    ids=["floats", "one step", "one step as a number", "tokens of a table", "tokens as one-hot vectors"],
)
def test_operators_that_only_hand_numbers_on_are_passed_over(tmp_path, nodes):
    constants = {"axes": np.array([0]), "table": np.ones((7, 3), "f4"), "D": np.array(3)}
    constants["off_on"] = np.array([0, 1], "f4")
    network = read_network(save(tmp_path / "a.onnx", nodes, constants), batch_first=False)
    assert (network.parts[-1].input_size, network.parts[-1].hidden_size) == (3, 4)


def test_states_that_are_zero_or_inputs_are_no_part_of_the_network(tmp_path):
    path = tmp_path / "a.onnx"
    shape = {"shape": np.array([1, 2, 4])}
    zero = numpy_helper.from_array(np.zeros(1, "f4"))
    one = numpy_helper.from_array(np.ones(1, "f4"))
    assert read_network(save(path, with_state(), inputs="x h"), batch_first=False)
    assert read_network(save(path, with_state(), {"h": np.zeros((1, 2, 4), "f4")}), batch_first=False)
    for value in (zero, None):
        nodes = with_state(node("ConstantOfShape", "shape", "h", value=value))
        assert read_network(save(path, nodes, shape), batch_first=False)
    save(path, with_state(node("ConstantOfShape", "shape", "h", value=one)), shape)
    with pytest.raises(ValueError, match="starts from a state that is neither zero"):
        read_network(path, batch_first=False)


def test_truncated_and_foreign_files_are_refused(tmp_path):
    data = (GOLDEN / "torch_model.onnx").read_bytes()
    path = tmp_path / "a.onnx"
    for wrong in (
        b"",
        b"hello, world",
        b"\xff" * 100,
        data[:10],
        data[: len(data) // 2],
        data[:-1],
        data[1:],
    ):
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match=r"path '.*a.onnx': "):
            from_onnx(path)
    with pytest.raises(FileNotFoundError):
        from_onnx(tmp_path / "missing.onnx")


def test_weights_in_other_files_and_sizes_that_lie_are_refused(tmp_path):
    path = tmp_path / "a.onnx"
    model = onnx.load(save(path, [LSTM]))
    weights = model.graph.initializer[0]
    raw = weights.raw_data
    weights.dims[1] = 2**40
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match="reshape"):
        from_onnx(path)
    weights.dims[1] = 16
    weights.raw_data = raw[:-1]
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=r"path '.*a.onnx'"):
        from_onnx(path)
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="../../../../etc/passwd")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match="cell has W in another file, expected them inside this one"):
        from_onnx(path)


def test_without_onnx_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"this needs onnx: pip install 'rnnfast\[onnx\]'"):
        from_onnx(GOLDEN / "torch_gru.onnx")


def test_numbers_change_their_type_and_nothing_else():
    stack = make_stack("gru", directions=2)
    network = Network((Embedding(np.ones((6, 3))), stack, Dense(np.ones((8, 6)), np.ones(6), softmax=True)))
    narrow = astype(network, "float32")
    assert narrow.parts[2].softmax
    assert narrow.parts[1].layers[0][1].b_Rn.dtype == np.float32
    assert np.array_equal(narrow.parts[1].layers[0][1].W, stack.layers[0][1].W.astype("f4"))
