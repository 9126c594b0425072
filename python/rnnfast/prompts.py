"""Prompts of any form, as one array of tokens for each stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast import text
from rnnfast.train import Tokens, token_array

Prompt = str | npt.ArrayLike | Sequence[str] | Sequence[npt.ArrayLike] | None


def prompt_arrays(
    prompt: Prompt, streams: int, vocab_size: int, vocabulary: Sequence[str] | None, name: str = "prompt"
) -> list[Tokens]:
    """One prompt for each of `streams`: the same for all, or each its own. `name` is the argument's, for messages."""
    several = separate(prompt, name)
    if several is not None:
        return [_one(name, entry, vocab_size, vocabulary) for entry in several]
    return [_one(name, [] if prompt is None else prompt, vocab_size, vocabulary)] * streams


def separate(prompt: Any, name: str = "prompt") -> list[Any] | None:
    """Return the prompts where there are several, else None."""
    if prompt is None or isinstance(prompt, str):
        return None
    if isinstance(prompt, np.ndarray):
        return list(prompt) if prompt.ndim == 2 else None
    if not isinstance(prompt, Sequence):
        raise TypeError(f"{name} is {prompt!r}, expected integers, text, or a sequence of prompts")
    entries = list(prompt)
    return entries if entries and all(isinstance(e, str) or np.ndim(e) == 1 for e in entries) else None


def _one(name: str, prompt: Any, vocab_size: int, vocabulary: Sequence[str] | None) -> Tokens:
    if not isinstance(prompt, str):
        return token_array(name, prompt, vocab_size, dimensions=1)
    if vocabulary is None:
        raise ValueError(f"{name} is text, but the model has no vocabulary; pass vocabulary= when making it")
    return text.encode(prompt, vocabulary, f"{name}: text")
