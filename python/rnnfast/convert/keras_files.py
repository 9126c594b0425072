"""Keras' kinds of file, as a list of layers with their settings, where the file has them, and their arrays.

.keras        a zip file of config.json and model.weights.h5
.weights.h5   groups by the layers' classes: layers/lstm_1/cell/vars/0; no settings
.h5           of Keras 2 and before: groups by the layers' names, whose attributes give the order; settings or none
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnfast.convert.archive import open_archive
from rnnfast.convert.description import Array
from rnnfast.convert.hdf5 import MAGIC, Group, open_hdf5
from rnnfast.convert.orders import Order, Reading, may_be_language_model, orders

Config = Mapping[str, Any]

_GROUPS = {
    "LSTM": "lstm",
    "GRU": "gru",
    "SimpleRNN": "simple_rnn",
    "Bidirectional": "bidirectional",
    "TimeDistributed": "time_distributed",
    "Dense": "dense",
    "Embedding": "embedding",
}
"""What `.weights.h5` calls a layer of each class, and then _1, _2."""

_VARIABLES = {
    "LSTM": ("cell/vars",),
    "GRU": ("cell/vars",),
    "SimpleRNN": ("cell/vars",),
    "Bidirectional": ("forward_layer/cell/vars", "backward_layer/cell/vars"),
    "TimeDistributed": ("layer/vars",),
    "Dense": ("vars",),
    "Embedding": ("vars",),
}


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer as the file has it.

    Attributes
    ----------
    kind : str
        Its class.
    name : str
    config : mapping or None
        Its settings; None where the file has none.
    weights : list of arrays
        Kernel, recurrent kernel, bias; of a Bidirectional those of both directions.
    """

    kind: str
    name: str
    config: Config | None
    weights: list[Array]


def read_layers(
    path: Path, named: Sequence[str] | None = None, *, language_model: bool | None = None
) -> list[Layer]:
    """Read the layers in the order in which data goes through them; arguments as in `rnnfast.convert.from_keras`.

    Raises
    ------
    ValueError
        For a file of no such kind, a damaged one, or a network that is no chain of layers, and where the file says the
        order and the caller does, too, or neither.
    OSError
        Where there is no such file, or it cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(8)
    layers, says_order = _read(path, head)
    if says_order and named is not None:
        raise ValueError("layers: the file says their order itself")
    return layers if says_order else _ordered(layers, named, language_model)


def _read(path: Path, head: bytes) -> tuple[list[Layer], bool]:
    """The layers, and whether they are in order."""
    if head.startswith(b"PK\x03\x04"):
        with open_archive(path) as archive:
            config = _json(archive.read("config.json"))
            with open_hdf5(archive.read("model.weights.h5")) as root:
                return list(_by_class(root, _chain(config))), True
    if head != MAGIC:
        raise ValueError("it is neither a .keras file nor an HDF5 file")
    with open_hdf5(path.read_bytes()) as root:
        if "layers" in root.names:
            return list(_of_weights_alone(root)), False
        config_text = root.texts("model_config")
        chain = None if config_text is None else _chain(_json(config_text[0].encode()))
        return list(_by_name(root.group("model_weights") or root, chain)), True


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its configuration is damaged: {error}") from error


@dataclass(frozen=True)
class _Link:
    kind: str
    name: str
    config: Config


def _chain(model: Any) -> list[_Link]:
    """The layers of a model's configuration, of which each must read from the one before it alone."""
    try:
        kind, layers = model["class_name"], model["config"]
        layers = layers["layers"] if isinstance(layers, dict) else layers
        links = [_Link(layer["class_name"], layer["config"]["name"], layer["config"]) for layer in layers]
        sources = [list(_sources(layer.get("inbound_nodes", []))) for layer in layers]
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"its configuration makes no sense: {type(error).__name__} {error}") from error
    if not all(isinstance(text, str) for link in links for text in (link.kind, link.name)):
        raise ValueError("its configuration makes no sense: a layer's class or name is no text")
    if kind == "Sequential":
        return links
    if kind not in ("Functional", "Model"):
        raise ValueError(f"it is a {kind!r} model, expected a Sequential or Functional one")
    for before, link, names in zip([None, *links], links, sources, strict=False):
        expected = [] if before is None else [before.name]
        if names != expected:
            raise ValueError(
                f"layer {link.name!r} reads from {names}, expected {expected}: the one before it alone"
            )
    return links


def _sources(node: Any) -> Iterator[str]:
    """The names of the layers that an `inbound_nodes` names, in the form of Keras 3 or of Keras 2."""
    if isinstance(node, dict):
        if "keras_history" in node:
            yield node["keras_history"][0]
        else:
            for inner in node.values():
                yield from _sources(inner)
    elif isinstance(node, list):
        if len(node) >= 3 and isinstance(node[0], str) and isinstance(node[1], int):
            yield node[0]
            node = node[3:]
        for inner in node:
            yield from _sources(inner)


def _by_class(root: Group, chain: Sequence[_Link]) -> Iterator[Layer]:
    """The layers of a `.weights.h5` in a `.keras` file, which says their order."""
    layers = _layers_of(root)
    counts: Counter[str] = Counter()
    for link in chain:
        base = _GROUPS.get(link.kind, "")
        name = f"{base}_{counts[base]}" if counts[base] else base
        counts[base] += 1
        yield Layer(link.kind, link.name, link.config, _variables(layers, link.kind, name) if base else [])


def _layers_of(root: Group) -> Group:
    layers = root.group("layers")
    if layers is None:
        raise ValueError("it has no group 'layers'")
    return layers


def _of_weights_alone(root: Group) -> Iterator[Layer]:
    """The layers of a `.weights.h5` that have weights, class by class, each class in its order."""
    layers = _layers_of(root)
    kinds = {group: kind for kind, group in _GROUPS.items()}
    found: dict[str, list[tuple[int, str]]] = {}
    for name in layers.names:
        base, _, number = re.fullmatch(r"(.*?)(_(\d+))?", name, re.DOTALL).groups()  # type: ignore[union-attr]
        if base in kinds:
            found.setdefault(kinds[base], []).append((int(number or 0), name))
        elif _has_weights(layers, name):
            raise ValueError(f"its layer {name} is of a class that rnnfast does not know")
    for kind in _GROUPS:
        for _, name in sorted(found.get(kind, [])):
            yield Layer(kind, name, None, _variables(layers, kind, name))


def _variables(layers: Group, kind: str, name: str) -> list[Array]:
    weights = []
    for path in _VARIABLES[kind]:
        variables = layers.group(f"{name}/{path}")
        if variables is None:
            raise ValueError(f"it has no group layers/{name}/{path}")
        weights += variables.arrays([str(index) for index in range(len(variables.names))])
    return weights


_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "Bidirectional")
_LINEAR = ("TimeDistributed", "Dense")
_MOST_LAYERS = 12
"""Whose orders are tried."""


def _ordered(
    layers: Sequence[Layer], named: Sequence[str] | None, language_model: bool | None
) -> list[Layer]:
    """Layers of a file that numbers those of a class in their order, but says nothing of the order of classes."""
    by_name = {layer.name: layer for layer in layers}
    if named is not None:
        if missing := [name for name in named if name not in by_name]:
            raise ValueError(f"layers names {missing[0]!r}; there are {', '.join(map(repr, by_name))}")
        return [by_name[name] for name in named]
    classes = (("Embedding",), _RECURRENT, _LINEAR)
    groups = [[layer for layer in layers if layer.kind in kinds] for kinds in classes]
    for group in groups:
        if len(kinds := dict.fromkeys(layer.kind for layer in group)) > 1:
            raise ValueError(
                f"it does not say the order of {' and '.join(kinds)}: pass {_say_layers(by_name)}"
            )
    if len(layers) > _MOST_LAYERS:
        raise ValueError(
            f"it does not say the order of its {len(layers)} layers: pass {_say_layers(by_name)}"
        )
    queues = [[[_reading(layer)] for layer in group] for group in groups]
    found = [order for order in orders(queues) if not language_model or may_be_language_model(order)]
    if len(found) > 1:
        raise _ambiguous(found)
    if not found:
        return [layer for group in groups for layer in group]  # which the description then refuses
    return [by_name[reading.name] for reading in found[0]]


def _reading(layer: Layer) -> Reading:
    """What the layer takes and gives; where its arrays make no sense, another check will say so."""
    (takes, gives), (hidden_size, _), *_ = [
        *((*array.shape, 0, 0)[:2] for array in layer.weights),
        (0, 0),
        (0, 0),
    ]
    if layer.kind == "Embedding":
        return Reading(layer.name, "embedding", None, gives, takes)
    if layer.kind in _LINEAR:
        return Reading(layer.name, "linear", takes, gives)
    return Reading(layer.name, "recurrent", takes, hidden_size * (1 + (layer.kind == "Bidirectional")))


def _ambiguous(found: Sequence[Order]) -> ValueError:
    """Name the choices, and the arguments that choose."""
    arguments = [f"layers={tuple(reading.name for reading in order)}" for order in found[:4]]
    if len(list(filter(may_be_language_model, found))) == 1:
        arguments.append("language_model=True")
    return ValueError(
        "it does not say in which order data goes through its layers, and their shapes allow more than one: pass "
        f"{' or '.join(arguments)}"
    )


def _say_layers(names: Iterable[str]) -> str:
    return f"layers=, such as layers={tuple(names)}, in order, or save the whole model as .keras"


def _has_weights(layers: Group, name: str) -> bool:
    group = layers.group(name)
    variables = None if group is None else group.group("vars")
    return group is not None and (group.names != ["vars"] or variables is None or bool(variables.names))


def _by_name(root: Group, chain: Sequence[_Link] | None) -> Iterator[Layer]:
    """The layers of a legacy file."""
    names = root.texts("layer_names") if chain is None else [link.name for link in chain]
    if names is None:
        raise ValueError("it has no groups of layers, expected a file of Keras")
    links: Sequence[_Link | None] = chain or [None] * len(names)
    for name, link in zip(names, links, strict=True):
        group = root.group(name)
        paths = None if group is None else group.texts("weight_names")
        weights = group.arrays(paths) if group is not None and paths else []
        kind = _kind_of(name, paths or []) if link is None else link.kind
        yield Layer(kind, name, None if link is None else link.config, weights)


def _kind_of(layer: str, paths: Sequence[str]) -> str:
    """The class that follows from what a layer's weights are called."""
    names = [path.rpartition("/")[2].removesuffix(":0") for path in paths]
    cell = [name for name in ("kernel", "recurrent_kernel", "bias") if name in names]
    if not names:
        return "Dropout"  # or what else has no weights
    if names == ["embeddings"]:
        return "Embedding"
    if names in (["kernel"], ["kernel", "bias"]):
        return "Dense"
    if "recurrent_kernel" in names and names == cell:
        return "Recurrent"
    if "recurrent_kernel" in names and names == cell * 2:
        return "Bidirectional"
    raise ValueError(f"its layer {layer!r} has {', '.join(names)}, which is of no class that rnnfast knows")
