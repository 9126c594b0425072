"""Where streams are: a value that goes into a call and comes out of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast import state_bytes

Floats = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class State:
    """Where N streams are: give it to a call, get the next one back. Nothing is hidden in the model.

    A sequence of streams: `len`, ``state[3]`` and ``state[2:5]`` (always a State, of copies), ``state[[0] * 1000]`` (a
    fork), `concatenate`; pickled as any value, and `tobytes` without pickle.

    Attributes
    ----------
    h : (L, N, H) array of the model's dtype
        Hidden state of each layer.
    c : (L, N, H) array of the same, or None
        Cell state of each layer; None for cells that have none: all but the LSTM.
    position : (N,) uint64
        Tokens drawn so far in each stream: where its random numbers go on.
    pending : (N,) int32, optional
        What each stream drew last and has not read yet, -1 where there is none: `generate` reads it before a prompt.
        `step` and `predict` read what they are given and nothing else.
    recent : (N, W) int32, optional
        Tokens that the streams read, the last ones at the end, -1 before them: what a sampler's penalties go on with.

    Examples
    --------
    >>> from rnnfast import LanguageModel, State
    >>> model = LanguageModel(5, 8)
    >>> state = model.initial_state(3)
    >>> len(state), len(state[1]), len(State.concatenate([state, state[:2]]))
    (3, 1, 5)
    >>> State.frombytes(state.tobytes())
    <State: 3 streams, h (1, 3, 8) float32>
    """

    h: Floats
    c: Floats | None
    position: npt.NDArray[np.uint64]
    pending: npt.NDArray[np.int32] | None = None
    recent: npt.NDArray[np.int32] | None = None

    def __repr__(self) -> str:
        return f"<State: {len(self)} streams, h {np.shape(self.h)} {np.asarray(self.h).dtype}>"

    def __len__(self) -> int:
        return int(np.size(self.position))

    def __getitem__(self, which: int | slice | Sequence[int] | npt.NDArray[Any]) -> State:
        """Some of the streams, in that order, as often as they are named; copies."""
        return _select(self, np.atleast_1d(np.arange(len(self))[which]))

    def copy(self) -> State:
        """A State that shares no memory with this one."""
        return self[:]

    @staticmethod
    def concatenate(states: Sequence[State]) -> State:
        """The streams of several states, one after the other.

        Raises
        ------
        ValueError
            For no states at all, and for those of different models: other layers, sizes, dtypes, cells.
        """
        if not isinstance(states, Iterable | State):
            raise TypeError(f"states is {states!r}, expected a sequence of States")
        states = list(states)
        for state in states:
            expect_state(state)
        if not states:
            raise ValueError("states is empty, expected at least one State")
        kinds = {(np.shape(s.h)[0], np.shape(s.h)[2], np.asarray(s.h).dtype, s.c is None) for s in states}
        if len(kinds) > 1:
            raise ValueError(
                f"states are of {len(kinds)} kinds of model, expected the same L, H, dtype and cell"
            )
        cells = [s.c for s in states if s.c is not None]
        return State(
            np.concatenate([s.h for s in states], axis=1),
            np.concatenate(cells, axis=1) if cells else None,
            np.concatenate([s.position for s in states]),
            _joined_pending(states),
            _joined_recent(states),
        )

    def tobytes(self) -> bytes:
        """All of it as bytes, little-endian, the same on every machine; `frombytes` reads them."""
        return state_bytes.dump({field.name: getattr(self, field.name) for field in fields(self)})

    @staticmethod
    def frombytes(data: bytes) -> State:
        """What `tobytes` wrote.

        Raises
        ------
        ValueError
            For bytes that are not a State, damaged, truncated or of a newer format; the message says which.
        TypeError
            For anything but bytes.
        """
        arrays: dict[str, Any] = state_bytes.load(data)
        return State(**arrays)


def _select(state: State, rows: npt.NDArray[np.int64]) -> State:
    return State(
        np.asarray(state.h)[:, rows],
        None if state.c is None else np.asarray(state.c)[:, rows],
        np.asarray(state.position)[rows],
        None if state.pending is None else np.asarray(state.pending)[rows],
        None if state.recent is None else np.asarray(state.recent)[rows],
    )


def _joined_pending(states: Sequence[State]) -> npt.NDArray[np.int32] | None:
    if all(state.pending is None for state in states):
        return None
    return np.concatenate([np.full(len(s), -1, np.int32) if s.pending is None else s.pending for s in states])


def _joined_recent(states: Sequence[State]) -> npt.NDArray[np.int32] | None:
    if all(state.recent is None for state in states):
        return None
    each = [np.empty((len(s), 0), np.int32) if s.recent is None else np.asarray(s.recent) for s in states]
    width = max(tokens.shape[1] for tokens in each)
    padded = [np.pad(tokens, ((0, 0), (width - tokens.shape[1], 0)), constant_values=-1) for tokens in each]
    return np.concatenate(padded)


def zero_state(shape: tuple[int, int, int], dtype: np.dtype[Any], *, has_c: bool) -> State:
    """Make the state (L, N, H) before anything was read."""
    c = np.zeros(shape, dtype) if has_c else None
    return State(np.zeros(shape, dtype), c, np.zeros(shape[1], dtype=np.uint64))


def native_c(state: State) -> Floats:
    """State's c as the native code takes it: empty, (0, N, H), where there is none."""
    return np.empty((0, *state.h.shape[1:]), state.h.dtype) if state.c is None else state.c


def checked_state(
    state: Any, shape: tuple[int, int, int], dtype: np.dtype[Any], *, has_c: bool = True
) -> State:
    """Take `state` as a State of shape (L, N, H), its arrays contiguous and of the model's dtype.

    `has_c` says whether the model's cells have a c.

    Raises
    ------
    TypeError
        Unless it is a State of real numbers and integer positions.
    ValueError
        For another shape.
    """
    expect_state(state)
    if has_c != (state.c is not None):
        raise ValueError(
            f"state.c is {'None' if has_c else 'there'}, which is of another cell than the model's"
        )
    streams = shape[1:2]
    recent = state.recent
    return State(
        _checked("h", state.h, shape, dtype),
        None if state.c is None else _checked("c", state.c, shape, dtype),
        _checked("position", state.position, streams, np.dtype(np.uint64)),
        None if state.pending is None else _checked("pending", state.pending, streams, np.dtype(np.int32)),
        None
        if recent is None
        else _checked("recent", recent, streams + np.shape(recent)[-1:], np.dtype(np.int32)),
    )


def _checked(name: str, values: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.shape != shape:
        raise ValueError(f"state.{name} has shape {array.shape}, expected {shape}")
    kinds, wanted = ("iuf", "real numbers") if dtype.kind == "f" else ("iu", "integers")
    if array.dtype.kind not in kinds:
        raise TypeError(f"state.{name} has dtype {array.dtype}, expected {wanted}")
    least = 0 if dtype.kind == "u" else -1
    if dtype.kind != "f" and array.size and array.min() < least:
        raise ValueError(f"state.{name} has {array.min()}, expected at least {least}")
    if dtype.kind == "i" and array.size and array.max() >= 2**31:
        raise ValueError(f"state.{name} has {array.max()}, expected a token")
    return np.ascontiguousarray(array, dtype=dtype)


def expect_state(state: Any) -> None:
    """Raise TypeError unless `state` is a State."""
    if not isinstance(state, State):
        raise TypeError(f"state is a {type(state).__name__}, expected a State, as step and predict return it")
