"""Streams that join and leave, and go on together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast._arguments import integer
from rnnfast.generation_call import SessionKeywords, streams
from rnnfast.prompts import Prompt
from rnnfast.sampling import Sampler
from rnnfast.state import State
from rnnfast.train import Tokens

if TYPE_CHECKING:
    from rnnfast.model import LanguageModel

_NATIVE = {"float32": _core.SessionF32, "float64": _core.SessionF64}


class SessionTokens(NamedTuple):
    """What `Session.step` gives.

    Attributes
    ----------
    ids : (n,) int64
        Of the streams that were live, ascending.
    tokens : (n, k) int32
        A row for each of them, -1 after its end.
    """

    ids: npt.NDArray[np.int64]
    tokens: Tokens


class Session:
    """Streams of one model that join and leave at any time; each draws the tokens that it would draw alone.

    `LanguageModel.session` makes it. For one thread at a time; other threads may use the model, also in sessions of
    their own.

    Examples
    --------
    >>> from rnnfast import LanguageModel
    >>> model = LanguageModel(5, 8)
    >>> session = model.session(capacity=100)
    >>> first, second = session.add(prompt=[1, 2], seed=7), session.add(seed=8, top_k=3)
    >>> ids, tokens = session.step(4)
    >>> tokens[0].tolist() == model.generate(4, prompt=[1, 2], seed=[7])[0].tolist()
    True
    >>> state = session.remove(first)
    >>> session.ids, session.seed(second)
    (array([1]), 8)
    """

    def __init__(self, model: LanguageModel, capacity: int) -> None:
        self._model = model
        self._native = _NATIVE[model.dtype.name](model._native, integer("capacity", capacity))

    def __len__(self) -> int:
        """How many streams have something to tell: those that are live, and those that ended in a step that could not.

        A step that was interrupted, or raised the error of another stream, leaves what it has drawn to the next one.
        """
        return len(self._native)

    @property
    def ids(self) -> npt.NDArray[np.int64]:
        """Of the live streams, ascending."""
        return self._native.ids

    def add(
        self,
        prompt: Prompt = None,
        seed: int | Sequence[int] | None = 0,
        sampler: Sampler | None = None,
        *,
        length: int | None = None,
        **keywords: Unpack[SessionKeywords],
    ) -> int:
        """Let a stream join.

        Parameters
        ----------
        prompt, seed, sampler, keywords
            As in `LanguageModel.generate` for one stream, whose key is (seed, 0); no function in `stop`. `seed(id)`
            tells what ``seed=None`` became.
        length : int, optional
            It ends after so many tokens; None: without end, or until a stop.

        Returns
        -------
        id : int
            0, 1, 2, ..., never twice.

        Raises
        ------
        RuntimeError
            Where there are as many streams as the session's capacity.
        """
        call = streams(self._model, prompt=prompt, seed=seed, sampler=sampler, **keywords)
        if len(call.keys) != 1:
            raise ValueError(f"{len(call.keys)} streams are given, expected one")
        if call.stop_when is not None:
            raise TypeError(
                f"stop has {call.stop_when!r}, expected tokens or text: a session takes no function"
            )
        native = call.native(None if length is None else integer("length", length))
        del native["stop_when"]
        native["keys"] = [(call.keys[0][0], 0)]
        return self._native.add(**native)

    def seed(self, id: int) -> int:
        """What a stream's random numbers are drawn by: `generate` with ``seed=[session.seed(id)]`` draws the same.

        Raises
        ------
        KeyError
            Where there is no such stream, because it has ended, was removed, or never was.
        """
        try:
            return self._native.seed(integer("id", id))
        except IndexError as error:
            raise KeyError(str(error)) from None

    def step(self, k: int = 1) -> SessionTokens:
        """Draw k more tokens of every stream. Those that end leave the session.

        A stop is seen wherever its tokens are: it may begin in one step and end in another.

        Raises
        ------
        SamplingError
            Where a stream has no token to draw; `stream` is its id. It has ended, and only it: the tokens of this call
            are in the error's ``result``. Of several such streams each has an error of its own: the next steps raise
            the others.
        KeyboardInterrupt
            No token is lost then, and no error: the next step goes on from there.
        """
        ids, tokens, failure = self._native.step(integer("k", k))
        result = SessionTokens(ids, tokens)
        if failure is None:
            return result
        error: Any = _core.SamplingError(failure[0])
        _, error.stream, error.step = failure
        error.result = result
        raise error

    def remove(self, id: int) -> State:
        """Take a stream out before its end; returns where it is, with its prompt read.

        What an interrupted step has drawn of it the next step still tells.

        Raises
        ------
        KeyError
            Where there is no such stream, because it has ended or never was.
        KeyboardInterrupt
            The stream is still there then.
        """
        try:
            h, c, position, pending, history = self._native.remove(integer("id", id))
        except IndexError as error:
            raise KeyError(str(error)) from None
        counted = np.flatnonzero(history == pending)  # where penalties have no window the order is lost
        recent = np.delete(history, counted[-1]) if counted.size else history
        return State(
            h,
            c if c.size else None,
            np.array([position], np.uint64),
            np.array([pending], np.int32),
            recent[np.newaxis] if recent.size else None,
        )
