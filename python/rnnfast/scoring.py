"""How probable given sequences are, and which are the most probable: no draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rnnfast._arguments import integer, real, thread_count
from rnnfast._methods import method_of
from rnnfast.constraints import Constraint
from rnnfast.generation_call import Stop, native_constraint, stop_sequences
from rnnfast.prompts import Prompt, prompt_arrays, separate
from rnnfast.state import Floats, State, native_c
from rnnfast.train import Tokens, token_array

if TYPE_CHECKING:
    from rnnfast.model import LanguageModel


@dataclass(frozen=True, eq=False)
class Score:
    """What `LanguageModel.score` tells of N sequences.

    Attributes
    ----------
    log_probabilities : (N, T) array of the model's dtype
        Of each token after those before it, in nats; 0 where there is none.
    lengths : (N,) int64
        How many tokens each sequence has.
    """

    log_probabilities: Floats
    lengths: npt.NDArray[np.int64]

    @property
    def totals(self) -> npt.NDArray[np.float64]:
        """Log-probability of each sequence, (N,) in nats."""
        totals: npt.NDArray[np.float64] = self.log_probabilities.sum(axis=1, dtype=np.float64)
        return totals

    @property
    def loss(self) -> float:
        """Mean nats a token, over all sequences; nan where there is no token."""
        count = int(self.lengths.sum())
        return -float(self.totals.sum()) / count if count else float("nan")

    @property
    def perplexity(self) -> float:
        """The exponential of the loss."""
        with np.errstate(over="ignore"):
            return float(np.exp(self.loss))

    @property
    def bits_per_token(self) -> float:
        """The loss / ln 2."""
        return self.loss / float(np.log(2))


@dataclass(frozen=True, eq=False)
class Beam:
    """One of the sequences that `LanguageModel.beam_search` finds.

    Attributes
    ----------
    tokens : (T,) int32
        Without the prompt; what stopped it is its end.
    log_probability : float
        In nats, of all tokens after the prompt, by the model alone: a constraint changes which sequences there are, not
        how probable they are.
    score : float
        ``log_probability / T**length_penalty``.
    """

    tokens: Tokens
    log_probability: float
    score: float


@method_of("rnnfast.model", "LanguageModel")
def score(
    self: LanguageModel,
    tokens: Any,
    *,
    state: State | None = None,
    initial_token: int = -1,
    num_threads: int | None = None,
) -> Score:
    """How probable sequences are, in one native call.

    Parameters
    ----------
    tokens : (N, T) integers, -1 after the end; or a sequence of (T,) integers or text; or one of these
        -1 within a sequence is the zero input and does not count.
    state : State of N streams, optional
        What comes before; None: zeros. What it has `pending` is read first.
    initial_token : int
        The input before the first token where nothing is pending; -1 is the zero vector.
    num_threads : int, optional
        As in `fit`.

    Returns
    -------
    score : Score
        Log-probabilities by token and by sequence, perplexity, bits a token.

    Examples
    --------
    >>> from rnnfast import LanguageModel
    >>> model = LanguageModel(5, 8, dtype="float64")
    >>> drawn = model.generate(4, num_streams=2, return_details=True)
    >>> score = model.score(drawn.tokens)
    >>> np.allclose(score.totals, drawn.log_probabilities.sum(axis=1))
    True
    """
    sequences = _sequences(self, tokens)
    before = self._state(state, len(sequences))
    first = np.full(len(sequences), integer("initial_token", initial_token), np.int32)
    if before.pending is not None:
        first = np.where(before.pending >= 0, before.pending, first)
    log_probabilities = self._native.score(
        first, sequences, before.h, native_c(before), before.position, thread_count(num_threads)
    )
    return Score(log_probabilities, np.count_nonzero(sequences >= 0, axis=1))


@method_of("rnnfast.model", "LanguageModel")
def beam_search(
    self: LanguageModel,
    width: int,
    length: int,
    *,
    length_penalty: float = 0.0,
    prompt: Prompt = None,
    constraint: Constraint | None = None,
    stop: Stop = None,
    initial_token: int = -1,
    state: State | None = None,
) -> list[Beam]:
    """The likeliest sequences, by breadth-first search that goes on with the best `width` at each step.

    Parameters
    ----------
    width : int
    length : int
        Tokens that a sequence has at most.
    length_penalty : float
        The score is ``log_probability / T**length_penalty``: more than 0 favours long sequences, less short ones.
    prompt, constraint, stop, initial_token, state
        As in `generate`, for one stream; no function in `stop`. Where a sequence can stop it may be shorter.

    Returns
    -------
    beams : list of Beam
        At most `width`, the best score first, of equals the lowest tokens. Exact where `width` is as large as the
        number of sequences.

    Raises
    ------
    SamplingError
        Where there is no token to go on with, as in `generate`.

    Examples
    --------
    >>> from rnnfast import LanguageModel
    >>> model = LanguageModel(5, 8)
    >>> best = model.beam_search(5, 3)[0]
    >>> round(best.log_probability, 4) == round(float(model.score(best.tokens).totals[0]), 4)
    True
    """
    before = self._state(state, 1)
    (own,) = _one_prompt(prompt, self)
    if before.pending is not None:
        own = np.concatenate([before.pending[before.pending >= 0], own])
    sequences, function = stop_sequences(stop, self)
    if function is not None:
        raise TypeError(f"stop has {function!r}, expected tokens or text: beam_search takes no function")
    steps = integer("length", length)
    beams = self._native.beam_search(
        width=integer("width", width),
        length=steps,
        length_penalty=real("length_penalty", length_penalty),
        prompt=own,
        stop=sequences,
        initial_token=integer("initial_token", initial_token),
        h=before.h,
        c=native_c(before),
        position=before.position,
        constraint=native_constraint(constraint, steps),
    )
    return [Beam(*beam) for beam in beams]


def _one_prompt(prompt: Prompt, model: LanguageModel) -> list[Tokens]:
    several = separate(prompt)
    if several is not None and len(several) != 1:
        raise ValueError(f"prompt is for {len(several)} streams, expected one: beam_search has one stream")
    return prompt_arrays(prompt, 1, model.vocab_size, model.vocabulary)


def _sequences(model: LanguageModel, tokens: Any) -> Tokens:
    """Tokens of any form as one array (N, T), -1 after the end of those that are shorter."""
    if isinstance(tokens, np.ndarray) and tokens.ndim > 1:
        return token_array("tokens", tokens, model.vocab_size)
    if isinstance(tokens, Sequence) and not isinstance(tokens, str) and len(tokens) == 0:
        return np.empty((0, 0), np.int32)
    several = separate(tokens, "tokens")
    if several is None:
        several = [tokens]
    each = prompt_arrays(several, len(several), model.vocab_size, model.vocabulary, "tokens")
    whole = np.full((len(each), max(map(len, each))), -1, np.int32)
    for row, own in zip(whole, each, strict=True):
        row[: own.size] = own
    return whole
