"""A long text as training data: streams that run side by side, and what a model makes of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rnnfast import text as characters
from rnnfast.model import LanguageModel

Tokens = npt.NDArray[np.int32]


def split_text(tokens: Tokens, share: float) -> tuple[Tokens, Tokens]:
    """Hold back the last part of a text for validation.

    Parameters
    ----------
    tokens : (T,) int32
    share : float
        Of the text, 0 to below 1; 0 holds nothing back.

    Returns
    -------
    training, validation : (T - k,) and (k,) int32
        Views.

    Examples
    --------
    >>> import numpy as np
    >>> [len(part) for part in split_text(np.zeros(100, np.int32), 0.1)]
    [90, 10]
    """
    if not 0 <= share < 1:
        raise ValueError(f"share is {share!r}, expected 0 to below 1")
    held_back = round(share * len(tokens))
    return tokens[: len(tokens) - held_back], tokens[len(tokens) - held_back :]


def streams(tokens: Tokens, num_streams: int) -> tuple[Tokens, Tokens]:
    """Cut a text into streams of equal length that are read side by side, each predicting its next token.

    Parameters
    ----------
    tokens : (T,) int32
    num_streams : int
        N. Streams have (T - 1) // N steps; what is left over at the end is not used.

    Returns
    -------
    X, Y : (N, (T - 1) // N) int32
        Inputs, and for each the token that follows it in the text.

    Examples
    --------
    >>> import numpy as np
    >>> X, Y = streams(np.arange(9, dtype=np.int32), 2)
    >>> X.tolist(), Y.tolist()
    ([[0, 1, 2, 3], [4, 5, 6, 7]], [[1, 2, 3, 4], [5, 6, 7, 8]])
    """
    if num_streams < 1:
        raise ValueError(f"num_streams is {num_streams}, expected at least 1")
    steps = (len(tokens) - 1) // num_streams
    if steps < 1:
        raise ValueError(
            f"the text has {len(tokens)} characters, expected at least {num_streams + 1} for {num_streams} streams"
        )
    used = num_streams * steps
    return tokens[:used].reshape(num_streams, steps), tokens[1 : used + 1].reshape(num_streams, steps)


def score_text(model: LanguageModel, text: str, *, num_threads: int | None = None) -> dict[str, float]:
    """How well a model predicts a text, each character from all those before it.

    Parameters
    ----------
    model : LanguageModel
        With a vocabulary of characters.
    text : str
        At least two characters. The first is read, not predicted.

    Returns
    -------
    measures : dict
        As `LanguageModel.evaluate`.
    """
    if model.vocabulary is None:
        raise ValueError("the model has no vocabulary, so it cannot read text")
    tokens = characters.encode(text, model.vocabulary)
    if len(tokens) < 2:
        raise ValueError(f"the text has {len(tokens)} characters, expected at least 2")
    return model.evaluate(tokens[np.newaxis], num_threads=num_threads)
