"""In which orders data may go through modules: those in which each takes as many numbers as the one before it gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Reading:
    """What a module may be.

    Attributes
    ----------
    name : str
        The module's.
    kind : {"embedding", "recurrent", "linear"}
    takes : int or None
        Numbers a step; None: tokens, so that nothing comes before it.
    gives : int
        Numbers a step.
    tokens : int, optional
        How many an embedding knows.
    """

    name: str
    kind: Literal["embedding", "recurrent", "linear"]
    takes: int | None
    gives: int
    tokens: int | None = None


Order = tuple[Reading, ...]


def orders(queues: Sequence[Sequence[Sequence[Reading]]]) -> Iterator[Order]:
    """Give each order that fits.

    Parameters
    ----------
    queues : sequences of modules
        Those of one queue keep their order; each is a sequence of what it may be.

    Examples
    --------
    >>> rnn, head = Reading("rnn", "recurrent", 3, 4), Reading("head", "linear", 4, 3)
    >>> [[module.name for module in order] for order in orders([[[rnn]], [[head]]])]
    [['rnn', 'head'], ['head', 'rnn']]
    """
    return _after(None, queues)


def _after(last: Reading | None, queues: Sequence[Sequence[Sequence[Reading]]]) -> Iterator[Order]:
    if not any(queues):
        yield ()
    for place, queue in enumerate(queues):
        for reading in queue[0] if queue else ():
            if last is None or reading.takes == last.gives:
                rest = [*queues[:place], queue[1:], *queues[place + 1 :]]
                yield from ((reading, *following) for following in _after(reading, rest))


def may_be_language_model(order: Order) -> bool:
    """Whether recurrent modules, after an embedding or none, lead to a linear one with an output for each token."""
    first, last = order[0], order[-1]
    inner = order[first.kind == "embedding" : -1]
    tokens = first.takes if first.tokens is None else first.tokens
    return (
        last.kind == "linear"
        and last.gives == tokens
        and bool(inner)
        and all(reading.kind == "recurrent" for reading in inner)
    )
