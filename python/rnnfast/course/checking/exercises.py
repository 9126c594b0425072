"""The functions that can be checked, by name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from rnnfast.course.checking import draws
from rnnfast.course.checking.exercise import LETTER_CASES, Exercise
from rnnfast.reference import dinosaur, steps

_PARTS = ("cell_forward", "forward", "cell_backward", "backward")
_STEPS: dict[str, tuple[tuple[str, ...], tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    "rnn": (
        ("xt", "a_prev", "a_next", "yt_pred"),
        ("dWax", "dWaa", "dba", "da_prev", "dxt"),
        {"dz (dtanh)": ("dWax", "dWaa", "dba", "da_prev", "dxt")},
    ),
    "lstm": (
        ("xt", "a_prev", "c_prev", "ft", "it", "cct", "ot", "c_next", "a_next", "yt_pred"),
        ("dWf", "dbf", "dWi", "dbi", "dWc", "dbc", "dWo", "dbo", "dc_prev", "da_prev", "dxt"),
        {"dc": ("dWf", "dbf", "dWi", "dbi", "dWc", "dbc", "dc_prev")}
        | {gate: (f"dW{gate[1]}", f"db{gate[1]}") for gate in ("dft", "dit", "dcct", "dot")},
    ),
    "gru": (
        ("xt", "a_prev", "rt", "ut", "cct", "a_next", "yt_pred"),
        ("dWu", "dbu", "dWc", "dbc", "dWr", "dbr", "da_prev", "dxt"),
        {gate: (f"dW{gate[1]}", f"db{gate[1]}") for gate in ("dut", "dcct", "drt")},
    ),
}


def _steps() -> dict[str, Exercise]:
    """The four functions of each kind of cell."""
    table = {}
    for kind, (forward, backward, parents) in _STEPS.items():
        c_next, c = (("c_next",), ("c",)) if kind == "lstm" else ((), ())
        y = "y_pred" if kind == "rnn" else "y"
        right = {part: getattr(steps, f"{kind}_{part}") for part in _PARTS}
        parameters = tuple(name for name in backward if name[1] in "Wb")
        table[f"{kind}_cell_forward"] = Exercise(
            right["cell_forward"],
            draws.step(kind),
            returns=("a_next", *c_next, "yt_pred", "cache"),
            order=forward,
        )
        table[f"{kind}_forward"] = Exercise(
            right["forward"],
            draws.sequence(kind),
            returns=("a", y, *c, "caches"),
            order=(*forward, *c, "a", y),
        )
        table[f"{kind}_cell_backward"] = Exercise(
            right["cell_backward"], draws.step_back(kind), order=backward, parents=parents
        )
        table[f"{kind}_backward"] = Exercise(
            right["backward"],
            draws.sequence_back(kind),
            order=("dx", "da0", *parameters),
            one_step_order=(*parameters, "da0", "dx"),
            parents=parents,
        )
    return table


_GRADIENTS = ("dby", "dWya", "db", "dWax", "dWaa", "da_next")

_of_letters = functools.partial(Exercise, cases=LETTER_CASES)

_DINOSAUR = {
    "initialize_parameters": Exercise(
        dinosaur.initialize_parameters, draws.sizes, order=("Wax", "Waa", "Wya", "b", "by")
    ),
    "rnn_step_forward": _of_letters(
        dinosaur.rnn_step_forward, draws.letter, ("a_next", "p_t"), ("a_next", "p_t")
    ),
    "rnn_step_backward": _of_letters(dinosaur.rnn_step_backward, draws.letter_back, order=_GRADIENTS),
    "dinosaur.rnn_forward": _of_letters(
        dinosaur.rnn_forward, draws.name, ("loss", "cache"), order=("x", "a", "y_hat", "loss")
    ),
    "dinosaur.rnn_backward": _of_letters(
        dinosaur.rnn_backward, draws.name_back, ("gradients", "a"), order=("a", *_GRADIENTS)
    ),
    "update_parameters": _of_letters(
        dinosaur.update_parameters, draws.update, ("parameters",), changed={"parameters": 0}
    ),
    "clip": _of_letters(dinosaur.clip, draws.clip, ("gradients",), changed={"gradients": 0}),
    "optimize": _of_letters(
        dinosaur.optimize,
        draws.optimize,
        ("loss", "gradients", "a_last"),
        order=("loss", "a_last", *_GRADIENTS[:-1], "Wax", "Waa", "Wya", "b", "by"),
        changed={"parameters": 3},
    ),
    "get_initial_loss": Exercise(dinosaur.get_initial_loss, draws.initial_loss, ("returned value",)),
    "smooth": Exercise(dinosaur.smooth, draws.smooth, ("returned value",)),
    "get_sample": _of_letters(dinosaur.get_sample, draws.written, ("returned value",)),
    "print_sample": _of_letters(dinosaur.print_sample, draws.written, ("printed text",), prints=True),
    "sample": _of_letters(dinosaur.sample, draws.sample, ("indices",)),
    "model": _of_letters(
        dinosaur.model,
        draws.model,
        ("parameters", "last_dino_name"),
        order=("Wax", "Waa", "Wya", "b", "by"),
        optional={"char_to_ix": 2},
        first_alone=True,
    ),
}

EXERCISES = (
    {
        "softmax": Exercise(steps.softmax, draws.columns, ("returned value",)),
        "sigmoid": Exercise(steps.sigmoid, draws.columns, ("returned value",)),
    }
    | _steps()
    | _DINOSAUR
)


def find(function: Callable[..., Any], like: str | None) -> Exercise:
    """The exercise that `like` names, or else the function's own name; two have the same, but not as many arguments."""
    name = getattr(function, "__name__", None) if like is None else like
    if not isinstance(name, str):
        raise TypeError(f"like is {like!r}, expected the name of a function, such as 'lstm_cell_backward'")
    longer = f"dinosaur.{name}"
    if like is None and longer in EXERCISES and name in EXERCISES:
        required = _required_arguments(function)
        name = longer if required == _required_arguments(EXERCISES[longer].right) else name
    if name.removeprefix("dinosaur.") in EXERCISES and name not in EXERCISES:
        name = name.removeprefix("dinosaur.")
    if name not in EXERCISES:
        known = ", ".join(EXERCISES)
        raise ValueError(f"{name!r} is no known function; name it with like=..., one of: {known}")
    return EXERCISES[name]


def _required_arguments(function: Callable[..., Any]) -> int:
    parameters = inspect.signature(function).parameters.values()
    return sum(parameter.default is parameter.empty for parameter in parameters)
