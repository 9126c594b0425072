"""Names from the network: draw the letters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnnfast import _core
from rnnfast.course.dinosaur.network import tokens
from rnnfast.course.dinosaur.weights import Weights
from rnnfast.reference._arrays import Parameters
from rnnfast.reference.dinosaur.names import LONGEST


def sample(parameters: Parameters, char_to_ix: Mapping[str, int], seed: int) -> list[int]:
    r"""Draw one name.

    The first input is zeros, and so is the first state; each letter drawn is the next input. The name ends
    with a newline: the one drawn, or one appended after 50 letters. Letter c is the one that
    `numpy.random.seed(seed + 2 * c)` and `numpy.random.choice(n_y, p=y)` give, as in the exercise.

    Parameters
    ----------
    parameters : dict of float arrays
        Wax, Waa, Wya, b, by.
    char_to_ix : dict of int
        Index of each character; only the newline's is used.
    seed : int
        From 0 to 2^32 - 101.

    Returns
    -------
    list of int
        Indices of the letters, the newline last.

    Raises
    ------
    ValueError
        Where a parameter is missing, shapes do not fit, or `char_to_ix` has no newline.

    Examples
    --------
    >>> from rnnfast.course.dinosaur import initialize_parameters
    >>> sample(initialize_parameters(50, 27, 27), {"\n": 0}, seed=5)
    [5, 2, 0]
    """
    weights = Weights.of(parameters)
    if "\n" not in char_to_ix:
        raise ValueError("char_to_ix has no newline, which ends a name")
    newline = char_to_ix["\n"]
    letter, a = None, np.zeros(weights.W.shape[1])
    indices: list[int] = []
    while len(indices) < LONGEST and newline not in indices[-1:]:
        a = weights.run(tokens([letter]), a)[1]
        (y,) = _core.softmax(weights.logits(a[np.newaxis]))
        random = np.random.RandomState(seed + 2 * len(indices))
        letter = int(random.choice(len(y), p=y))
        indices.append(letter)
    if len(indices) == LONGEST:
        indices.append(newline)
    return indices
