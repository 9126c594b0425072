"""Names from the network: draw the letters, and write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from rnnfast.reference._arrays import Parameters
from rnnfast.reference.dinosaur.network import rnn_step_forward, take_parameters

LONGEST = 50
"""Letters after which a name is ended."""


def sample(parameters: Parameters, char_to_ix: Mapping[str, int], seed: int) -> list[int]:
    r"""Draw one name.

    The first input is zeros, and so is the first state; each letter drawn is the next input. The name ends
    with a newline: the one drawn, or one appended after 50 letters. Letter c is the one that
    `numpy.random.seed(seed + 2 * c)` and `numpy.random.choice(n_y, p=y)` give: in the exercise a counter and
    the seed itself advance by one each, and the seed is their sum.

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
    >>> from rnnfast.reference.dinosaur.network import initialize_parameters
    >>> sample(initialize_parameters(50, 27, 27), {"\n": 0}, seed=5)
    [5, 2, 0]
    """
    Wax, Waa, *_ = take_parameters(parameters)
    if "\n" not in char_to_ix:
        raise ValueError("char_to_ix has no newline, which ends a name")
    newline = char_to_ix["\n"]
    x, a = np.zeros((Wax.shape[1], 1)), np.zeros((len(Waa), 1))
    indices: list[int] = []
    while len(indices) < LONGEST and newline not in indices[-1:]:
        a, y = rnn_step_forward(parameters, a, x)
        random = np.random.RandomState(seed + 2 * len(indices))
        indices.append(int(random.choice(len(y), p=y.ravel())))
        x = np.zeros_like(x)
        x[indices[-1]] = 1
    if len(indices) == LONGEST:
        indices.append(newline)
    return indices


def get_sample(sample_ix: Iterable[int], ix_to_char: Mapping[int, str]) -> str:
    r"""Write a name, its first letter in upper case.

    >>> get_sample([3, 1, 2, 0], {0: "\n", 1: "a", 2: "b", 3: "c"})
    'Cab\n'
    """
    indices = list(sample_ix)
    unknown = [index for index in indices if index not in ix_to_char]
    if unknown:
        raise ValueError(f"sample_ix holds {unknown[0]}, which ix_to_char does not have")
    text = "".join(ix_to_char[index] for index in indices)
    return text[:1].upper() + text[1:]


def print_sample(sample_ix: Iterable[int], ix_to_char: Mapping[int, str]) -> None:
    r"""Print a name as `get_sample` writes it, with nothing after it: its newline ends the line.

    >>> print_sample([3, 1, 2, 0], {0: "\n", 1: "a", 2: "b", 3: "c"})
    Cab
    """
    print(get_sample(sample_ix, ix_to_char), end="")
