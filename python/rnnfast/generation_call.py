"""A call that generates: what its arguments mean."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
import numpy.typing as npt

from rnnfast import _core, text
from rnnfast._arguments import integer
from rnnfast._arguments import seed as checked_seed
from rnnfast.constraints import Constraint
from rnnfast.prompts import Prompt, prompt_arrays, separate
from rnnfast.sampling import Sampler
from rnnfast.state import Floats, State, expect_state, native_c
from rnnfast.train import Tokens

if TYPE_CHECKING:
    from rnnfast.model import LanguageModel

_ENDLESS = 2**62
_SAMPLER_FIELDS = {field.name for field in fields(Sampler)}

StopWhen = Callable[[Tokens], Any]
Stop = int | str | Sequence[int | str | Sequence[int]] | StopWhen | None


class SessionKeywords(TypedDict, total=False):
    """Keywords of `Session.add` beside the first ones; then those of `Sampler`."""

    num_streams: int
    constraint: Constraint | None
    stop: Stop
    stop_token: int | None
    min_length: int
    initial_token: int
    state: State | None
    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    typical_p: float | None
    top_n_sigma: float | None
    repetition_penalty: float | None
    presence_penalty: float | None
    frequency_penalty: float | None
    penalty_window: int | None
    logit_bias: Any
    ban: Any
    greedy: bool


class StreamKeywords(SessionKeywords, total=False):
    """Keywords of `LanguageModel.generate` that `LanguageModel.stream` has, too."""

    prompt: Prompt
    seed: int | Sequence[int] | None
    sampler: Sampler | None


class GenerateKeywords(StreamKeywords, total=False):
    """Keywords of `LanguageModel.generate`."""

    num_alternatives: int
    num_threads: int | None


@dataclass(frozen=True)
class Streams:
    """Checked arguments of a call that generates: where each stream begins and by what it draws."""

    before: State
    prompts: list[Tokens]
    histories: list[Tokens]
    keys: list[tuple[int, int]]
    seed: int | tuple[int, ...]
    sampler: Sampler
    constraint: Constraint | None
    initial_token: int
    min_length: int
    stop: list[list[int]]
    stop_when: StopWhen | None

    def native(self, length: int | None) -> dict[str, Any]:
        """As the native functions take them; a length of None has no end."""
        return {
            "length": _ENDLESS if length is None else length,
            "constraint": native_constraint(self.constraint, length),
            "prompts": self.prompts,
            "keys": self.keys,
            "histories": self.histories,
            "sampler": self.sampler.native(),
            "stop": self.stop,
            "stop_when": None if self.stop_when is None else _judging(self.stop_when),
            "min_length": self.min_length,
            "initial_token": self.initial_token,
            "h": self.before.h,
            "c": native_c(self.before),
            "position": self.before.position,
        }

    def after(
        self, tokens: Tokens, lengths: npt.NDArray[np.int64], h: Floats, c: Any, position: Any
    ) -> State:
        """The state after drawing `tokens` (N, T), of each stream as many as `lengths` says.

        A stream that has drawn nothing has read its prompt, but for the last token.
        """
        rows = np.arange(len(tokens))
        pending = tokens[rows, lengths - 1] if tokens.size else np.empty(len(tokens), np.int32)
        for n in np.flatnonzero(lengths == 0).tolist():
            pending[n] = self._read_first(n)[-1]
        return State(
            h, None if self.before.c is None else c, position, pending, self._recent(tokens, lengths)
        )

    def _read_first(self, n: int) -> Tokens:
        """The inputs of a stream up to its first draw."""
        return self.prompts[n] if self.prompts[n].size else np.array([self.initial_token], np.int32)

    def _recent(self, tokens: Tokens, lengths: npt.NDArray[np.int64]) -> Tokens | None:
        """What each stream has read, as far back as the penalties look."""
        if not self.sampler.has_penalties and self.before.recent is None:
            return None
        read = []
        for n, length in enumerate(lengths):
            parts = [self.histories[n]] if self.histories else []
            parts += [self._read_first(n), tokens[n, :length]]
            whole = np.concatenate(parts)[:-1]  # the last is pending
            whole = whole[whole >= 0]
            read.append(whole[-self.sampler.penalty_window :] if self.sampler.penalty_window else whole)
        width = max((whole.size for whole in read), default=0) or 1
        recent = np.full((len(read), width), -1, np.int32)
        for row, whole in zip(recent, read, strict=True):
            row[width - whole.size :] = whole
        return recent


def streams(
    model: LanguageModel,
    /,
    *,
    prompt: Prompt = None,
    sampler: Sampler | None = None,
    constraint: Constraint | None = None,
    num_streams: int = 1,
    stop: Stop = None,
    stop_token: int | None = None,
    min_length: int = 0,
    seed: int | Sequence[int] | None = 0,
    initial_token: int = -1,
    state: State | None = None,
    **sampling: Any,
) -> Streams:
    """Check what the keywords of `StreamKeywords` say."""
    unknown = sorted(sampling.keys() - _SAMPLER_FIELDS)
    if unknown:
        raise TypeError(
            f"{', '.join(unknown)} is given, which is no keyword of this call nor a field of Sampler"
        )
    if sampler is not None and sampling:
        raise ValueError(f"{', '.join(sampling)} and sampler are both given, expected one of the two")
    if sampler is not None and not isinstance(sampler, Sampler):
        raise TypeError(f"sampler is {sampler!r}, expected a Sampler(...)")
    seeds = _seeds(seed)
    count = _num_streams(num_streams, prompt, state, seeds)
    before = model._state(state, count)
    prompts = prompt_arrays(prompt, count, model.vocab_size, model.vocabulary)
    if before.pending is not None:
        _check_pending(before.pending, model.vocab_size)
        prompts = [
            np.concatenate([pending[pending >= 0], own])
            for pending, own in zip(before.pending[:, np.newaxis], prompts, strict=True)
        ]
    sequences, stop_when = stop_sequences(_with_stop_token(stop, stop_token, model), model)
    return Streams(
        before=before,
        prompts=prompts,
        histories=[] if before.recent is None else list(before.recent),
        keys=[(seeds, n) for n in range(count)] if isinstance(seeds, int) else [(s, 0) for s in seeds],
        seed=seeds,
        sampler=Sampler(**sampling) if sampler is None else sampler,
        constraint=constraint,
        initial_token=integer("initial_token", initial_token),
        min_length=integer("min_length", min_length),
        stop=sequences,
        stop_when=stop_when,
    )


def native_constraint(constraint: Any, length: int | None) -> _core.Constraint | None:
    """Take `constraint` as a Constraint, compiled for streams of `length` tokens; None where there is none."""
    if constraint is not None and not isinstance(constraint, Constraint):
        raise TypeError(
            f"constraint is {constraint!r}, expected a Constraint, as rnnfast.constraints makes it"
        )
    if constraint is None:
        return None
    if length is None:
        raise ValueError("constraint is given without length: it is for streams of a length")
    return constraint.native(length)


def _check_pending(pending: Tokens, vocab_size: int) -> None:
    for n in np.flatnonzero((pending < -1) | (pending >= vocab_size))[:1]:
        raise ValueError(
            f"state.pending[{n}] is {pending[n]}, expected a token from 0 to {vocab_size - 1}, or -1 for none"
        )


def _seeds(seed: Any) -> int | tuple[int, ...]:
    if seed is None:
        return int.from_bytes(os.urandom(8))  # as secrets.randbits does, which would import OpenSSL
    if isinstance(seed, Sequence | np.ndarray) and not isinstance(seed, str):
        return tuple(checked_seed(one) for one in seed)
    return checked_seed(seed)


def _num_streams(num_streams: int, prompt: Prompt, state: State | None, seeds: int | tuple[int, ...]) -> int:
    """How many streams the arguments agree on; num_streams=1 may be left out."""
    count = integer("num_streams", num_streams)
    if count < 0:
        raise ValueError(f"num_streams is {num_streams}, expected at least 0")
    if state is not None:
        expect_state(state)
    several = separate(prompt)
    for name, size in (
        ("state", None if state is None else np.size(state.position)),
        ("prompt", None if several is None else len(several)),
        ("seed", None if isinstance(seeds, int) else len(seeds)),
    ):
        if size is not None and count not in (1, size):
            raise ValueError(f"{name} is for {size} streams, expected {count} = num_streams")
        count = count if size is None else size
    return count


def stop_sequences(stop: Stop, model: LanguageModel) -> tuple[list[list[int]], StopWhen | None]:
    """Token sequences that end a stream, and the caller's function if there is one."""
    if stop is None:
        return [], None
    several = isinstance(stop, Sequence | Set | np.ndarray) and not isinstance(stop, str)
    entries: list[Any] = list(stop) if several else [stop]  # type: ignore[arg-type]
    functions = [entry for entry in entries if callable(entry)]
    if len(functions) > 1:
        raise ValueError(f"stop has {len(functions)} functions, expected at most one")
    sequences = [_stop_sequence(entry, model) for entry in entries if not callable(entry)]
    return sequences, functions[0] if functions else None


def _judging(stop: StopWhen) -> StopWhen:
    """Take the function's answer as True or False."""

    def ends(tokens: Tokens) -> bool:
        answer = stop(tokens)
        try:
            return bool(answer)
        except (TypeError, ValueError, RuntimeError):  # of an array, say
            raise TypeError(f"stop answered {answer!r}, expected True or False") from None

    return ends


def _with_stop_token(stop: Stop, stop_token: int | None, model: LanguageModel) -> Stop:
    if stop_token is None:
        return stop
    if stop is not None:
        raise ValueError("stop and stop_token are both given, expected one of the two")
    token = integer("stop_token", stop_token)
    if not -1 <= token < model.vocab_size:
        raise ValueError(f"stop_token is {token}, expected a token from 0 to {model.vocab_size - 1}")
    return token if token >= 0 else None


def _stop_sequence(entry: Any, model: LanguageModel) -> list[int]:
    if isinstance(entry, str):
        if model.vocabulary is None:
            raise ValueError(
                "stop has text, but the model has no vocabulary; pass vocabulary= when making it"
            )
        tokens: list[int] = text.encode(entry, model.vocabulary, "stop: text").tolist()
    elif np.ndim(entry) == 0:
        tokens = [integer("stop: a token", entry)]
    else:
        tokens = [integer("stop: a token", token) for token in entry]
    if not tokens:
        raise ValueError(f"stop has {entry!r}, expected at least one token")
    for token in tokens:
        if not 0 <= token < model.vocab_size:
            raise ValueError(f"stop has token {token}, expected 0 to {model.vocab_size - 1}")
    return tokens
