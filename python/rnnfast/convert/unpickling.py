"""A pickle machine that executes nothing: it knows dictionaries, plain values and tensors, by name, and no other thing.

A pickle is a program whose instructions may import and call anything. This machine has no instruction for that: a name
stays a name, and the two calls that a state_dict needs (an empty OrderedDict, a tensor of a storage) make values of our
own. All else is refused before it does anything. The instructions are those of Python's `pickletools`.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple


class Storage(NamedTuple):
    """A run of numbers in a record of its own."""

    kind: str
    key: str
    length: int


class Tensor(NamedTuple):
    """A view of a storage: offset, size and stride count elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class Name(NamedTuple):
    """What an instruction would have imported."""

    full: str


def load(data: bytes) -> Any:
    """Run the pickle `data`.

    Parameters
    ----------
    data : bytes
        As `torch.save` writes it: protocols 2 to 5, storages as persistent ids.

    Returns
    -------
    value
        Of dict (str or int to value), list, tuple, str, int, float, bool, None and Tensor. The same value may be in
        several places, also in itself.

    Raises
    ------
    ValueError
        For a pickle that wants anything else, or is damaged.

    Examples
    --------
    >>> import pickle
    >>> load(pickle.dumps({"epoch": 3}))
    {'epoch': 3}
    >>> load(pickle.dumps(print))
    Traceback (most recent call last):
    ValueError: the pickle is refused: it gives the name builtins.print, expected values only
    """
    machine = _Machine()
    try:
        for instruction, argument, position in pickletools.genops(data):
            if instruction.name == "STOP":
                return machine.result()
            step = _STEPS.get(instruction.name)
            if step is None:
                raise ValueError(
                    f"its instruction {instruction.name} at byte {position} does more than make tensors"
                )
            step(machine, argument)
        raise ValueError("it has no end")
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        reason = str(error) if isinstance(error, ValueError) else f"damaged ({type(error).__name__}: {error})"
        raise ValueError(f"the pickle is refused: {reason}; save model.state_dict(), nothing else") from error


class _Machine:
    """A stack of values, the stacks that marks have put aside, and the memo."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.aside: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def result(self) -> Any:
        if len(self.stack) != 1 or self.aside:
            raise ValueError(f"damaged: it ends with {len(self.stack)} values")
        return _value(self.stack[0])

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def mark(self) -> None:
        self.aside.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        values, self.stack = self.stack, self.aside.pop()
        return values

    def top(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise ValueError("damaged: its stack is empty")
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def set_items(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(values) % 2:
            raise ValueError("damaged: it sets items of what is no dictionary")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, str | int):  # a tuple of tuples of ... would end in the hash's recursion
                raise ValueError("a key of a dictionary is neither text nor a whole number")
            target[key] = _value(value)

    def extend(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise ValueError("damaged: it appends to what is no list")
        target.extend(map(_value, values))

    def stack_global(self) -> None:
        module, name = self.top(2)
        self.push(Name(f"{module}.{name}"))

    def reduce(self) -> None:
        function, arguments = self.top(2)
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise ValueError("damaged: it calls what is no name")
        call = _CALLS.get(function.full)
        if call is None:
            raise ValueError(f"it calls {function.full}, expected tensors and dictionaries only")
        self.push(call(arguments))

    def build(self) -> None:
        """An OrderedDict's attributes, PyTorch's version numbers of modules: not needed."""
        self.top(1)
        if not isinstance(self.stack[-1], dict):
            raise ValueError("it sets the attributes of what is no dictionary")

    def persistent(self) -> None:
        (identity,) = self.top(1)
        if not isinstance(identity, tuple) or len(identity) != 5 or identity[0] != "storage":
            raise ValueError("damaged: it names a record in an unknown way")
        _, kind, key, _, length = identity
        if not isinstance(kind, Name) or not isinstance(key, str) or not _is_size(length):
            raise ValueError("damaged: its record of a tensor makes no sense")
        self.push(Storage(kind.full, key, length))


def _value(value: Any) -> Any:
    if isinstance(value, Name):
        raise ValueError(f"it gives the name {value.full}, expected values only")
    return value


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _ordered_dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    if arguments:
        raise ValueError("damaged: an OrderedDict has arguments")
    return {}


def _tensor(arguments: tuple[Any, ...]) -> Tensor:
    """The arguments: storage, offset, size, stride, requires_grad, hooks and, in some versions, metadata."""
    storage, offset, size, stride = arguments[:4]
    lengths = [offset, *size, *stride]
    if not isinstance(storage, Storage) or len(size) != len(stride) or not all(map(_is_size, lengths)):
        raise ValueError("damaged: a tensor's storage, size or stride makes no sense")
    return Tensor(storage, offset, tuple(size), tuple(stride))


def _parameter(arguments: tuple[Any, ...]) -> Tensor:
    """The arguments: tensor, requires_grad, hooks."""
    if not isinstance(arguments[0], Tensor):
        raise ValueError("damaged: a parameter is no tensor")
    return arguments[0]


_CALLS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "collections.OrderedDict": _ordered_dict,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
}

_Step = Callable[[_Machine, Any], None]

_STEPS: dict[str, _Step] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda machine, argument: None),
    **dict.fromkeys(
        (
            "BININT",
            "BININT1",
            "BININT2",
            "LONG1",
            "BINFLOAT",
            "BINUNICODE",
            "SHORT_BINUNICODE",
            "BINUNICODE8",
        ),
        lambda machine, argument: machine.push(argument),
    ),
    "NONE": lambda machine, argument: machine.push(None),
    "NEWTRUE": lambda machine, argument: machine.push(True),
    "NEWFALSE": lambda machine, argument: machine.push(False),
    "EMPTY_DICT": lambda machine, argument: machine.push({}),
    "EMPTY_LIST": lambda machine, argument: machine.push([]),
    "EMPTY_TUPLE": lambda machine, argument: machine.push(()),
    "MARK": lambda machine, argument: machine.mark(),
    "TUPLE": lambda machine, argument: machine.push(tuple(machine.since_mark())),
    "TUPLE1": lambda machine, argument: machine.push(tuple(machine.top(1))),
    "TUPLE2": lambda machine, argument: machine.push(tuple(machine.top(2))),
    "TUPLE3": lambda machine, argument: machine.push(tuple(machine.top(3))),
    "SETITEM": lambda machine, argument: machine.set_items(machine.top(2)),
    "SETITEMS": lambda machine, argument: machine.set_items(machine.since_mark()),
    "APPEND": lambda machine, argument: machine.extend(machine.top(1)),
    "APPENDS": lambda machine, argument: machine.extend(machine.since_mark()),
    **dict.fromkeys(
        ("BINPUT", "LONG_BINPUT"),
        lambda machine, argument: machine.memo.__setitem__(argument, machine.stack[-1]),
    ),
    "MEMOIZE": lambda machine, argument: machine.memo.__setitem__(len(machine.memo), machine.stack[-1]),
    **dict.fromkeys(
        ("BINGET", "LONG_BINGET"), lambda machine, argument: machine.push(machine.memo[argument])
    ),
    "GLOBAL": lambda machine, argument: machine.push(Name(argument.replace(" ", "."))),
    "STACK_GLOBAL": lambda machine, argument: machine.stack_global(),
    "BINPERSID": lambda machine, argument: machine.persistent(),
    "REDUCE": lambda machine, argument: machine.reduce(),
    "BUILD": lambda machine, argument: machine.build(),
}
