"""Row 14: sessions: 10,000 live streams against 64, and streams that join and leave against `generate`."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

import numpy as np

import rnnfast
from benchmarks.generation import PLAIN, H, V
from benchmarks.harness import MOST_REPEATS, Goal, Measure, Row, Work, compare, seconds
from rnnfast import LanguageModel
from rnnfast.session import Session, SessionTokens

MANY, FEW = 10_000, 64
GOAL = Goal(within=1.5)
VISITORS, SHORTEST, LONGEST = 512, 20, 180  # streams that come and go; the tokens of each


def rows_alone(isas: Sequence[str]) -> Iterator[Row | Measure]:
    """All of it is ours."""
    model = LanguageModel(V, H, seed=3)
    verify_many(model)
    verify_visits(model)
    for isa in isas:  # one after the other: both sides are ours
        rnnfast.set_isa(isa)
        yield from compare_many(model, isa)
        yield from compare_visits(model, isa)
        yield adding(model, isa)


def filled(model: LanguageModel, streams: int) -> Session:
    """A session of endless streams, each past its first token."""
    session = model.session(streams)
    for seed in range(streams):
        session.add(seed=seed, sampler=PLAIN)
    session.step(1)
    return session


def verify_many(model: LanguageModel) -> None:
    """A stream among many must draw what it draws alone."""
    ids, tokens = filled(model, MANY).step(3)
    for seed in (0, 63, 64, MANY // 2, MANY - 1):
        alone = model.generate(4, seed=[seed], sampler=PLAIN)[0]
        np.testing.assert_array_equal(tokens[ids == seed][0], alone[1:])


def compare_many(model: LanguageModel, isa: str) -> Iterator[Row]:
    """A token of many streams against a token of few: as many tokens, k a step."""
    many, few = filled(model, MANY), filled(model, FEW)

    def as_many_tokens(k: int) -> None:
        for _ in range(MANY // FEW):
            few.step(k)

    for k in (1, 16):
        work = Work(14, f"session, {MANY:,} streams, step({k})", "token", MANY * k)
        ours, theirs = partial(many.step, k), partial(as_many_tokens, k)
        yield from compare(work, ours, f"session, {FEW} streams", theirs, goal=GOAL, isas=[isa])


def lengths() -> list[int]:
    """How many tokens each visitor draws."""
    return list(map(int, np.random.default_rng(0).integers(SHORTEST, LONGEST + 1, VISITORS)))


def plan(k: int) -> list[tuple[list[int], list[int]]]:
    """Who joins before each step of k tokens, and who is taken out after it; FEW are live while there are enough.

    Every fourth visitor is taken out; the others have an end of their own.
    """
    waiting = iter(enumerate(lengths()))
    left: dict[int, int] = {}
    steps: list[tuple[list[int], list[int]]] = []
    while True:
        joining = dict(islice(waiting, FEW - len(left)))
        left = {visitor: tokens - k for visitor, tokens in (left | joining).items()}
        if not left:
            return steps
        gone = [visitor for visitor, tokens in left.items() if tokens <= 0]
        steps.append((list(joining), [visitor for visitor in gone if visitor % 4 == 0]))
        left = {visitor: tokens for visitor, tokens in left.items() if tokens > 0}


def visit(model: LanguageModel, k: int, steps: list[tuple[list[int], list[int]]]) -> list[SessionTokens]:
    """All of them, by the plan. Visitor n has the seed n, and joins n-th: the id is n."""
    session, ends = model.session(FEW), lengths()
    drawn = []
    for joining, taken in steps:
        for visitor in joining:
            length = None if visitor % 4 == 0 else ends[visitor]
            session.add(seed=visitor, sampler=PLAIN, length=length)
        drawn.append(session.step(k))
        for visitor in taken:
            session.remove(visitor)
    return drawn


def verify_visits(model: LanguageModel) -> None:
    """Each visitor must draw what it draws alone."""
    for k in (1, 7):
        drawn: dict[int, list[int]] = {visitor: [] for visitor in range(VISITORS)}
        for ids, tokens in visit(model, k, plan(k)):
            for visitor, own in zip(ids.tolist(), tokens.tolist(), strict=True):
                drawn[visitor] += own
        for visitor, length in enumerate(lengths()):
            alone = model.generate(length, seed=[visitor], sampler=PLAIN)[0]
            np.testing.assert_array_equal(drawn[visitor][:length], alone)


def compare_visits(model: LanguageModel, isa: str) -> Iterator[Row]:
    """As many tokens by streams that join and leave as by FEW that stay."""
    steps = sum(lengths()) // FEW
    for k in (1, 8):
        yield from compare(
            Work(14, f"session, {VISITORS} join and leave, step({k})", "token", steps * FEW),
            partial(visit, model, k, plan(k)),
            f"generate, {FEW} streams",
            lambda: model.generate(steps, num_streams=FEW, sampler=PLAIN),
            isas=[isa],
        )


def adding(model: LanguageModel, isa: str) -> Measure:
    """What it takes a stream to join, before its first token."""

    def add() -> None:
        session = model.session(FEW)
        for seed in range(FEW):
            session.add(seed=seed, sampler=PLAIN)

    add()
    times = [1e6 * seconds(add) / FEW for _ in range(MOST_REPEATS)]
    return Measure.of(14, "session.add", isa, "us", (statistics.median(times), min(times), max(times)))
