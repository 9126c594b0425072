"""PyTorch's recurrent, linear and embedding modules: their parameters' names, shapes and order of gates.

    weight_ih_l0 (G*H, D)   weight_hh_l0 (G*H, P)   bias_ih_l0, bias_hh_l0 (G*H,)   weight_hr_l0 (P, H), a projection

and so on for layer 1, and with ``_reverse`` at the end for the other direction; in an nn.LSTMCell and its like without
``_l0``. Gates are in our order. There are two biases, which are added, except that the recurrent one of a GRU's n is
within the reset gate's reach and stays apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnfast.convert.description import (
    GATES,
    Array,
    Cell,
    CellName,
    Dense,
    Embedding,
    Network,
    Nonlinearity,
    Part,
    Recurrent,
    as_floats,
    stacked,
)
from rnnfast.convert.torch_order import CHOOSE, Module, is_recurrent, ordered

_KEY = re.compile(r"(weight|bias)(_(ih|hh|hr)(_l\d+)?(_reverse)?)?")
_CELLS: dict[int, CellName] = {1: "rnn", 3: "gru", 4: "lstm"}
_DIRECTIONS = ("", "_reverse")


def network_of(
    tensors: Mapping[str, Any],
    modules: Sequence[str] | None,
    nonlinearity: Nonlinearity | None,
    batch_first: bool,
    *,
    embedding: bool | None = None,
    language_model: bool | None = None,
) -> Network:
    """Describe the network whose state_dict is `tensors`; arguments as in `rnnfast.convert.from_torch`."""
    found = _modules(tensors, modules)
    if not any(map(is_recurrent, found.values())):
        raise ValueError(
            "there is no recurrent module, expected the parameters of an nn.RNN, nn.GRU or nn.LSTM"
        )
    parts: list[Part] = []
    for reading in ordered(found, modules, embedding, language_model):
        module = found[reading.name]
        if reading.kind == "recurrent":
            parts.append(_recurrent(reading.name, module, nonlinearity, batch_first))
        else:
            parts.append(Embedding(module["weight"]) if reading.kind == "embedding" else _linear(module))
    return stacked(parts)


def _modules(tensors: Mapping[str, Any], wanted: Sequence[str] | None) -> dict[str, dict[str, Array]]:
    """The parameters of each module by their own names; of the modules `wanted`, or of all."""
    modules: dict[str, dict[str, Array]] = {}
    for name, value in tensors.items():
        module, _, key = name.rpartition(".")
        if wanted is not None and module not in wanted:
            continue
        if not _KEY.fullmatch(key):
            raise ValueError(
                f"{name} is no parameter of an nn.RNN, nn.GRU, nn.LSTM, nn.Linear or nn.Embedding; {CHOOSE}"
            )
        modules.setdefault(module, {})[key] = as_floats(name, value)
    for name in wanted or ():
        if name not in modules:
            raise ValueError(f"modules names {name!r}, which has no parameters; there are {_listed(tensors)}")
    for name, own in modules.items():
        if not is_recurrent(own) and own.keys() | {"bias"} != {"weight", "bias"}:
            raise ValueError(f"{name} has {', '.join(own)}, which no module has that rnnfast knows")
    return modules


def _listed(tensors: Mapping[str, Any]) -> str:
    names = sorted({repr(name.rpartition(".")[0]) for name in tensors})
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")


def _linear(module: Module) -> Dense:
    weight = module["weight"]
    bias = module.get("bias", np.zeros(len(weight), weight.dtype))
    return Dense(np.ascontiguousarray(weight.T), bias)


_PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def _recurrent(name: str, module: Module, nonlinearity: Nonlinearity | None, batch_first: bool) -> Recurrent:
    prefix = f"{name}." if name else ""
    endings = _endings(module)
    directions = _DIRECTIONS if any(key.endswith("_reverse") for key in module) else _DIRECTIONS[:1]
    known = {f"{key}{ending}{end}" for key in _PARAMETERS for ending in endings for end in directions}
    if left := sorted(set(module) - known):
        raise ValueError(
            f"{prefix}{left[0]} belongs to no layer; the layers are numbered from 0 without a gap"
        )
    cell = _cell_name(prefix, module, endings[0])
    if cell == "rnn" and nonlinearity is None:
        raise ValueError(
            f"a state_dict does not say the nonlinearity of an nn.RNN ({name or 'the module'}): pass "
            "nonlinearity='tanh' or nonlinearity='relu'"
        )
    layers = tuple(
        tuple(_cell(prefix, cell, module, ending + direction) for direction in directions)
        for ending in endings
    )
    return Recurrent(cell, layers, nonlinearity=nonlinearity or "tanh", batch_first=batch_first)


def _endings(module: Module) -> list[str]:
    """What the names of each layer's parameters end with; of an nn.LSTMCell with nothing."""
    if "weight_ih" in module:
        return [""]
    count = 1
    while f"weight_ih_l{count}" in module:
        count += 1
    return [f"_l{layer}" for layer in range(count)]


def _cell_name(prefix: str, module: Module, ending: str) -> CellName:
    """Which cell it is, by the number of gates."""
    hh, hr = module.get(f"weight_hh{ending}"), module.get(f"weight_hr{ending}")
    if hh is None or hh.ndim != 2 or (hr is not None and hr.ndim != 2):
        raise ValueError(f"{prefix}weight_hh{ending} is missing, or no matrix")
    H = hh.shape[1] if hr is None else hr.shape[1]
    gates, rest = divmod(len(hh), H) if H else (0, 0)
    if rest or gates not in _CELLS or (hr is not None and gates != 4):
        raise ValueError(
            f"{prefix}weight_hh{ending} has shape {hh.shape}, expected as many rows as an nn.RNN (H), "
            "nn.GRU (3*H) or nn.LSTM (4*H) has"
        )
    return _CELLS[gates]


def _cell(prefix: str, cell: CellName, module: Module, ending: str) -> Cell:
    own = {key: module[key + ending] for key in _PARAMETERS if key + ending in module}
    if missing := {"weight_ih", "weight_hh"} - set(own):
        raise ValueError(f"{prefix}{min(missing)}{ending} is missing")
    if ("bias_ih" in own) != ("bias_hh" in own):
        raise ValueError(f"{prefix}bias_ih{ending} and bias_hh{ending}: one of them is missing")
    weight_ih, weight_hh, projection = own["weight_ih"], own["weight_hh"], own.get("weight_hr")
    zeros = np.zeros(len(weight_hh), weight_hh.dtype)
    bias_ih, bias_hh = (own.get(key, zeros) for key in ("bias_ih", "bias_hh"))
    for key, bias in (("bias_ih", bias_ih), ("bias_hh", bias_hh)):
        if bias.shape != zeros.shape:
            raise ValueError(f"{prefix}{key}{ending} has shape {bias.shape}, expected {zeros.shape}")
    b, b_Rn = bias_ih + bias_hh, None
    if cell == "gru":
        H = len(zeros) // len(GATES["gru"])
        b[2 * H :], b_Rn = bias_ih[2 * H :], bias_hh[2 * H :].copy()
    return Cell(
        W=np.ascontiguousarray(weight_ih.T),
        R=np.ascontiguousarray(weight_hh.T),
        b=b,
        b_Rn=b_Rn,
        projection=None if projection is None else np.ascontiguousarray(projection.T),
    )


def state_dict_of(network: Network) -> dict[str, Array]:
    """Give the parameters of PyTorch modules that compute the same, as `rnnfast.convert.to_torch` describes it."""
    if len(network.parts) == 1:
        return _parameters(network.parts[0])
    tensors: dict[str, Array] = {}
    counts: Counter[str] = Counter()
    for part in network.parts:
        name = _member(part)
        counts[name] += 1
        prefix = name if counts[name] == 1 else f"{name}_{counts[name]}"
        tensors |= {f"{prefix}.{key}": array for key, array in _parameters(part).items()}
    return tensors


def _member(part: Part) -> str:
    if isinstance(part, Recurrent):
        return part.cell
    return "linear" if isinstance(part, Dense) else "embedding"


def _parameters(part: Part) -> dict[str, Array]:
    if isinstance(part, Embedding):
        return {"weight": part.W}
    if isinstance(part, Dense):
        return {"weight": np.ascontiguousarray(part.W.T), "bias": part.b}
    for has, what in (
        (part.peephole, "peepholes"),
        (part.coupled, "coupled gates"),
        (part.cell == "gru" and not part.reset_after, "a reset before the product"),
        (part.proj_size == part.hidden_size, "a projection to as many numbers as it has units"),
    ):
        if has:
            raise ValueError(f"PyTorch has no {part.cell.upper()} with {what}")
    return {
        f"{name}_l{index}{direction}": array
        for index, directions in enumerate(part.layers)
        for direction, cell in zip(_DIRECTIONS, directions, strict=False)
        for name, array in _cell_parameters(cell).items()
    }


def _cell_parameters(cell: Cell) -> dict[str, Array]:
    bias_hh = np.zeros_like(cell.b)
    if cell.b_Rn is not None:
        bias_hh[-len(cell.b_Rn) :] = cell.b_Rn
    named = {
        "weight_ih": np.ascontiguousarray(cell.W.T),
        "weight_hh": np.ascontiguousarray(cell.R.T),
        "bias_ih": cell.b,
        "bias_hh": bias_hh,
    }
    if cell.projection is not None:
        named["weight_hr"] = np.ascontiguousarray(cell.projection.T)
    return named
