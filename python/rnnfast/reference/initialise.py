"""Initial weights of the language model, the same bits on every machine: no BLAS, no LAPACK.

Parameter k of the model draws from stream k of the seed (purpose INITIALISATION), its element e at position
e; an orthonormal one at positions 12 e to 12 e + 11.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from rnnfast.reference._arrays import Floats
from rnnfast.reference.random import INITIALISATION, uniform
from rnnfast.reference.stack import Cell
from rnnfast.reference.sums import folded_sum

GATES: dict[Cell, int] = {"rnn_tanh": 1, "rnn_relu": 1, "gru": 3, "lstm": 4}


def parameters(
    vocab_size: int,
    hidden_size: int,
    num_layers: int = 1,
    seed: int = 0,
    *,
    cell: Cell = "lstm",
    reset_after: bool = True,
    embedding_size: int | None = None,
    tie_weights: bool = False,
) -> dict[str, Floats]:
    """Make W Glorot-uniform, R with orthonormal rows, biases 0, but 1 for the LSTM's forget gate.

    The forget gate starts open (Jozefowicz et al. 2015).

    Parameters
    ----------
    vocab_size, hidden_size, num_layers : int
        V, H and L, each at least 1.
    seed : int
        In [0, 2^64).
    cell : {"rnn_tanh", "rnn_relu", "gru", "lstm"}
    reset_after : bool
        Whether a GRU has a recurrent bias `b_Rn`.
    embedding_size : int, optional
        E of an embedding; None: tokens are one-hot vectors.
    tie_weights : bool
        Whether the dense layer has the embedding's weights.

    Returns
    -------
    dict of str to float64 array
        `embedding.W` [V, E] where there is one; for each layer l from 0: `layers.l.W` [V, E or H, G*H], `layers.l.R`
        [H, G*H], `layers.l.b` [G*H] (G gates: 1, 3 or 4) and of a GRU `layers.l.b_Rn` [H]; `dense.W` [H, V] unless
        it is tied, `dense.b` [V].

    Raises
    ------
    ValueError
        Where a number is outside its range.

    Examples
    --------
    >>> sum(p.size for p in parameters(vocab_size=90, hidden_size=64).values())
    45530
    """
    for name, size in (("vocab_size", vocab_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if size < 1:
            raise ValueError(f"{name} is {size}, expected at least 1")
    V, H, G = vocab_size, hidden_size, GATES[cell] * hidden_size
    made: dict[str, Floats] = {}  # its length is the number of the next parameter: the stream
    if embedding_size is not None:
        made["embedding.W"] = glorot_uniform(V, embedding_size, seed, len(made))
    for layer in range(num_layers):
        made[f"layers.{layer}.W"] = glorot_uniform(H if layer else embedding_size or V, G, seed, len(made))
        made[f"layers.{layer}.R"] = orthonormal_rows(H, G, seed, len(made))
        made[f"layers.{layer}.b"] = np.repeat([0.0, 1.0, 0.0, 0.0], H) if cell == "lstm" else np.zeros(G)
        if cell == "gru" and reset_after:
            made[f"layers.{layer}.b_Rn"] = np.zeros(H)
    if not tie_weights:
        made["dense.W"] = glorot_uniform(H, V, seed, len(made))
    made["dense.b"] = np.zeros(V)
    return made


def glorot_uniform(rows: int, columns: int, seed: int, stream: int) -> Floats:
    """Draw uniform numbers within +-sqrt(6 / (rows + columns)) (Glorot & Bengio 2010), [rows, columns]."""
    u = uniform(seed, stream, np.arange(rows * columns), INITIALISATION)
    return np.asarray(sqrt(6 / (rows + columns)) * (2 * u - 1), dtype=np.float64).reshape(rows, columns)


def orthonormal_rows(rows: int, columns: int, seed: int, stream: int) -> Floats:
    """Draw rows of length 1, each at a right angle to all others (Saxe et al. 2014), [rows, columns].

    Modified Gram-Schmidt over rows of nearly normal numbers, each the sum of 12 uniform ones less 6
    (Irwin-Hall), which needs no logarithm.
    """
    if rows > columns:
        raise ValueError(f"rows is {rows}, expected at most columns = {columns}: no more can be orthogonal")
    total = np.zeros(rows * columns)
    for k in range(12):
        total += uniform(seed, stream, 12 * np.arange(rows * columns) + k, INITIALISATION)
    work = (total - 6).reshape(rows, columns)
    for i, row in enumerate(work):
        row /= np.sqrt(folded_sum(row * row))
        below = work[i + 1 :]
        below -= folded_sum(below * row)[:, np.newaxis] * row
    return work
