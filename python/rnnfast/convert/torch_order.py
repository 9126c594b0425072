"""What the modules of a state_dict are, and the order in which data goes through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from rnnfast.convert.description import Array
from rnnfast.convert.orders import Order, Reading, may_be_language_model, orders

Module = Mapping[str, Array]

CHOOSE = "choose what to read with modules=, the modules' names in the order that data goes through them"


def ordered(
    modules: Mapping[str, Module],
    named: Sequence[str] | None,
    embedding: bool | None,
    language_model: bool | None,
) -> Order:
    """Find the one order that the modules' shapes and the caller's words leave.

    Parameters
    ----------
    modules : name -> parameters
    named : sequence of str, optional
        The order of modules, where the caller says it.
    embedding, language_model : bool, optional
        As in `rnnfast.convert.from_torch`.

    Raises
    ------
    TypeError
        Where `embedding` is no bool.
    ValueError
        Where there is none, or more than one.
    """
    if embedding is not None and not isinstance(embedding, bool):
        raise TypeError(f"embedding is {embedding!r}, expected True, False or None")
    readings = [_readings(name, modules[name]) for name in (modules if named is None else named)]
    if named is None:
        recurrent = [own[0].name for own in readings if own[0].kind == "recurrent"]
        if len(recurrent) > 1 or len(readings) > 3:
            raise _unknown_order(recurrent if len(recurrent) > 1 else list(modules))
    queues = [[own] for own in readings] if named is None else [readings]
    possible = list(orders(queues))
    begun = [order for order in possible if embedding in (None, order[0].kind == "embedding")]
    found = [order for order in begun if language_model is not True or may_be_language_model(order)]
    if len(found) > 1:
        raise _ambiguous(found)
    if possible and not found:
        raise _excluded(possible, embedding, by_embedding=not begun)
    if not found and named is None:
        raise ValueError(f"the modules' shapes fit each other in no order: {_sizes(readings)}")
    order = found[0] if found else tuple(own[0] for own in readings)  # which the description then refuses
    if named is None and any(a.kind == b.kind for a, b in pairwise(order)):
        raise _unknown_order([reading.name for reading in order])
    return order


def is_recurrent(module: Module) -> bool:
    """Whether its parameters are not those of a linear layer or an embedding."""
    return any(key not in ("weight", "bias") for key in module)


def _readings(name: str, module: Module) -> list[Reading]:
    """What a module may be; a matrix without bias two things."""
    if is_recurrent(module):
        return [Reading(name, "recurrent", *_recurrent_sizes(module))]
    weight = module["weight"]
    if weight.ndim != 2:
        raise ValueError(
            f"{name}{'.' if name else ''}weight has shape {weight.shape}, expected the 2 dimensions of an nn.Linear's "
            f"or nn.Embedding's; {CHOOSE}"
        )
    rows, columns = weight.shape
    linear = Reading(name, "linear", columns, rows)
    return [linear] if "bias" in module else [Reading(name, "embedding", None, columns, rows), linear]


def _recurrent_sizes(module: Module) -> tuple[int, int]:
    """How many numbers a recurrent module takes and gives a step."""
    directions = 2 if any(key.endswith("_reverse") for key in module) else 1
    first, last = (module.get(f"{key}_l0", module.get(key)) for key in ("weight_ih", "weight_hh"))
    if first is None or last is None or 0 in (first.ndim, last.ndim):
        return 0, 0
    return first.shape[-1], directions * last.shape[-1]


def _sizes(readings: Sequence[Sequence[Reading]]) -> str:
    return ", ".join(
        f"{own[-1].name!r} takes {own[-1].takes} numbers and gives {own[-1].gives}" for own in readings
    )


def _unknown_order(names: Sequence[str]) -> ValueError:
    listed = ", ".join(map(repr, names))
    return ValueError(
        f"a state_dict does not say in which order data goes through {listed}: pass some of them, or all, in order, "
        f"as in modules=({listed})"
    )


def _names(found: Sequence[Order]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(tuple(reading.name for reading in order) for order in found))


def _excluded(possible: Sequence[Order], embedding: bool | None, *, by_embedding: bool) -> ValueError:
    """Name the argument that leaves none of the orders that fit."""
    if by_embedding:
        said = f"embedding={embedding}"
        expected = f"{'an' if embedding else 'no'} nn.Embedding before the others"
    else:
        said = "language_model=True" + ("" if embedding is None else f" beside embedding={embedding}")
        expected = (
            "one stack of recurrent modules, after an nn.Embedding or none, and an nn.Linear with an output for each "
            "token"
        )
    allowed = " or ".join(map(str, _names(possible)))
    return ValueError(
        f"{said} excludes every order of the modules that their shapes allow, {allowed}: expected {expected}"
    )


def _ambiguous(found: Sequence[Order]) -> ValueError:
    """Name the choices, and the arguments that choose."""
    every = _names(found)
    arguments = []
    if len(every) > 1:
        arguments.append(" or ".join(f"modules={names}" for names in every))
    if len({order[0].kind == "embedding" for order in found}) > 1:
        (name,) = {order[0].name for order in found if order[0].kind == "embedding"}
        arguments.append(f"embedding=True or False, whether {name!r} is an nn.Embedding")
    if len(list(filter(may_be_language_model, found))) == 1:
        arguments.append("language_model=True")
    return ValueError(
        "a state_dict does not say what its modules are and in which order data goes through them, and the shapes "
        f"allow more than one: pass {'; '.join(arguments)}"
    )
