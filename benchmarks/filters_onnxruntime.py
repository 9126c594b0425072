"""What a sampler does to logits [N, V] before temperature and draw, as ONNX nodes: what a filter drops becomes -inf.

ONNX has no sort: TopK of all V is one. Only the values are sorted, and the least value that stays is a threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import helper

from rnnfast import Sampler

Part = tuple[list[Any], dict[str, Any]]  # nodes, constants by name

AXIS = np.array([1])


def edits(sampler: Sampler, V: int) -> tuple[Part, str]:
    """Nodes from `logits` (and `counts` [N, V] of what occurred) to the logits that are left, and their name."""
    nodes: list[Any] = []
    constants: dict[str, Any] = {}
    left = "logits"
    parts = {"penalties": penalise(sampler)} if sampler.has_penalties else {}
    known: tuple[tuple[str, Callable[[Any, int], Part], float | None], ...] = (
        ("top_n_sigma", top_n_sigma, sampler.top_n_sigma),
        ("top_k", top_k, sampler.top_k),
        ("typical_p", typical_p, sampler.typical_p),
        ("top_p", top_p, sampler.top_p),
        ("min_p", min_p, sampler.min_p),
    )
    parts |= {name: _keeping(*keep(setting, V)) for name, keep, setting in known if setting is not None}
    for name, (own, values) in parts.items():
        for node in own:
            node.input[:] = [_renamed(tensor, name, left) for tensor in node.input]
            node.output[:] = [_renamed(tensor, name, left) for tensor in node.output]
        nodes += own
        constants |= {f"{name}.{tensor}": value for tensor, value in values.items()}
        left = f"{name}.left"
    return (nodes, constants), left


def penalise(sampler: Sampler) -> Part:
    """Logits, counts -> left: those of tokens that occurred are lowered."""
    nodes = [
        _node("Greater", ["counts", "zero"], "occurred"),
        _node("Greater", ["logits", "zero"], "positive"),
        _node("Div", ["logits", "repetition"], "divided"),
        _node("Mul", ["logits", "repetition"], "multiplied"),
        _node("Where", ["positive", "divided", "multiplied"], "scaled"),
        _node("Mul", ["counts", "frequency"], "for_each"),
        _node("Add", ["for_each", "presence"], "taken"),
        _node("Sub", ["scaled", "taken"], "lowered"),
        _node("Where", ["occurred", "lowered", "logits"], "left"),
    ]
    return nodes, {
        "zero": np.float32(0),
        "repetition": np.float32(sampler.repetition_penalty or 1),
        "presence": np.float32(sampler.presence_penalty or 0),
        "frequency": np.float32(sampler.frequency_penalty or 0),
    }


def top_n_sigma(n: float, V: int) -> Part:
    """Within n standard deviations of the largest."""
    nodes = [
        _node("ReduceMax", ["logits", "axis"], "most"),
        _node("ReduceMean", ["logits", "axis"], "mean"),
        _node("Sub", ["logits", "mean"], "deviation"),
        _node("Mul", ["deviation", "deviation"], "squared"),
        _node("ReduceMean", ["squared", "axis"], "variance"),
        _node("Sqrt", ["variance"], "sigma"),
        _node("Mul", ["sigma", "n"], "distance"),
        _node("Sub", ["most", "distance"], "least"),
        _node("GreaterOrEqual", ["logits", "least"], "stays"),
    ]
    return nodes, {"axis": AXIS, "n": np.float32(n)}


def top_k(k: int, V: int) -> Part:
    """The k largest."""
    nodes = [
        helper.make_node("TopK", ["logits", "k"], ["ordered", "order"]),
        _node("Gather", ["ordered", "last"], "least", axis=1),
        _node("GreaterOrEqual", ["logits", "least"], "stays"),
    ]
    return nodes, {"k": np.array([k]), "last": np.array([k - 1])}


def typical_p(share: float, V: int) -> Part:
    """Those of a surprise nearest to the entropy."""
    nodes = [
        _node("LogSoftmax", ["logits"], "log_p", axis=1),
        _node("Exp", ["log_p"], "p"),
        _node("Mul", ["p", "log_p"], "terms"),
        _node("ReduceSum", ["terms", "axis"], "expected"),
        _node("Sub", ["log_p", "expected"], "difference"),
        _node("Abs", ["difference"], "distance"),
        helper.make_node("TopK", ["distance", "all"], ["ordered", "order"], largest=0),
        _node("GatherElements", ["p", "order"], "p_ordered", axis=1),
        _node("CumSum", ["p_ordered", "axis"], "before", exclusive=1),
        _node("Less", ["before", "share"], "within"),
        _node("Where", ["within", "ordered", "zero"], "distances_within"),
        _node("ReduceMax", ["distances_within", "axis"], "farthest"),
        _node("LessOrEqual", ["distance", "farthest"], "stays"),
    ]
    return nodes, {"axis": AXIS, "all": np.array([V]), "share": np.float32(share), "zero": np.float32(0)}


def top_p(share: float, V: int) -> Part:
    """The likeliest."""
    nodes = [
        _node("Softmax", ["logits"], "p", axis=1),
        helper.make_node("TopK", ["p", "all"], ["ordered", "order"]),
        _node("CumSum", ["ordered", "axis"], "before", exclusive=1),
        _node("Less", ["before", "share"], "within"),
        _node("Where", ["within", "ordered", "one"], "p_within"),
        _node("ReduceMin", ["p_within", "axis"], "least"),
        _node("GreaterOrEqual", ["p", "least"], "stays"),
    ]
    return nodes, {"axis": AXIS, "all": np.array([V]), "share": np.float32(share), "one": np.float32(1)}


def min_p(share: float, V: int) -> Part:
    """Those at least `share` times as likely as the likeliest."""
    nodes = [
        _node("ReduceMax", ["logits", "axis"], "most"),
        _node("Add", ["most", "log_share"], "least"),
        _node("GreaterOrEqual", ["logits", "least"], "stays"),
    ]
    return nodes, {"axis": AXIS, "log_share": np.log(np.float32(share))}


def _keeping(nodes: list[Any], constants: dict[str, Any]) -> Part:
    """The same with `left`: the logits, -inf for what does not stay."""
    dropped = {"dropped": np.float32(-np.inf)}
    return [*nodes, _node("Where", ["stays", "logits", "dropped"], "left")], constants | dropped


def _renamed(tensor: str, part: str, logits: str) -> str:
    """A part's own tensors carry its name."""
    return {"logits": logits, "counts": "counts"}.get(tensor, f"{part}.{tensor}")


def _node(operator: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    return helper.make_node(operator, inputs, [output], **attributes)
