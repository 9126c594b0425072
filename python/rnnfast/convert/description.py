"""What a foreign file says, in our own layout: the only thing that readers give and writers take.

A network is parts in the order in which data goes through them: an embedding, stacks of recurrent layers, a dense
layer. Weights are as everywhere in rnnfast: ``x @ W``, gate blocks in the order i f g o (LSTM) and r z n (GRU), and the
recurrent bias of n apart (`b_Rn`) where the reset comes after the product.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
CellName = Literal["rnn", "gru", "lstm"]
Nonlinearity = Literal["tanh", "relu"]

GATES: dict[str, str] = {"rnn": "h", "gru": "rzn", "lstm": "ifgo", "coupled lstm": "igo"}
"""The order of the blocks of W, R and b, a letter a block."""

DIRECTIONS = ("", "reverse.")
"""What comes before the names of a direction's parameters."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One layer in one direction.

    Attributes
    ----------
    W : float array (D, G*H)
    R : float array (P, G*H)
        P is the size of h: H, or that of the projection.
    b : float array (G*H,)
    b_Rn : float array (H,), optional
        Recurrent bias of a GRU's n, which makes it one that resets after the product.
    peephole : float array (3H,) or, coupled, (2H,), optional
        p_i, p_f, p_o.
    projection : float array (H, P), optional
    """

    W: Array
    R: Array
    b: Array
    b_Rn: Array | None = None
    peephole: Array | None = None
    projection: Array | None = None

    @property
    def hidden_size(self) -> int:
        """H."""
        return len(self.R) if self.projection is None else len(self.projection)

    @property
    def output_size(self) -> int:
        """P, the size of h."""
        return len(self.R)

    def arrays(self) -> dict[str, Array]:
        """Name -> array of those that it has."""
        named = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return {name: array for name, array in named if array is not None}


@dataclass(frozen=True, eq=False)
class Recurrent:
    """A stack of recurrent layers.

    Attributes
    ----------
    cell : {"rnn", "gru", "lstm"}
    layers : tuple of tuples of Cell
        For each layer its one direction, or two: forward and reverse, whose outputs are concatenated.
    nonlinearity : {"tanh", "relu"}
        Of a basic RNN.
    coupled : bool
        Whether an LSTM's f is 1 - i.
    batch_first : bool
        Whether the caller's arrays are (N, T, D).

    Raises
    ------
    ValueError
        Where shapes do not fit each other, or a number is not finite; the message names layer and array.
    """

    cell: CellName
    layers: tuple[tuple[Cell, ...], ...]
    nonlinearity: Nonlinearity = "tanh"
    coupled: bool = False
    batch_first: bool = False

    def __post_init__(self) -> None:
        if self.cell not in ("rnn", "gru", "lstm"):
            raise ValueError(f"cell is {self.cell!r}, expected 'rnn', 'gru' or 'lstm'")
        if self.nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity is {self.nonlinearity!r}, expected 'tanh' or 'relu'")
        if not self.layers or {len(directions) for directions in self.layers} not in ({1}, {2}):
            counts = [len(directions) for directions in self.layers]
            raise ValueError(f"the layers have {counts} directions, expected 1 in each, or 2 in each")
        first = self.layers[0][0]
        if first.R.ndim != 2 or (first.projection is not None and first.projection.ndim != 2):
            raise ValueError("layers.0.R or its projection is no matrix")
        input_size = len(first.W)
        for index, directions in enumerate(self.layers):
            for prefix, cell in zip(DIRECTIONS, directions, strict=False):
                self._check(f"layers.{index}.{prefix}", cell, input_size)
            input_size = self.output_size

    def _check(self, prefix: str, cell: Cell, input_size: int) -> None:
        H, P = self.hidden_size, self.layers[0][0].output_size
        gates = len(self.gates)
        shapes: dict[str, tuple[int, ...]] = {
            "W": (input_size, gates * H),
            "R": (P, gates * H),
            "b": (gates * H,),
        }
        if self.reset_after:
            shapes["b_Rn"] = (H,)
        if self.peephole:
            shapes["peephole"] = ((gates - 1) * H,)
        if self.proj_size is not None:
            shapes["projection"] = (H, P)
        arrays = cell.arrays()
        if set(arrays) != set(shapes):
            raise ValueError(f"{prefix}* are {', '.join(arrays)}, expected {', '.join(shapes)}")
        for name, shape in shapes.items():
            check_array(prefix + name, arrays[name], shape)

    def arrays(self) -> dict[str, Array]:
        """Name -> array, by the names of our layers' parameters: ``layers.0.W``, ``layers.0.reverse.W``, ..."""
        return {
            f"layers.{index}.{prefix}{name}": array
            for index, directions in enumerate(self.layers)
            for prefix, cell in zip(DIRECTIONS, directions, strict=False)
            for name, array in cell.arrays().items()
        }

    @property
    def gates(self) -> str:
        """A letter for each block of W, R and b."""
        return GATES["coupled lstm" if self.coupled else self.cell]

    @property
    def input_size(self) -> int:
        """D of the first layer."""
        return len(self.layers[0][0].W)

    @property
    def hidden_size(self) -> int:
        """H."""
        return self.layers[0][0].hidden_size

    @property
    def output_size(self) -> int:
        """How many numbers come out a step, of both directions together."""
        return self.num_directions * self.layers[0][0].output_size

    @property
    def num_directions(self) -> int:
        """1 or 2."""
        return len(self.layers[0])

    @property
    def reset_after(self) -> bool:
        """Whether a GRU's reset gate comes after the recurrent product."""
        return self.cell == "gru" and self.layers[0][0].b_Rn is not None

    @property
    def peephole(self) -> bool:
        """Whether an LSTM's gates see its cell."""
        return self.cell == "lstm" and self.layers[0][0].peephole is not None

    @property
    def proj_size(self) -> int | None:
        """P of an LSTM with a projection."""
        first = self.layers[0][0]
        return None if self.cell != "lstm" or first.projection is None else first.output_size


@dataclass(frozen=True, eq=False)
class Dense:
    """y = x W + b, with W (D, V) and b (V,); where `softmax` says so, the file applied one to y."""

    W: Array
    b: Array
    softmax: bool = False

    def __post_init__(self) -> None:
        check_matrix("dense.W", self.W)
        check_array("dense.b", self.b, (self.W.shape[1],))

    def arrays(self) -> dict[str, Array]:
        """Name -> array."""
        return {"W": self.W, "b": self.b}


@dataclass(frozen=True, eq=False)
class Embedding:
    """Row `token` of W (V, E)."""

    W: Array

    def __post_init__(self) -> None:
        check_matrix("embedding.W", self.W)

    def arrays(self) -> dict[str, Array]:
        """Name -> array."""
        return {"W": self.W}


Part = Recurrent | Dense | Embedding


@dataclass(frozen=True, eq=False)
class Network:
    """Parts in the order in which data goes through them.

    Attributes
    ----------
    parts : tuple of Part
    one_hot : bool
        Whether what goes in is known to be tokens, which the first part takes as one-hot vectors.

    Raises
    ------
    ValueError
        Where there is none, or one gives what the next cannot take.
    """

    parts: tuple[Part, ...]
    one_hot: bool = False

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("there are no layers, expected at least one")
        size, softmax = None, False
        for part in self.parts:
            if isinstance(part, Embedding):
                if size is not None:
                    raise ValueError("an embedding comes after another layer, expected it to be the first")
                size = part.W.shape[1]
                continue
            wanted, given = (
                (part.input_size, part.output_size) if isinstance(part, Recurrent) else part.W.shape
            )
            if softmax:
                raise ValueError("a layer comes after a softmax, expected it to be the last step")
            softmax = isinstance(part, Dense) and part.softmax
            if size not in (None, wanted):
                raise ValueError(f"a layer takes {wanted} numbers, but the one before it gives {size}")
            size = given

    @property
    def takes_tokens(self) -> bool:
        """Whether it is known to."""
        return self.one_hot or isinstance(self.parts[0], Embedding)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The widest of its arrays' dtypes."""
        return np.result_type(*(array for part in self.parts for array in part.arrays().values()))


def stacked(parts: Sequence[Part], *, one_hot: bool = False) -> Network:
    """Make the network of a foreign file: recurrent layers of one kind and size, one after the other, are one stack.

    Raises
    ------
    ValueError
        As Network does; and where no part is recurrent.
    """
    if not any(isinstance(part, Recurrent) for part in parts):
        raise ValueError("there is no recurrent layer, expected an RNN, a GRU or an LSTM")
    joined: list[Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        if isinstance(before, Recurrent) and isinstance(part, Recurrent) and _one_stack(before, part):
            joined[-1] = dataclasses.replace(before, layers=before.layers + part.layers)
        else:
            joined.append(part)
    return Network(tuple(joined), one_hot)


def astype(network: Network, dtype: npt.DTypeLike) -> Network:
    """Give the same network with numbers of another type."""

    def cell(own: Cell) -> Cell:
        return Cell(**{name: array.astype(dtype) for name, array in own.arrays().items()})

    def part(own: Part) -> Part:
        if isinstance(own, Recurrent):
            return dataclasses.replace(own, layers=tuple(tuple(map(cell, both)) for both in own.layers))
        if isinstance(own, Dense):
            return dataclasses.replace(own, W=own.W.astype(dtype), b=own.b.astype(dtype))
        return Embedding(own.W.astype(dtype))

    return Network(tuple(map(part, network.parts)), network.one_hot)


def _one_stack(lower: Recurrent, upper: Recurrent) -> bool:
    settings = (
        (part.cell, part.nonlinearity, part.coupled, part.reset_after, part.peephole, part.proj_size)
        for part in (lower, upper)
    )
    sizes = ((part.hidden_size, part.num_directions) for part in (lower, upper))
    return len(set(settings)) == len(set(sizes)) == 1 and lower.output_size == upper.input_size


def check_matrix(name: str, array: Array) -> None:
    """Refuse what is no matrix of finite numbers."""
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {array.shape}, expected 2 dimensions")
    check_array(name, array, array.shape)


def check_array(name: str, array: Array, shape: tuple[int, ...]) -> None:
    """Refuse another shape, no elements at all, other types than float32 and float64, and what is not finite."""
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
    if 0 in shape:
        raise ValueError(f"{name} has shape {shape}, expected no length of 0")
    if array.dtype not in (np.float32, np.float64):
        raise ValueError(f"{name} is {array.dtype}, expected float32 or float64")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has numbers that are not finite")


def as_floats(name: str, value: Any) -> Array:
    """Take `value` as an array of float32 or float64; float16 is widened, which changes no number."""
    array = np.asarray(value)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if array.dtype.kind != "f" or array.dtype.itemsize not in (4, 8):
        raise ValueError(f"{name} is {array.dtype}, expected floating-point weights")
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
