"""Write golden/onnx: graphs that PyTorch exports and graphs made operator by operator, and what ONNX Runtime computes.

Needs torch, onnx and onnxruntime.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from make_torch import Model
from onnx import helper, numpy_helper
from torch import nn

FOLDER = Path(__file__).parent / "onnx"
T, N, D, H, V, E = 5, 2, 3, 4, 7, 3

EXPORTED = {
    "torch_model": lambda: Model(nn.LSTM(E, H, 2), nn.Embedding(V, E)),
    "torch_gru": lambda: nn.GRU(D, H, 2, bidirectional=True),
    "torch_rnn": lambda: nn.RNN(D, H, nonlinearity="relu", batch_first=True),
}

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
BUILT = {
    "gru_reset_before": ("GRU", {"linear_before_reset": 0}),
    "gru_both_directions": ("GRU", {"linear_before_reset": 1, "direction": "bidirectional"}),
    "lstm_peephole": ("LSTM", {"direction": "bidirectional", "peephole": True}),
    "lstm_coupled": ("LSTM", {"input_forget": 1, "activations": ["sigmoid", "tanh", "tanh"]}),
    "rnn_dense": ("RNN", {"dense": True}),
}


def built(operator: str, attributes: dict, draw: np.random.Generator) -> onnx.ModelProto:
    """A graph of one operator and, with `dense`, a Gemm and a Softmax after it."""
    attributes = dict(attributes)
    dense, peephole = attributes.pop("dense", False), attributes.pop("peephole", False)
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    G = GATES[operator]
    shapes = {"W": (G * H, D), "R": (G * H, H), "B": (2 * G * H,)} | ({"P": (3 * H,)} if peephole else {})
    constants = {name: draw.normal(size=(directions, *shape)).astype("f4") for name, shape in shapes.items()}
    inputs = ["x", "W", "R", "B", "", "", "", "P"] if peephole else ["x", "W", "R", "B"]
    nodes = [helper.make_node(operator, inputs, ["states"], hidden_size=H, **attributes)]
    if directions == 2:
        constants["shape"] = np.array([T, N, directions * H])
        nodes.append(helper.make_node("Transpose", ["states"], ["turned"], perm=[0, 2, 1, 3]))
        nodes.append(helper.make_node("Reshape", ["turned", "shape"], ["y"]))
    else:
        constants["axis"] = np.array([1])
        nodes.append(helper.make_node("Squeeze", ["states", "axis"], ["rows" if dense else "y"]))
    if dense:
        constants |= {"U": draw.normal(size=(V, H)).astype("f4"), "u": draw.normal(size=V).astype("f4")}
        constants["flat"] = np.array([T * N, H])
        nodes.append(helper.make_node("Reshape", ["rows", "flat"], ["rows_flat"]))
        nodes.append(helper.make_node("Gemm", ["rows_flat", "U", "u"], ["logits"], transB=1))
        nodes.append(helper.make_node("Softmax", ["logits"], ["y"], axis=-1))
    graph = helper.make_graph(
        nodes,
        "golden",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, (T, N, D))],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def main() -> None:
    draw = np.random.default_rng(1)
    torch.manual_seed(1)
    answers = {}
    for name, make in EXPORTED.items():
        x = torch.randint(V, (T, N)) if name == "torch_model" else torch.randn(T, N, D)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                make().eval(), x, FOLDER / f"{name}.onnx", dynamo=False, input_names=["x"], output_names=["y"],
                dynamic_axes={"x": {0: "T", 1: "N"}},
            )  # fmt: skip
        answers[f"{name}.x"] = x.numpy()
    for name, (operator, attributes) in BUILT.items():
        onnx.save(built(operator, attributes, draw), FOLDER / f"{name}.onnx")
        answers[f"{name}.x"] = draw.normal(size=(T, N, D)).astype("f4")
    for name in (*EXPORTED, *BUILT):
        model = onnx.load(FOLDER / f"{name}.onnx")
        for node in model.graph.node:
            node.ClearField("doc_string")  # PyTorch writes the maker's paths into it
            node.ClearField("metadata_props")
        onnx.save(model, FOLDER / f"{name}.onnx")
        session = onnxruntime.InferenceSession(FOLDER / f"{name}.onnx", providers=["CPUExecutionProvider"])
        answers[f"{name}.y"] = session.run(["y"], {"x": answers[f"{name}.x"]})[0]
    np.savez_compressed(FOLDER / "answers.npz", **answers)


if __name__ == "__main__":
    main()
