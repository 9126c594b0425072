"""Generating from a language model, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

import numpy as np
import numpy.typing as npt

from rnnfast import streaming
from rnnfast._arguments import integer, thread_count
from rnnfast._methods import method_of
from rnnfast.generation_call import GenerateKeywords, streams
from rnnfast.state import Floats, State
from rnnfast.streaming import OnToken
from rnnfast.train import Tokens

if TYPE_CHECKING:
    from rnnfast.model import LanguageModel


@dataclass(frozen=True, eq=False)
class Generated:
    """What `LanguageModel.generate` tells with ``return_details=True``.

    Probabilities are the model's own: at temperature 1, before any filter, bias or ban.

    Attributes
    ----------
    tokens : (N, T) int32
        -1 after a stream's end.
    lengths : (N,) int64
        How many tokens each stream has.
    log_probabilities : (N, T) array of the model's dtype
        Of each token, in nats; 0 after a stream's end, so that sums are those of whole streams.
    entropies : (N, T) array
        Of the distribution that each token was drawn from, in nats; 0 after a stream's end.
    alternatives : (N, T, n) int32
        The n likeliest tokens at each place, of equals the lowest ids first; -1 after a stream's end.
    alternative_log_probabilities : (N, T, n) array
    state : State
        Where the streams are: generating from it goes on as one longer call would have.
    seed : int or tuple of int
        What the random numbers were drawn by: the same seed gives the same tokens.
    """

    tokens: Tokens
    lengths: npt.NDArray[np.int64]
    log_probabilities: Floats
    entropies: Floats
    alternatives: Tokens
    alternative_log_probabilities: Floats
    state: State
    seed: int | tuple[int, ...]


@overload
def generate(
    self: LanguageModel,
    length: int,
    *,
    return_details: Literal[False] = False,
    on_token: OnToken | None = None,
    **keywords: Unpack[GenerateKeywords],
) -> Tokens: ...
@overload
def generate(
    self: LanguageModel, length: int, *, return_details: Literal[True], **keywords: Unpack[GenerateKeywords]
) -> Generated: ...
@method_of("rnnfast.model", "LanguageModel")
def generate(
    self: LanguageModel,
    length: int,
    *,
    return_details: bool = False,
    on_token: OnToken | None = None,
    **keywords: Unpack[GenerateKeywords],
) -> Tokens | Generated:
    """Generate tokens: cell, dense layer, draw and feedback in one native call. Ctrl-C works.

    Parameters
    ----------
    length : int
        Tokens a stream, the prompt not counted.
    return_details : bool
        Return more than the tokens: a `Generated`, with the state to go on from.
    on_token : function, optional
        Called with each item of `stream` as it is drawn, an int or an (N,) array; an answer of True ends it. Then
        without details.
    prompt : integers, str, or a sequence of prompts, optional
        Read before the first draw, by all streams or, where it is a sequence of prompts, each by one. Text where
        the model has a vocabulary.
    sampler : Sampler, optional
        How tokens are drawn. Its fields (``temperature=0.8``, ``top_k=5``, ``greedy=True``, ...) may be given
        directly instead, but not both.
    constraint : Constraint, optional
        What each stream must look like, as `rnnfast.constraints` makes it; then it says where a stream ends, and
        `stop` and `min_length` are left out.
    num_streams : int
        Independent streams; may be left out where `prompt`, `state` or `seed` says it.
    stop : int, str, function, or a sequence of these and of token sequences, optional
        What ends a stream, itself drawn: a token; a string, for a model with a vocabulary; several tokens in a row;
        or f(tokens) that is true of a stream's tokens so far, (t,) int32, called after each of them, which must not
        use the model. What an earlier call drew is no part of a stop, nor is the prompt.
    stop_token : int, optional
        The same as `stop` of one token.
    min_length : int
        Before so many tokens a stream does not stop: a token that would complete a stop is not drawn, and a
        function not called.
    seed : int, sequence of int, or None
        0 to 2^64 - 1. Stream i draws its random numbers by (seed, i), whatever the other streams do; with a list of
        seeds by (seed[i], 0); None is another seed each time, which the details tell.
    initial_token : int
        The input before the first draw where there is no prompt; -1 is the zero vector.
    state : State, optional
        Where the streams begin; None: zeros. It is not changed. What it has `pending` is read before the prompt.
        What belongs to one call begins anew: stops, `min_length`, a constraint.
    num_alternatives : int
        How many of the likeliest tokens at each place the details tell.
    num_threads : int, optional
        As in `fit`; a stream is the work of one thread, and with a function in `stop` all are.

    Returns
    -------
    tokens : (num_streams, length) int32
        What was drawn, without the prompt; -1 after a stop. With `return_details` a `Generated` that has them.

    Raises
    ------
    SamplingError
        (a NonFiniteError) Where there is no token to draw, because the weights have overflowed or all tokens are
        banned; its `stream` and `step` say where.

    Examples
    --------
    >>> from rnnfast import LanguageModel, Sampler
    >>> model = LanguageModel(5, 8)
    >>> whole = model.generate(6, sampler=Sampler(temperature=0.8, top_k=3))
    >>> first = model.generate(4, temperature=0.8, top_k=3, return_details=True)
    >>> rest = model.generate(2, temperature=0.8, top_k=3, state=first.state)
    >>> np.array_equal(np.hstack([first.tokens, rest]), whole)
    True
    """
    if on_token is None:
        return _generate(self, length, return_details=return_details, **keywords)
    if return_details:
        raise ValueError("on_token and return_details are both given, expected one of the two")
    return streaming.generate(self, length, on_token, **keywords)


def _generate(
    model: LanguageModel,
    length: int,
    /,  # a keyword of these names is unknown, as any other
    *,
    return_details: bool = False,
    num_alternatives: int | None = None,
    num_threads: int | None = None,
    **keywords: Any,
) -> Tokens | Generated:
    """Without a function of tokens."""
    if num_alternatives is not None and not return_details:
        raise ValueError("num_alternatives is given, but return_details is False: nothing would tell them")
    call = streams(model, **keywords)
    native = call.native(integer("length", length))
    if not return_details and keywords.get("state") is None:  # it begins with zeros, and nobody sees its end
        native |= {"h": None, "c": None, "position": None}
    alternatives = integer("num_alternatives", num_alternatives or 0)
    tokens, h, c, position, details = model._native.generate(
        num_threads=thread_count(num_threads),
        num_alternatives=alternatives if return_details else None,
        **native,
    )
    if not return_details:
        return tokens
    return Generated(
        tokens=tokens,
        **details,
        state=call.after(tokens, details["lengths"], h, c, position),
        seed=call.seed,
    )
