"""Against the installed PyTorch: weights cross in both directions and compute the same. Needs torch."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast.convert import from_torch
from rnnfast.convert.description import Dense, Embedding, Network
from rnnfast.convert.onnx_reader import read_network
from rnnfast.convert.torch_files import read_state_dict, write_state_dict
from rnnfast.convert.torch_modules import network_of, state_dict_of

from .networks import distance, make_stack, run, same

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with"),
]

T, N, D, H = 6, 3, 3, 4
CELLS = {
    "rnn tanh": ({"cell": "rnn"}, {}),
    "rnn relu": ({"cell": "rnn", "nonlinearity": "relu"}, {"nonlinearity": "relu"}),
    "gru": ({"cell": "gru"}, {}),
    "lstm": ({"cell": "lstm"}, {}),
    "lstm projected": ({"cell": "lstm", "proj_size": 2}, {"proj_size": 2}),
}
TOLERANCE = {"f4": 5e-6, "f8": 1e-13}


@pytest.fixture(scope="module")
def torch():
    module = pytest.importorskip("torch")
    before = module.get_num_threads()
    module.set_num_threads(1)
    yield module
    module.set_num_threads(before)


def module_for(torch, stack, **options):
    make = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[stack.cell]
    return make(D, H, len(stack.layers), bidirectional=stack.num_directions == 2, **options)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_what_we_write_loads_into_its_module_and_computes_the_same(
    torch, tmp_path, cell, layers, directions, dtype
):
    settings, options = CELLS[cell]
    stack = make_stack(layers=layers, directions=directions, dtype=dtype, **settings)
    write_state_dict(state_dict_of(Network((stack,))), tmp_path / "a.safetensors")
    from safetensors.torch import load_file

    module = module_for(torch, stack, **options).to(torch.float64 if dtype == "f8" else torch.float32)
    module.load_state_dict(load_file(tmp_path / "a.safetensors"), strict=True)
    draw = np.random.default_rng(1)
    x, h0 = (
        draw.normal(size=(T, N, D)),
        draw.normal(size=(layers * directions, N, options.get("proj_size", H))),
    )
    c0 = draw.normal(size=(layers * directions, N, H))
    state = [torch.from_numpy(array.astype(dtype)) for array in (h0, c0)]
    with torch.no_grad():
        y, last = module(
            torch.from_numpy(x.astype(dtype)), tuple(state) if stack.cell == "lstm" else state[0]
        )
    expected_y, expected_h, expected_c = run(Network((stack,)), x, h0, c0)
    h, c = last if stack.cell == "lstm" else (last, None)
    assert distance(y.numpy(), expected_y) < TOLERANCE[dtype]
    assert distance(h.numpy(), expected_h) < TOLERANCE[dtype]
    if c is not None:
        assert distance(c.numpy(), expected_c) < TOLERANCE[dtype]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("cell", CELLS)
def test_what_torch_saves_is_read(torch, tmp_path, cell, protocol):
    settings, options = CELLS[cell]
    stack = make_stack(layers=2, directions=2, dtype="f4", **settings)
    module = module_for(torch, stack, **options)
    torch.save(module.state_dict(), tmp_path / "a.pt", pickle_protocol=protocol)
    for source in (read_state_dict(tmp_path / "a.pt"), module.state_dict()):
        x = torch.randn(T, N, D)
        with torch.no_grad():
            y, _ = module(x)
        got, _, _ = run(network_of(source, None, stack.nonlinearity, False), x.numpy())
        assert distance(y.numpy(), got) < 1e-6


def test_tensors_of_half_precision_are_widened(torch):
    module = torch.nn.LSTM(D, H)
    for dtype in (torch.float16, torch.bfloat16):
        half = {name: value.to(dtype) for name, value in module.state_dict().items()}
        layer = from_torch(half)
        assert np.array_equal(layer.parameters["layers.0.W"], half["weight_ih_l0"].float().numpy().T)
    assert from_torch(dict(module.named_parameters())).dtype == np.float32  # they need gradients


def test_a_language_model_loads_into_named_members(torch):
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.gru = torch.nn.Embedding(9, D), torch.nn.GRU(D, H, 2)
            self.linear = torch.nn.Linear(H, 9)

    draw = np.random.default_rng(0)
    parts = (
        Embedding(draw.normal(size=(9, D))),
        make_stack("gru", layers=2),
        Dense(draw.normal(size=(H, 9)), draw.normal(size=9)),
    )
    network = Network(parts)
    model = Model().double()
    state_dict = {name: torch.from_numpy(array) for name, array in state_dict_of(network).items()}
    model.load_state_dict(state_dict, strict=True)
    assert same(network_of(model.state_dict(), None, None, False), network)


@pytest.mark.parametrize("cell", ["rnn relu", "gru", "lstm"])
@pytest.mark.filterwarnings("ignore")
def test_what_torch_exports_as_onnx_is_read(torch, tmp_path, cell):
    pytest.importorskip("onnx")
    settings, options = CELLS[cell]
    stack = make_stack(layers=2, directions=2, dtype="f4", **settings)
    module = module_for(torch, stack, **options).eval()
    path = tmp_path / "a.onnx"
    torch.onnx.export(module, torch.randn(T, N, D), path, dynamo=False)
    expected = network_of(module.state_dict(), None, stack.nonlinearity, False)
    assert same(read_network(path, batch_first=False), expected)
