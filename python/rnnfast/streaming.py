"""Generating a token at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from rnnfast import _core
from rnnfast._arguments import integer, thread_count
from rnnfast._methods import method_of
from rnnfast.generation_call import StreamKeywords, streams
from rnnfast.state import State
from rnnfast.train import Tokens

if TYPE_CHECKING:
    from rnnfast.model import LanguageModel

_NATIVE = {"float32": _core.TokenIteratorF32, "float64": _core.TokenIteratorF64}

OnToken = Callable[[Any], Any]


class TokenStream:
    """What `LanguageModel.stream` gives: an iterator over the tokens that `generate` would draw.

    With one stream each item is an int; with N it is an array (N,) int32, -1 for streams that have ended. It ends with
    the last of them. For one thread at a time. After Ctrl-C the next item is the one that was being drawn.
    """

    def __init__(self, model: LanguageModel, length: int | None, /, **keywords: Any) -> None:
        self._call = streams(model, **keywords)
        steps = None if length is None else integer("length", length)
        self._native = _NATIVE[model.dtype.name](model=model._native, **self._call.native(steps))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._native)

    def __next__(self) -> Any:
        return self._native.__next__()

    @property
    def seed(self) -> int | tuple[int, ...]:
        """What the random numbers are drawn by."""
        return self._call.seed

    @property
    def state(self) -> State:
        """Where the streams are now: another call goes on from it. Before the first token the prompts are read for it.

        Raises
        ------
        RuntimeError
            After an error other than KeyboardInterrupt in the middle of an item.
        """
        h, c, position, last, lengths, drawn = self._native.state()
        if drawn:
            tokens = np.full((len(drawn), max(map(len, drawn))), -1, np.int32)
            for row, own in zip(tokens, drawn, strict=True):
                row[: len(own)] = own
        else:
            tokens, lengths = last[:, np.newaxis], np.minimum(lengths, 1)
        return self._call.after(tokens, lengths, h, c, position)


@method_of("rnnfast.model", "LanguageModel")
def stream(self: LanguageModel, length: int | None = None, **keywords: Unpack[StreamKeywords]) -> TokenStream:
    """Generate a token at a time: ``for token in model.stream(...)``.

    Parameters
    ----------
    length : int, optional
        None: without end, or until a stop.
    keywords
        As in `generate`, but `num_alternatives` and `num_threads`.

    Returns
    -------
    stream : TokenStream
        Of the tokens that `generate` returns: ints, or (N,) int32 arrays where there are several streams. Has the
        current `state`.

    Raises
    ------
    SamplingError
        As `generate`, when the item is asked for.

    Examples
    --------
    >>> from rnnfast import LanguageModel
    >>> model = LanguageModel(5, 8)
    >>> list(model.stream(6, seed=1)) == model.generate(6, seed=1)[0].tolist()
    True
    """
    return TokenStream(self, length, **keywords)


def generate(model: LanguageModel, length: int, on_token: OnToken, /, **keywords: Any) -> Tokens:
    """Generate as `LanguageModel.generate` does and call `on_token` with each item of the stream; True ends it."""
    if not callable(on_token):
        raise TypeError(f"on_token is {on_token!r}, expected a function of a token")
    if "num_alternatives" in keywords:
        raise TypeError("num_alternatives and on_token are both given: details come without a function")
    thread_count(keywords.pop("num_threads", None))  # a function is called by the caller's thread alone
    items = TokenStream(model, length, **keywords)
    count = len(items._call.keys)
    tokens = np.full((count, integer("length", length)), -1, np.int32)
    for step, item in enumerate(items):
        tokens[:, step] = item
        answer = on_token(item)
        if isinstance(answer, bool | np.bool_) and answer:
            break
    return tokens
