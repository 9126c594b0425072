"""What an optimiser remembers: how it is kept and saved, and one update by it, of layers or of named arrays."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast._arguments import integer, real
from rnnfast._interrupts import whole
from rnnfast.layers import Layer
from rnnfast.layers.net import Gradients, Layers, gradients_of, named_layers, parameters_of

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]


KIND = "rnnfast.OptimizerState"
FORMAT = 1
"""Raised when a file of today could not be read by the code of yesterday."""

SLOTS = {
    "sgd": ("momentum",),
    "rmsprop": ("m", "v", "momentum"),
    "adam": ("m", "v"),
    "adamw": ("m", "v"),
}
"""What each optimiser may remember."""

_ALWAYS = {"sgd": (), "rmsprop": ("v",), "adam": ("m", "v"), "adamw": ("m", "v")}
"""What it remembers from its first step on, whatever its settings."""


@dataclass(eq=False)
class OptimizerState:
    """What an optimiser remembers: plain numbers and arrays, which can be copied, pickled and saved.

    Attributes
    ----------
    kind : {"sgd", "rmsprop", "adam", "adamw"}
        Whose it is.
    steps : int
        Updates so far: the step that schedules of the learning rate ask for.
    beta1_power, beta2_power : float
        beta^steps, of Adam and AdamW.
    slots : mapping of slot -> parameter's name -> array
        Arrays of the parameters' shapes and dtype. ``m`` and ``v`` are the running means of the gradient and of its
        square, ``momentum`` the sum that the momentum of SGD and RMSprop carries on. Those not needed are left out.

    Examples
    --------
    >>> from rnnfast import Adam
    >>> state = Adam().initial_state({"w": np.zeros(3)})
    >>> state.steps, {slot: list(arrays) for slot, arrays in state.slots.items()}
    (0, {'m': ['w'], 'v': ['w']})
    """

    kind: str
    steps: int = 0
    beta1_power: float = 1.0
    beta2_power: float = 1.0
    slots: dict[str, dict[str, Array]] = field(default_factory=dict)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all of it to a safetensors file, atomically.

        Raises
        ------
        OSError
            Where the file cannot be written; what was there before stays.
        """
        from rnnfast import _sealed_files  # here, so that importing rnnfast stays quick

        facts, tensors = pack(self)
        _sealed_files.write(path, KIND, FORMAT, {"optimizer": facts}, tensors)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> OptimizerState:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            For a file that is damaged, of another kind, or of a newer format; the message says which.
        OSError
            Where there is no such file, or it cannot be read.
        """
        from rnnfast import _sealed_files

        facts, tensors = _sealed_files.read(path, KIND, FORMAT)
        try:
            return unpack(facts["optimizer"], tensors)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _sealed_files.damaged(path, error) from error


def pack(state: OptimizerState, prefix: str = "") -> tuple[dict[str, Any], dict[str, Array]]:
    """What a file says of a state, and its arrays, by names of the form ``prefix + slot.parameter``."""
    facts = {
        "kind": state.kind,
        "steps": state.steps,
        "beta1_power": state.beta1_power.hex(),  # every bit of it
        "beta2_power": state.beta2_power.hex(),
    }
    arrays = {
        f"{prefix}{slot}.{name}": array for slot, own in state.slots.items() for name, array in own.items()
    }
    return facts, arrays


def unpack(facts: Mapping[str, Any], tensors: Arrays, prefix: str = "") -> OptimizerState:
    """Take a state from what `pack` gave; tensors without the prefix are passed over.

    Raises
    ------
    ValueError, KeyError, TypeError, OverflowError
        Where it is none.
    """
    kind, steps = facts["kind"], facts["steps"]
    if kind not in SLOTS:
        raise ValueError(f"{prefix}kind is {kind!r}, expected one of {', '.join(SLOTS)}")
    if integer(f"{prefix}steps", steps) < 0:
        raise ValueError(f"{prefix}steps is {steps}, expected at least 0")
    power1, power2 = (float.fromhex(facts[key]) for key in ("beta1_power", "beta2_power"))
    if not (0 <= power1 <= 1 and 0 <= power2 <= 1):  # a NaN is not either
        raise ValueError(f"{prefix}beta1_power and beta2_power are {power1} and {power2}, expected 0 to 1")
    state = OptimizerState(kind, steps, power1, power2)
    for full_name, array in tensors.items():
        if not full_name.startswith(prefix):
            continue
        slot, _, name = full_name.removeprefix(prefix).partition(".")
        if slot not in SLOTS[kind]:
            raise ValueError(f"{full_name} is no part of what {kind} remembers")
        if array.dtype not in (np.float32, np.float64) or not np.isfinite(array).all():
            raise ValueError(f"{full_name} is not finite numbers of float32 or float64")
        if slot == "v" and (array < 0).any():  # whose root is taken
            raise ValueError(f"{full_name} has negative numbers, expected means of squares")
        state.slots.setdefault(slot, {})[name] = array
    _check_slots(state, prefix)
    return state


def shapes_of_slots(
    state: OptimizerState, shapes: Mapping[str, tuple[int, ...]], prefix: str
) -> dict[str, tuple[int, ...]]:
    """Give the shapes of what a state remembers of parameters with these shapes, by the names that `pack` gives."""
    return {f"{prefix}{slot}.{name}": shape for slot in state.slots for name, shape in shapes.items()}


def _check_slots(state: OptimizerState, prefix: str) -> None:
    """Nothing is missing, as it may be before the first step: else training would silently start afresh."""
    for slot in _ALWAYS[state.kind]:
        if slot not in state.slots and (state.steps or state.slots):
            raise ValueError(f"{prefix}{slot} is missing, expected what {state.kind} remembers")
    names = sorted({name for own in state.slots.values() for name in own})
    for slot, own in state.slots.items():
        for name in names:
            if name not in own:
                raise ValueError(f"{prefix}{slot}.{name} is missing")


def checked(config: _core.OptimizerConfig, state: OptimizerState) -> OptimizerState:
    """Check what pickle brought as `OptimizerState.load` checks a file, and that it is of `config`; a copy of it.

    Raises
    ------
    AttributeError, KeyError, TypeError, ValueError, OverflowError
        Where it is damaged, or of another optimiser.
    """
    unpack(*pack(state))
    _check_kind(config, state)
    return copy.deepcopy(state)


def initial_state(config: _core.OptimizerConfig, parameters: Arrays | Layers) -> OptimizerState:
    """State before the first update of `parameters`: zeros."""
    parameters, _ = _named(parameters)
    slots = {
        slot: {name: np.zeros(p.shape, p.dtype) for name, p in parameters.items()} for slot in config.slots
    }
    return OptimizerState(config.kind, slots=slots)


def is_state_of(state: OptimizerState, parameters: Arrays | Layers) -> bool:
    """Whether all that `state` remembers has the names, shapes and dtype of `parameters`."""
    arrays, _ = _named(parameters)
    return all(
        own.keys() == arrays.keys() and all(_is_like(own[name], p) for name, p in arrays.items())
        for own in state.slots.values()
    )


def update(
    config: _core.OptimizerConfig,
    parameters: Arrays | Layers,
    gradients: Arrays | Gradients | Sequence[Gradients] | Mapping[str, Gradients],
    state: OptimizerState,
    *,
    clip_value: float | None,
    clip_norm: float | None,
    keras_clip_norm: bool,
    num_threads: int,
) -> float:
    """Change `parameters` and `state` in place; all is checked before anything changes.

    Returns the global norm of the gradients before clipping.
    """
    parameters, layers = _named(parameters)
    named: Any = gradients if layers is None else gradients_of(layers, gradients)
    own = _gradients(parameters, named)
    _check_state(config, parameters, state)
    slots = {slot: [state.slots[slot][name] for name in parameters] for slot in config.slots}
    size = sum(p.size for p in parameters.values())
    threads = _core.choose_threads(
        num_threads, 64.0 * size
    )  # a number's update is as long as so many multiply-adds
    step: Any = _core.optimizer_step if layers is None else _core.step_layers
    try:
        with whole():  # the arrays are changed in there, and the counts here
            norm, state.steps, state.beta1_power, state.beta2_power = step(
                config,
                clip_value,
                clip_norm,
                keras_clip_norm,
                list(parameters.values()) if layers is None else [layer._native for layer in layers.values()],
                own,
                slots,
                state.steps,
                state.beta1_power,
                state.beta2_power,
                threads,
            )
    except _core.NonFiniteError as error:
        culprit = next((name for name, g in named.items() if not np.isfinite(g).all()), None)
        if culprit is None:
            raise
        raise _core.NonFiniteError(f"{error} (gradients[{culprit!r}])") from None
    return float(norm)


def _named(parameters: Arrays | Layers) -> tuple[Arrays, dict[str, Layer] | None]:
    """All arrays by name, and the layers whose they are, None where they are the caller's own."""
    layers = named_layers(parameters)
    if layers is not None:
        return parameters_of(layers), layers
    arrays: Any = parameters
    _check_parameters(arrays)
    return arrays, None


def _check_parameters(parameters: Arrays) -> None:
    if not isinstance(parameters, Mapping):
        raise TypeError(f"parameters is {parameters!r}, expected a mapping of names to arrays, or layers")
    for name, p in parameters.items():
        if not isinstance(p, np.ndarray) or p.dtype not in (np.float32, np.float64):
            raise TypeError(f"parameters[{name!r}] is {_kind(p)}, expected an array of float32 or float64")
        if not p.flags.carray:
            raise _not_in_place(f"parameters[{name!r}]")
    dtypes = {p.dtype for p in parameters.values()}
    if len(dtypes) > 1:
        raise TypeError(
            f"parameters has arrays of {' and '.join(sorted(map(str, dtypes)))}, expected one dtype"
        )


def _gradients(parameters: Arrays, gradients: Arrays) -> list[Array]:
    """Of each parameter, contiguous."""
    if not isinstance(gradients, Mapping):
        raise TypeError(f"gradients is {gradients!r}, expected a mapping of names to arrays")
    if parameters.keys() != gradients.keys():
        raise ValueError(
            f"gradients has names {sorted(gradients)}, expected {sorted(parameters)} as parameters"
        )
    for name, p in parameters.items():
        if not _is_like(gradients[name], p):
            raise _unlike(f"gradients[{name!r}]", gradients[name], p)
    return [np.asarray(gradients[name], order="C") for name in parameters]


def _check_state(config: _core.OptimizerConfig, parameters: Arrays, state: OptimizerState) -> None:
    if not isinstance(state, OptimizerState):
        raise TypeError(f"state is {state!r}, expected an OptimizerState, as initial_state gives")
    _check_kind(config, state)
    if integer("state.steps", state.steps) < 0:
        raise ValueError(f"state.steps is {state.steps}, expected at least 0")
    for power in ("beta1_power", "beta2_power"):
        if not 0 <= real(f"state.{power}", getattr(state, power)) <= 1:
            raise ValueError(f"state.{power} is {getattr(state, power)}, expected 0 to 1")
    for slot, arrays in state.slots.items():
        if arrays.keys() != parameters.keys():
            raise ValueError(
                f"state.slots[{slot!r}] has names {sorted(arrays)}, expected {sorted(parameters)} as parameters"
            )
        for name, p in parameters.items():
            array = arrays[name]
            if not _is_like(array, p):
                raise _unlike(f"state.slots[{slot!r}][{name!r}]", array, p)
            if not array.flags.carray:
                raise _not_in_place(f"state.slots[{slot!r}][{name!r}]")


def _check_kind(config: _core.OptimizerConfig, state: OptimizerState) -> None:
    if (state.kind, sorted(state.slots)) != (config.kind, sorted(config.slots)):
        raise ValueError(
            f"state is {state.kind!r} with slots {sorted(state.slots)}, expected {config.kind!r} with slots "
            f"{sorted(config.slots)}: use the initial_state of this optimiser"
        )


def _is_like(array: Any, p: Array) -> bool:
    """Whether `array` has the dtype and shape of `p`. Arithmetic on arrays of shape () makes scalars: they will do."""
    return isinstance(array, np.ndarray | np.generic) and array.dtype == p.dtype and array.shape == p.shape


def _unlike(what: str, array: Any, p: Array) -> Exception:
    if not isinstance(array, np.ndarray | np.generic) or array.dtype != p.dtype:
        return TypeError(f"{what} is {_kind(array)}, expected an array of {p.dtype} as the parameter")
    return ValueError(f"{what} has shape {array.shape}, expected {p.shape} as the parameter")


def _not_in_place(what: str) -> Exception:
    return ValueError(f"{what} is not C-contiguous and writeable: it is changed in place")


def _kind(array: Any) -> str:
    return str(array.dtype) if isinstance(array, np.ndarray | np.generic) else repr(array)
