"""Row 12: a constraint's masks and table, applied in the native loop, against the same generation without it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Goal, Row, Work, compare
from rnnfast import LanguageModel, Sampler, constraints
from rnnfast.constraints import Constraint

H = 64
VOCABULARIES = 90, 256
SHAPES = (1, 5000), (64, 100)  # streams, length
LEAST = 5000  # tokens of a run, to be timed
SAMPLER = Sampler(temperature=0.9)
GOAL = Goal(within=1.1)
SENTENCES = r"[A-Z][a-z]*(,? [a-z]+)*\.( [A-Z][a-z]*(,? [a-z]+)*\.)*"
BAR, BARS = 48, 64


@dataclass(frozen=True)
class Task:
    """A constraint, and the sampler that draws the same tokens without it, where there is one."""

    name: str
    model: LanguageModel
    constraint: Constraint
    same: Sampler | None = None
    pattern: str | None = None
    length: int | None = None  # where it alone says when a stream ends: enough for that

    def generate(self, streams: int, length: int, **settings: Any) -> Any:
        """Tokens [streams, length]."""
        return self.model.generate(length, num_streams=streams, **({"sampler": SAMPLER} | settings))


def tasks(V: int) -> Iterator[Task]:
    """One that forbids nothing, one that forbids every other token, one that makes sentences, one that fills bars."""
    vocabulary = "".join(map(chr, range(32, 32 + V)))
    model = LanguageModel(V, H, seed=3, vocabulary=vocabulary)
    everything = np.zeros((1, V), np.int32)
    half, odd = everything.copy(), range(1, V, 2)
    half[:, odd] = -1
    yield Task("all allowed", model, constraints.from_table(everything), SAMPLER)
    yield Task("half allowed", model, constraints.from_table(half), replace(SAMPLER, ban=odd))
    yield Task("regex", model, constraints.regex(SENTENCES, vocabulary), pattern=SENTENCES)
    bars = constraints.counter(durations(np.arange(V)), BARS * BAR, bar=BAR)
    yield Task(f"{BARS} bars", model, bars, length=600)


def durations(tokens: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Ticks of each token: 1 to 12."""
    return tokens % 12 + 1


def verify(task: Task, streams: int, length: int) -> None:
    """Against the sampler that draws the same, or against a checker that knows nothing of the constraint."""
    tokens = task.generate(streams, length, constraint=task.constraint)
    if task.same is not None:
        np.testing.assert_array_equal(tokens, task.generate(streams, length, sampler=task.same))
    elif task.pattern is not None:
        for text in map(task.model.decode, tokens):
            if not re.fullmatch(task.pattern, text):
                raise AssertionError(f"{text!r} is drawn, which {task.pattern!r} does not match")
    else:
        for ticks in (np.cumsum(durations(stream[stream >= 0])) for stream in tokens):
            if not np.isin(np.arange(1, BARS + 1) * BAR, ticks).all() or ticks[-1] != BARS * BAR:
                raise AssertionError("a bar is not full")


def rows_alone(isas: Sequence[str]) -> Iterator[Row]:
    """With the constraint is ours, and the limit is without."""
    for V in VOCABULARIES:
        for task in tasks(V):
            for streams, length in SHAPES:
                verify(task, streams, task.length or length)
                yield from compare_on_off(task, f"V={V}, {task.name}", streams, task.length or length, isas)


def compare_on_off(task: Task, name: str, streams: int, length: int, isas: Sequence[str]) -> Iterator[Row]:
    """As many tokens without the constraint as with it, the same for each stream."""
    drawn = int((task.generate(streams, length, constraint=task.constraint) >= 0).sum())
    calls = -(-LEAST // drawn)

    def constrained() -> None:
        for _ in range(calls):
            task.generate(streams, length, constraint=task.constraint)

    def free() -> None:
        for _ in range(calls):
            task.generate(streams, drawn // streams)

    work = Work(12, f"constraint, {name}, {streams} stream(s)", "token", calls * drawn)
    for isa in isas:  # one after the other: both sides are ours
        yield from compare(work, constrained, "no constraint", free, goal=GOAL, isas=[isa])
