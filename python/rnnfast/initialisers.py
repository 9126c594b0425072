"""Initial weights for nets of one's own: seeded, and the same bits on every machine.

Random numbers are counter-based (Philox, Salmon et al. 2011): element e of an array is drawn from (seed, stream, e),
whatever else is drawn. Give each parameter a `stream` of its own. Layers begin with the first two of these by
themselves; others go through `set_parameters`:

>>> from rnnfast import GRU, initialisers
>>> layer = GRU(3, 4)
>>> layer.set_parameters(
...     {
...         name: initialisers.uniform(p.shape, 4**-0.5, seed=7, stream=k)
...         for k, (name, p) in enumerate(layer.parameters.items())
...     }
... )
>>> layer.parameters["layers.0.R"].shape
(4, 12)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast._arguments import integer, real
from rnnfast._arguments import seed as checked_seed
from rnnfast._parameters import Floats, dtype_name


def uniform(
    shape: int | Sequence[int],
    limit: float,
    *,
    dtype: npt.DTypeLike = "float64",
    seed: int = 0,
    stream: int = 0,
) -> Floats:
    """Draw numbers uniformly within ±limit; of ``1 / sqrt(H)`` as PyTorch's recurrent layers begin.

    Parameters
    ----------
    shape : int or sequence of int
    limit : float
        At least 0.
    dtype : {"float32", "float64"}
        What the numbers, drawn in float64, are rounded to.
    seed, stream : int
        0 to 2^64 - 1.

    Returns
    -------
    array of `shape`

    Examples
    --------
    >>> from rnnfast.initialisers import uniform
    >>> uniform((2, 2), 0.5, seed=1).round(3)
    array([[-0.142,  0.063],
           [-0.139, -0.084]])
    """
    sizes = _shape(shape)
    bound = real("limit", limit)
    if not 0 <= bound < math.inf:
        raise ValueError(f"limit is {limit}, expected at least 0 and finite")
    numbers = _core.uniform(math.prod(sizes), bound, checked_seed(seed), checked_seed(stream, "stream"))
    return numbers.reshape(sizes).astype(_dtype(dtype), copy=False)


def glorot_uniform(
    shape: Sequence[int], *, dtype: npt.DTypeLike = "float64", seed: int = 0, stream: int = 0
) -> Floats:
    """Draw W (inputs, outputs) uniformly within ±sqrt(6 / (inputs + outputs)) (Glorot & Bengio 2010).

    Signals and gradients then keep their variance from layer to layer. Layers draw their W so.

    Parameters
    ----------
    shape : (int, int)
    dtype, seed, stream
        As of `uniform`.

    Returns
    -------
    array of `shape`
    """
    rows, columns = _matrix(shape)
    limit = math.sqrt(6 / max(rows + columns, 1))
    return uniform((rows, columns), limit, dtype=dtype, seed=seed, stream=stream)


def orthogonal(
    shape: Sequence[int],
    *,
    gain: float = 1.0,
    dtype: npt.DTypeLike = "float64",
    seed: int = 0,
    stream: int = 0,
) -> Floats:
    """Draw a matrix with orthonormal rows, or columns where those are fewer (Saxe et al. 2014), times `gain`.

    A square one keeps the length of what it multiplies, so that gradients neither vanish nor explode by it. Layers draw
    their R (H, G * H) so.

    Parameters
    ----------
    shape : (int, int)
    gain : float
    dtype, seed, stream
        As of `uniform`.

    Returns
    -------
    array of `shape`

    Notes
    -----
    Modified Gram-Schmidt over nearly normal numbers, without BLAS or LAPACK: rows^2 * columns multiply-adds.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnfast.initialisers import orthogonal
    >>> Q = orthogonal((3, 5))
    >>> bool(np.allclose(Q @ Q.T, np.eye(3)))
    True
    """
    rows, columns = _matrix(shape)
    few, many = sorted((rows, columns))
    Q = _core.orthonormal_rows(few, many, checked_seed(seed), checked_seed(stream, "stream"))
    oriented = Q if rows <= columns else Q.T
    return np.ascontiguousarray(real("gain", gain) * oriented, dtype=_dtype(dtype))


def forget_gate_bias(hidden_size: int, value: float = 1.0, *, dtype: npt.DTypeLike = "float64") -> Floats:
    """Make an LSTM's b (4H,): `value` for the forget gate, 0 for the others (Gers et al. 2000; Jozefowicz et al. 2015).

    Parameters
    ----------
    hidden_size : int
        H.
    value : float
        1 lets the cell remember at first; layers begin with it.
    dtype : {"float32", "float64"}

    Returns
    -------
    (4H,) array
        In gate order i, f, g, o.

    Examples
    --------
    >>> from rnnfast.initialisers import forget_gate_bias
    >>> forget_gate_bias(2)
    array([0., 0., 1., 1., 0., 0., 0., 0.])
    """
    (H,) = _shape(integer("hidden_size", hidden_size))
    return np.repeat(np.array([0, real("value", value), 0, 0], _dtype(dtype)), H)


def _shape(shape: int | Sequence[int]) -> tuple[int, ...]:
    given = shape if isinstance(shape, Sequence) else (shape,)
    sizes = tuple(integer("shape", n) for n in given)
    if min(sizes, default=0) < 0:
        raise ValueError(f"shape is {shape}, expected sizes of at least 0")
    return sizes


def _matrix(shape: Sequence[int]) -> tuple[int, int]:
    sizes = _shape(shape)
    if len(sizes) != 2:
        raise ValueError(f"shape is {shape}, expected (rows, columns)")
    return sizes[0], sizes[1]


def _dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    return np.dtype(dtype_name(dtype))
