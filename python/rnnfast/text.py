"""Tokens and text: a vocabulary is a tuple of distinct strings, a token is an index into it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt


def vocabulary_of(tokens: Iterable[str]) -> tuple[str, ...]:
    """The distinct tokens, sorted.

    Examples
    --------
    >>> vocabulary_of("banana")
    ('a', 'b', 'n')
    """
    return tuple(sorted(set(tokens)))


def check_vocabulary(vocabulary: Sequence[str], size: int | None = None) -> tuple[str, ...]:
    """The vocabulary as a tuple; ValueError unless it holds distinct non-empty strings, `size` of them if given."""
    try:
        entries = tuple(vocabulary)
    except TypeError:
        raise TypeError(f"vocabulary is {vocabulary!r}, expected a sequence of strings") from None
    if not all(isinstance(entry, str) and entry for entry in entries):
        raise ValueError("vocabulary holds an empty entry or one that is not a string")
    if size is not None and len(entries) != size:
        raise ValueError(f"vocabulary has {len(entries)} entries, expected {size} = vocab_size")
    if len(set(entries)) != len(entries):
        repeated = next(entry for entry in entries if entries.count(entry) > 1)
        raise ValueError(f"vocabulary has {repeated!r} more than once")
    return entries


def encode(text: str | Sequence[str], vocabulary: Sequence[str], name: str = "text") -> npt.NDArray[np.int32]:
    """Text to tokens: by character where every entry of the vocabulary is one character, else by word.

    Parameters
    ----------
    text : str or sequence of str
        A string is cut into characters or, for a vocabulary of longer entries, at white space.
    vocabulary : sequence of str
    name : str
        The argument's name, for messages.

    Returns
    -------
    tokens : (T,) int32

    Raises
    ------
    ValueError
        Names the pieces that the vocabulary does not have.

    Examples
    --------
    >>> encode("nab", ("a", "b", "n"))
    array([2, 0, 1], dtype=int32)
    >>> encode("C,0.250 R,1.000", ("C,0.250", "R,1.000"))
    array([0, 1], dtype=int32)
    """
    pieces = text
    if isinstance(text, str) and not _is_characters(vocabulary):
        pieces = text.split()
    index = {entry: k for k, entry in enumerate(vocabulary)}
    unknown = sorted({piece for piece in pieces if piece not in index})
    if unknown:
        raise ValueError(
            f"{name} has {', '.join(map(repr, unknown[:8]))}, which the vocabulary does not have"
        )
    return np.array([index[piece] for piece in pieces], dtype=np.int32)


def decode(tokens: npt.ArrayLike, vocabulary: Sequence[str]) -> str:
    """Tokens to text, the inverse of `encode`; -1 (no token) is passed over.

    Examples
    --------
    >>> decode([2, 0, 1, -1], ("a", "b", "n"))
    'nab'
    """
    flat = np.asarray(tokens)
    if flat.ndim != 1:
        raise ValueError(f"tokens has shape {flat.shape}, expected (T,)")
    if flat.size and not (flat.min() >= -1 and flat.max() < len(vocabulary)):
        raise ValueError(f"tokens has {flat.min()} to {flat.max()}, expected -1 to {len(vocabulary) - 1}")
    pieces = [vocabulary[int(token)] for token in flat if token >= 0]
    return ("" if _is_characters(vocabulary) else " ").join(pieces)


def _is_characters(vocabulary: Sequence[str]) -> bool:
    return all(len(entry) == 1 for entry in vocabulary)
