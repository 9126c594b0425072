"""Learning: one name a step, clipped gradients, and a report with new names from time to time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnfast import _core
from rnnfast.course.dinosaur.names import sample
from rnnfast.course.dinosaur.network import rnn_backward, rnn_forward, tokens
from rnnfast.course.dinosaur.weights import Weights
from rnnfast.reference._arrays import Floats, Gradients
from rnnfast.reference.dinosaur.network import initialize_parameters
from rnnfast.reference.dinosaur.plan import Plan, read_plan
from rnnfast.reference.dinosaur.training import (
    LEARNING_RATE,
    LIMIT,
    clip,
    get_initial_loss,
    print_example,
    print_report,
    smooth,
    update_parameters,
)


def optimize(
    X: Sequence[int | None],
    Y: Sequence[int],
    a_prev: ArrayLike,
    parameters: dict[str, Floats],
    learning_rate: float = LEARNING_RATE,
) -> tuple[float, Gradients, Floats]:
    """Learn one name: forward, backward, clip to [-5, 5], update.

    Parameters
    ----------
    X, Y, a_prev
        As `rnn_forward` takes them.
    parameters : dict of float64 arrays
        Wax, Waa, Wya, b, by; changed.
    learning_rate : float

    Returns
    -------
    loss : float
        Of the name before the update, summed over its letters, in nats.
    gradients : dict of float64 arrays
        dWax, dWaa, dWya, db, dby, as they were clipped.
    a : float64 array [n_a, 1]
        Hidden state after the last letter.

    Raises
    ------
    TypeError, ValueError
        Where something does not fit; nothing is changed then.
    """
    loss, cache = rnn_forward(X, Y, a_prev, parameters)
    gradients, a = rnn_backward(X, Y, parameters, cache)
    del gradients["da_next"]  # of no parameter
    clip(gradients, LIMIT)
    update_parameters(parameters, gradients, learning_rate)
    return loss, gradients, a[len(X) - 1]


def model(
    data: str | Sequence[str], ix_to_char: Mapping[int, str], *arguments: Any, **named: Any
) -> dict[str, Floats] | tuple[dict[str, Floats], str]:
    r"""Train on names, and print new ones as it learns. Ctrl-C works.

    The exercise has given this function several signatures; each of them works:

        model(data, ix_to_char, [char_to_ix,] num_iterations=35000, n_a=50, dino_names=7, vocab_size=27,
              verbose=False)

    The parameters are initialised, the names shuffled as `numpy.random.seed(0)` does; then each iteration
    learns the next name, from the hidden state that the name before it left (zeros at first), with a learning
    rate of 0.01. The loss printed is smoothed: it begins at dino_names ln(vocab_size), and each iteration
    changes it by a thousandth. A report, after the update of iteration 0 and then of every 2,000th (1,000th where
    data is a list), is the smoothed loss and `dino_names` names, drawn with the seeds 0, 1, ...

    Parameters
    ----------
    data : str or sequence of str
        The text, one name a line, which is lower-cased; or its lines. Spaces around a name are cut off.
    ix_to_char : dict of str
        Character of each index.
    char_to_ix : dict of int, optional
        Index of each character; by default the inverse of `ix_to_char`.
    num_iterations : int
        Names to learn.
    n_a : int
        Hidden units.
    dino_names : int
        Names to print at each report.
    vocab_size : int, optional
        Has to be the size of `ix_to_char`.
    verbose : bool
        Print the first example, and where the names begin anew.

    Returns
    -------
    parameters : dict of float64 arrays
        Wax, Waa, Wya, b, by.
    last_dino_name : str
        The last name printed, with its newline. Only where data is a list of lines, as in the exercise's newer
        version.

    Raises
    ------
    TypeError, ValueError
        Where data has no names or characters that are not in the vocabulary, the two dictionaries or
        `vocab_size` do not fit each other, or a number is out of range.

    Examples
    --------
    >>> parameters = model("ab", {0: "\n", 1: "a", 2: "b"}, num_iterations=1, n_a=4, dino_names=2)
    Iteration: 0, Loss: 2.198323
    <BLANKLINE>
    Aabbbb
    Aa
    <BLANKLINE>
    <BLANKLINE>
    """
    plan = read_plan(data, ix_to_char, *arguments, **named)
    settings = plan.settings
    weights = Weights.of(initialize_parameters(settings.n_a, plan.vocab_size, plan.vocab_size))
    loss = get_initial_loss(plan.vocab_size, settings.dino_names)
    a = np.zeros(settings.n_a)
    last_name = ""
    for iterations in _between_reports(plan):
        if settings.verbose:
            for iteration in iterations:
                print_example(plan, iteration)
        for current in _learn(plan, iterations, weights, a):
            loss = smooth(loss, current)
        if iterations[-1] % plan.report_every == 0:
            parameters = weights.parameters()
            samples = [sample(parameters, plan.char_to_ix, seed) for seed in range(settings.dino_names)]
            last_name = print_report(plan, iterations[-1], loss, samples)
    parameters = weights.parameters()
    return (parameters, last_name) if plan.gives_last_name else parameters


def _between_reports(plan: Plan) -> Iterator[range]:
    """Give the iterations up to each report, the first of which is after iteration 0, and what is left."""
    end = plan.settings.num_iterations
    if end > 0:
        yield range(1)
    for first in range(1, end, plan.report_every):
        yield range(first, min(first + plan.report_every, end))


def _learn(plan: Plan, iterations: range, weights: Weights, a: Floats) -> list[float]:
    """Learn the names of these iterations in one native call, which changes `weights` and `a`: their losses."""
    examples = [plan.example(iteration) for iteration in iterations]
    inputs, targets = ([tokens(side) for side in sides] for sides in zip(*examples, strict=True))
    lengths = np.array([len(example) for example in inputs])
    data = np.concatenate(inputs), np.concatenate(targets), lengths
    losses: list[float] = _core.learn_online(*weights, a, *data, LEARNING_RATE, LIMIT).tolist()
    return losses
