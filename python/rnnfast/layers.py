"""Recurrent layers for nets of one's own: forward, backward and single steps, with the state as a value."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast._arguments import as_array, floats, integer, real, thread_count
from rnnfast._arguments import seed as checked_seed
from rnnfast._layer import Layer, LayerGradients, LayerState, Shapes
from rnnfast._parameters import Floats, dtype_name
from rnnfast._pickled import entry, unpickling

_NATIVE = {"float32": _core.RecurrentF32, "float64": _core.RecurrentF64}


class Workspace:
    """What `forward` leaves for `backward`; good for one backward, with the same parameters."""

    def __init__(self, layer: _Recurrent, run: Any, places: tuple[int, int], *, dense: bool) -> None:
        self._layer, self._run, self._places, self._dense = layer, run, places, dense

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Workspace cannot be copied or pickled: it is of one forward of one layer")


class _Recurrent(Layer):
    """What RNN, GRU and LSTM share."""

    _has_c = False
    _made: ClassVar[tuple[str, ...]] = (*Layer._made, "_batch_first", "_h_size")

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        options: dict[str, Any],
        **settings: Any,
    ) -> None:
        self._dtype = np.dtype(dtype_name(settings["dtype"]))
        self._batch_first = bool(settings["batch_first"])
        self._config: dict[str, Any] = {
            "input_size": integer("input_size", input_size),
            "hidden_size": integer("hidden_size", hidden_size),
            "num_layers": integer("num_layers", num_layers),
            "bidirectional": bool(settings["bidirectional"]),
            "dropout": real("dropout", settings["dropout"]),
            "input_dropout": real("input_dropout", settings["input_dropout"]),
            "seed": checked_seed(settings["seed"]),
        }
        self._native = _NATIVE[self._dtype.name](
            cell=cell,
            **self._config,
            projection_size=options.get("proj_size", 0),
            peephole=options.get("peephole", False),
            coupled=options.get("coupled", False),
        )
        self._h_size: int = options.get("proj_size") or self._config["hidden_size"]
        self._config |= options
        self._training_step = 0

    @property
    def config(self) -> Mapping[str, Any]:
        """The constructor's settings, read-only."""
        return MappingProxyType({**self._config, "batch_first": self._batch_first, "dtype": self._dtype.name})

    @property
    def output_size(self) -> int:
        """H, or proj_size where there is a projection; twice that where the layer is bidirectional."""
        return self._h_size * self._directions

    def initial_state(self, N: int) -> LayerState:
        """Zeros: h, or (h, c), each (num_layers * directions, N, H)."""
        size = integer("N", N)
        if size < 0:
            raise ValueError(f"N is {N}, expected at least 0")
        h = np.zeros(self._state_shape(size, self._h_size), self._dtype)
        c = np.zeros(self._state_shape(size, self._config["hidden_size"]), self._dtype)
        return (h, c) if self._has_c else h

    def __call__(
        self,
        x: npt.ArrayLike,
        state: LayerState | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        reset: npt.ArrayLike | None = None,
        num_threads: int | None = None,
    ) -> tuple[Floats, LayerState]:
        """Run over whole sequences, without dropout.

        Parameters
        ----------
        x : (T, N, D) float array, or (T, N) integer array
            An integer is a token below D, which stands for its one-hot vector; -1 for zeros. With ``batch_first`` the
            first two axes are (N, T).
        state : optional
            h, or (h, c) for an LSTM, each (num_layers * directions, N, H); None: zeros. It is not changed.
        lengths : (N,) integers, optional
            How many steps of each sequence count, 0 to T. Outputs behind them are 0, the final state is that of the
            last that counts, and what x holds behind them is never read.
        reset : (T, N) booleans, optional
            Where the state starts again from zeros before the step, as if a new sequence began; with ``batch_first``
            (N, T). The reverse direction, which comes from behind, starts again after the step.
        num_threads : int, optional
            None: as many as pay. No bit of any result depends on it.

        Returns
        -------
        y : (T, N, H) array, or (T, N, 2 H) where the layer is bidirectional
            The last layer's h; with ``batch_first`` the first two axes are (N, T).
        state : like the argument
            After the last step. The reverse direction's is the one at the first step.
        """
        y, after, _ = self._run(x, state, lengths, reset, None, for_backward=False, num_threads=num_threads)
        return y, after

    def forward(
        self,
        x: npt.ArrayLike,
        state: LayerState | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        reset: npt.ArrayLike | None = None,
        training_step: int | None = None,
        num_threads: int | None = None,
    ) -> tuple[Floats, LayerState, Workspace]:
        """Run over whole sequences, and keep what `backward` needs.

        Parameters
        ----------
        x, state, lengths, reset, num_threads
            As in a call of the layer.
        training_step : int, optional
            Which step of training this is, 0 to 2^64 - 1: with the seed it decides dropout's masks. None: the one after
            that of the last `forward`, the first is 0.

        Returns
        -------
        y, state
            As a call of the layer returns them.
        workspace : Workspace
            For one `backward`; holds a copy of x.
        """
        step = self._training_step if training_step is None else checked_seed(training_step, "training_step")
        masks = (self._config["seed"], step)
        y, after, run = self._run(x, state, lengths, reset, masks, for_backward=True, num_threads=num_threads)
        self._training_step = (step + 1) % 2**64
        places = (y.shape[1], y.shape[0]) if self._batch_first else (y.shape[0], y.shape[1])
        return y, after, Workspace(self, run, places, dense=np.ndim(x) == 3)

    def backward(
        self,
        dy: npt.ArrayLike,
        dstate: LayerState | None,
        workspace: Workspace,
        *,
        num_threads: int | None = None,
    ) -> LayerGradients:
        """Differentiate a scalar loss through `forward`, by backpropagation through time.

        Parameters
        ----------
        dy : array like y
            d(loss) / dy; what it holds behind `lengths` is never read.
        dstate : like the state, optional
            d(loss) / d(final state); None: zeros.
        workspace : Workspace
            What `forward` returned; this uses it up.

        Returns
        -------
        gradients : LayerGradients
            dx, dstate (on the initial state) and one array for each parameter.

        Raises
        ------
        RuntimeError
            Where the workspace has been used already, or the parameters have changed since `forward`.
        ValueError
            Where it is another layer's, or a shape does not fit.
        """
        if not isinstance(workspace, Workspace):
            raise TypeError(f"workspace is a {type(workspace).__name__}, expected what forward returned")
        if workspace._layer is not self:
            raise ValueError("workspace is of another layer, expected what this one's forward returned")
        steps, N = workspace._places
        own = self._time_major(self._floats("dy", dy, 3))
        expected = (steps, N, self.output_size)
        if own.shape != expected:
            raise ValueError(f"dy has shape {np.shape(dy)}, expected {self._outer(expected)} as y")
        dh, dc = self._state("dstate", dstate, N)
        dx, dh0, dc0, gradients = workspace._run.backward(
            dy=own,
            dh=dh,
            dc=dc,
            dense=workspace._dense,
            num_threads=thread_count(num_threads),
        )
        return LayerGradients(
            None if dx is None else self._time_major(dx), (dh0, dc0) if self._has_c else dh0, gradients
        )

    def step(self, x: npt.ArrayLike, state: LayerState | None = None) -> tuple[Floats, LayerState]:
        """One time step, with the same bits as in a sequence.

        Parameters
        ----------
        x : (N, D) float array, or (N,) integer tokens
        state : optional
            As in a call of the layer; it is not changed.

        Returns
        -------
        y : (N, H) array
            A copy of the last layer's h.
        state : like the argument
        """
        if self._config["bidirectional"]:
            raise ValueError(
                "step: the layer is bidirectional; its reverse direction needs the whole sequence"
            )
        own = self._input(x, 1)
        h, c = self._native.step(own, *self._state("state", state, own.shape[0]))
        return h[-1].copy(), (h, c) if self._has_c else h

    def __setstate__(self, state: Any) -> None:
        with unpickling(self):
            checked_seed(entry(state, "_training_step", int), "_training_step")
        super().__setstate__(state)

    @classmethod
    def _shapes(cls, config: Mapping[str, Any]) -> Shapes:
        directions = ("", "reverse.") if config["bidirectional"] else ("",)
        size = config["input_size"]
        for layer in range(config["num_layers"]):
            for direction in directions:
                for name, shape in cls._cell_shapes(config, size):
                    yield f"layers.{layer}.{direction}{name}", shape
            size = len(directions) * (config.get("proj_size") or config["hidden_size"])

    @staticmethod
    def _cell_shapes(config: Mapping[str, Any], input_size: int) -> Shapes:
        """Of one layer in one direction."""
        raise NotImplementedError

    @property
    def _directions(self) -> int:
        return 2 if self._config["bidirectional"] else 1

    def _state_shape(self, N: int, size: int) -> tuple[int, int, int]:
        return self._config["num_layers"] * self._directions, N, size

    def _run(
        self,
        x: npt.ArrayLike,
        state: LayerState | None,
        lengths: npt.ArrayLike | None,
        reset: npt.ArrayLike | None,
        masks: tuple[int, int] | None,
        *,
        for_backward: bool,
        num_threads: int | None,
    ) -> tuple[Floats, LayerState, Any]:
        own = self._time_major(self._input(x, 2))
        steps, N = own.shape[:2]
        h0, c0 = self._state("state", state, N)
        y, h, c, run = self._native.forward(
            own,
            h0,
            c0,
            lengths=None if lengths is None else _lengths(lengths, steps, N),
            reset=None if reset is None else self._reset(reset, steps, N),
            masks=masks,
            for_backward=for_backward,
            num_threads=thread_count(num_threads),
        )
        return self._time_major(y), (h, c) if self._has_c else h, run

    def _time_major(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Swap the first two axes of a batch-first array; it is its own inverse."""
        return np.ascontiguousarray(array.swapaxes(0, 1)) if self._batch_first else array

    def _outer(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[1], shape[0], *shape[2:]) if self._batch_first else shape

    def _input(self, x: npt.ArrayLike, dimensions: int) -> npt.NDArray[Any]:
        """Return tokens of so many dimensions as int32, or numbers of one more as the layer's dtype."""
        array = as_array("x", x)
        if array.ndim == dimensions and array.dtype.kind in "iu":
            D = self._config["input_size"]
            if array.size and (array.min() < -1 or array.max() >= D):
                raise ValueError(f"x has tokens from {array.min()} to {array.max()}, expected -1 to {D - 1}")
            return np.ascontiguousarray(array, dtype=np.int32)
        own = self._floats("x", array, dimensions + 1)
        if own.shape[-1] != self._config["input_size"]:
            raise ValueError(
                f"x has shape {own.shape}, expected {self._config['input_size']} = input_size features"
            )
        return own

    def _floats(self, name: str, values: npt.ArrayLike, dimensions: int) -> Floats:
        array = as_array(name, values)
        if array.ndim != dimensions:
            raise ValueError(f"{name} has shape {array.shape}, expected {dimensions} dimensions")
        return floats(name, array, self._dtype)

    def _state(self, name: str, state: LayerState | None, N: int) -> tuple[Floats, Floats]:
        of_h = self._state_shape(N, self._h_size)
        of_c = self._state_shape(N, self._config["hidden_size"])
        if state is None:
            state = self.initial_state(N)
        if not self._has_c:
            return self._state_array(name, state, of_h), np.empty((0, *of_c[1:]), self._dtype)
        if not isinstance(state, tuple | list) or len(state) != 2:
            raise TypeError(f"{name} is a {type(state).__name__}, expected a pair (h, c)")
        return (
            self._state_array(f"{name}[0] = h", state[0], of_h, "P" if self._config["proj_size"] else "H"),
            self._state_array(f"{name}[1] = c", state[1], of_c),
        )

    def _state_array(self, name: str, value: Any, shape: tuple[int, int, int], units: str = "H") -> Floats:
        array = self._floats(name, value, 3)
        if array.shape != shape:
            raise ValueError(
                f"{name} has shape {array.shape}, expected {shape} = (num_layers * directions, N, {units})"
            )
        return array

    def _reset(self, reset: npt.ArrayLike, steps: int, N: int) -> npt.NDArray[np.bool_]:
        array = as_array("reset", reset)
        if array.shape != self._outer((steps, N)):
            raise ValueError(f"reset has shape {array.shape}, expected {self._outer((steps, N))}")
        if array.dtype != np.bool_:
            raise TypeError(f"reset has dtype {array.dtype}, expected bool")
        return np.ascontiguousarray(self._time_major(array))


class RNN(_Recurrent):
    """Basic recurrent layers (Elman 1990), forward and backward.

    ``h(t) = tanh(x(t) W + h(t-1) R + b)``, or with ``max(0, a)`` in place of ``tanh(a)``.

    Parameters
    ----------
    input_size : int
        D.
    hidden_size : int
        H.
    num_layers : int
        L; layer l + 1 reads the output of layer l.
    bidirectional : bool
        A second direction in each layer, which reads the sequence from its end (Schuster & Paliwal 1997); outputs are
        side by side, and the states are in the order layer 0, layer 0 reverse, layer 1, ...
    dropout : float
        Of the inputs of all layers but the first, 0 to below 1, in `forward` only.
    input_dropout : float
        The same of the first layer's input, which must not be tokens then.
    batch_first : bool
        x, y, dx, dy and reset have the axes (N, T, ...) instead of (T, N, ...).
    dtype : {"float32", "float64"}
    seed : int
        0 to 2^64 - 1. Decides the initial weights and dropout's masks.
    nonlinearity : {"tanh", "relu"}
        What h is of a: tanh(a), or max(0, a).

    Notes
    -----
    `parameters` are ``layers.0.W`` (D, H), ``layers.0.R`` (H, H) and ``layers.0.b`` (H,), then ``layers.0.reverse.W``,
    ..., ``layers.1.W``, ... The state is h, (num_layers * directions, N, H).

    Initial weights: W Glorot-uniform (Glorot & Bengio 2010), R with orthonormal rows (Saxe et al. 2014); b 0.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnfast import RNN
    >>> layer = RNN(input_size=3, hidden_size=4)
    >>> y, h = layer(np.ones((5, 2, 3)))
    >>> y.shape, h.shape
    ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        batch_first: bool = False,
        dtype: npt.DTypeLike = "float32",
        seed: int = 0,
        nonlinearity: str = "tanh",
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity is {nonlinearity!r}, expected 'tanh' or 'relu'")
        super().__init__(
            f"rnn_{nonlinearity}",
            input_size,
            hidden_size,
            num_layers,
            {"nonlinearity": nonlinearity},
            bidirectional=bidirectional,
            dropout=dropout,
            input_dropout=input_dropout,
            batch_first=batch_first,
            dtype=dtype,
            seed=seed,
        )

    @staticmethod
    def _cell_shapes(config: Mapping[str, Any], input_size: int) -> Shapes:
        H = config["hidden_size"]
        yield from {"W": (input_size, H), "R": (H, H), "b": (H,)}.items()

    @staticmethod
    def _of(config: Mapping[str, Any]) -> RNN:
        return RNN(**config)


class GRU(_Recurrent):
    """Gated recurrent units (Cho et al. 2014), forward and backward.

    With ``a = x(t) W + b``, in gate order r, z, n::

        r = sigmoid(a_r + h(t-1) R_r)   z = sigmoid(a_z + h(t-1) R_z)   h(t) = (1 - z) n + z h(t-1)
        n = tanh(a_n + r (h(t-1) R_n + b_Rn))    reset after the recurrent product (PyTorch, cuDNN)
        n = tanh(a_n + (r h(t-1)) R_n)           reset before it (Cho et al. 2014)

    Parameters
    ----------
    input_size : int
        D.
    hidden_size : int
        H.
    num_layers : int
        L; layer l + 1 reads the output of layer l.
    bidirectional : bool
        A second direction in each layer, which reads the sequence from its end (Schuster & Paliwal 1997); outputs are
        side by side, and the states are in the order layer 0, layer 0 reverse, layer 1, ...
    dropout : float
        Of the inputs of all layers but the first, 0 to below 1, in `forward` only.
    input_dropout : float
        The same of the first layer's input, which must not be tokens then.
    batch_first : bool
        x, y, dx, dy and reset have the axes (N, T, ...) instead of (T, N, ...).
    dtype : {"float32", "float64"}
    seed : int
        0 to 2^64 - 1. Decides the initial weights and dropout's masks.
    reset_after : bool
        Which of the two n is: reset after the recurrent product, or before it.

    Notes
    -----
    `parameters` are ``layers.0.W`` (D, 3H), ``layers.0.R`` (H, 3H), ``layers.0.b`` (3H,) and, with reset after,
    ``layers.0.b_Rn`` (H,), then ``layers.0.reverse.W``, ..., ``layers.1.W``, ... The state is h, (num_layers *
    directions, N, H).

    Initial weights: W Glorot-uniform (Glorot & Bengio 2010), R with orthonormal rows (Saxe et al. 2014); biases 0.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnfast import GRU
    >>> layer = GRU(3, 4, num_layers=2, bidirectional=True)
    >>> y, h = layer(np.ones((5, 2, 3)), lengths=[5, 2])
    >>> y.shape, h.shape, bool((y[2:, 1] == 0).all())
    ((5, 2, 8), (4, 2, 4), True)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        batch_first: bool = False,
        dtype: npt.DTypeLike = "float32",
        seed: int = 0,
        reset_after: bool = True,
    ) -> None:
        super().__init__(
            "gru" if reset_after else "gru_reset_before",
            input_size,
            hidden_size,
            num_layers,
            {"reset_after": bool(reset_after)},
            bidirectional=bidirectional,
            dropout=dropout,
            input_dropout=input_dropout,
            batch_first=batch_first,
            dtype=dtype,
            seed=seed,
        )

    @staticmethod
    def _cell_shapes(config: Mapping[str, Any], input_size: int) -> Shapes:
        H = config["hidden_size"]
        yield from {"W": (input_size, 3 * H), "R": (H, 3 * H), "b": (3 * H,)}.items()
        if config["reset_after"]:
            yield "b_Rn", (H,)

    @staticmethod
    def _of(config: Mapping[str, Any]) -> GRU:
        return GRU(**config)


class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; Gers et al. 2000), forward and backward.

    With ``a = x(t) W + h(t-1) R + b``, in gate order i, f, g, o::

        c(t) = sigmoid(a_f) c(t-1) + sigmoid(a_i) tanh(a_g)
        h(t) = sigmoid(a_o) tanh(c(t))

    With a projection Q (Sak, Senior & Beaufays 2014) h(t) is ``(sigmoid(a_o) tanh(c(t))) Q``. With peepholes (Gers &
    Schmidhuber 2000) ``p_i c(t-1)``, ``p_f c(t-1)`` and ``p_o c(t)`` are added to a_i, a_f and a_o. With coupled gates
    (Greff et al. 2017) the forget gate is 1 minus the input gate, and the order is i, g, o.

    Parameters
    ----------
    input_size : int
        D.
    hidden_size : int
        H.
    num_layers : int
        L; layer l + 1 reads the output of layer l.
    bidirectional : bool
        A second direction in each layer, which reads the sequence from its end (Schuster & Paliwal 1997); outputs are
        side by side, and the states are in the order layer 0, layer 0 reverse, layer 1, ...
    dropout : float
        Of the inputs of all layers but the first, 0 to below 1, in `forward` only.
    input_dropout : float
        The same of the first layer's input, which must not be tokens then.
    batch_first : bool
        x, y, dx, dy and reset have the axes (N, T, ...) instead of (T, N, ...).
    dtype : {"float32", "float64"}
    seed : int
        0 to 2^64 - 1. Decides the initial weights and dropout's masks.
    proj_size : int
        P, the size of h, at most H; 0: no projection, P = H.
    peephole, coupled : bool
        As above; False: the plain cell.

    Notes
    -----
    `parameters` are ``layers.0.W`` (D, 4H), ``layers.0.R`` (P, 4H), ``layers.0.b`` (4H,), where there are peepholes
    ``layers.0.peephole`` (3H,) in the order i, f, o, and with a projection ``layers.0.projection`` (H, P); then
    ``layers.0.reverse.W``, ..., ``layers.1.W``, ... Coupled, 4H is 3H and 3H is 2H. The state is (h, c): (num_layers *
    directions, N, P) and (num_layers * directions, N, H).

    Initial weights: W Glorot-uniform (Glorot & Bengio 2010), R with orthonormal rows (Saxe et al. 2014); b 0, but 1
    for the forget gate; projections as W, peepholes 0.

    Examples
    --------
    One training step by hand:

    >>> import numpy as np
    >>> from rnnfast import LSTM
    >>> layer = LSTM(input_size=3, hidden_size=4)
    >>> x = np.ones((5, 2, 3))
    >>> y, (h, c), workspace = layer.forward(x)
    >>> gradients = layer.backward(2 * y, None, workspace)  # of sum(y^2)
    >>> layer.set_parameters(
    ...     {name: p - 0.1 * gradients.parameters[name] for name, p in layer.parameters.items()}
    ... )
    >>> bool(np.square(layer(x)[0]).sum() < np.square(y).sum())
    True
    """

    _has_c = True

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        batch_first: bool = False,
        dtype: npt.DTypeLike = "float32",
        seed: int = 0,
        proj_size: int = 0,
        peephole: bool = False,
        coupled: bool = False,
    ) -> None:
        super().__init__(
            "lstm",
            input_size,
            hidden_size,
            num_layers,
            {
                "proj_size": integer("proj_size", proj_size),
                "peephole": bool(peephole),
                "coupled": bool(coupled),
            },
            bidirectional=bidirectional,
            dropout=dropout,
            input_dropout=input_dropout,
            batch_first=batch_first,
            dtype=dtype,
            seed=seed,
        )

    @staticmethod
    def _cell_shapes(config: Mapping[str, Any], input_size: int) -> Shapes:
        H = config["hidden_size"]
        P, gates = config["proj_size"] or H, 3 if config["coupled"] else 4
        yield from {"W": (input_size, gates * H), "R": (P, gates * H), "b": (gates * H,)}.items()
        if config["peephole"]:
            yield "peephole", ((gates - 1) * H,)
        if config["proj_size"]:
            yield "projection", (H, P)

    @staticmethod
    def _of(config: Mapping[str, Any]) -> LSTM:
        return LSTM(**config)


def _lengths(lengths: npt.ArrayLike, steps: int, N: int) -> npt.NDArray[np.int64]:
    array = as_array("lengths", lengths)
    if array.shape != (N,):
        raise ValueError(f"lengths has shape {array.shape}, expected {(N,)}")
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"lengths has dtype {array.dtype}, expected integers")
    if array.size and not (array.min() >= 0 and array.max() <= steps):
        raise ValueError(f"lengths has {array.min()} to {array.max()}, expected 0 to {steps} = T")
    return np.ascontiguousarray(array, dtype=np.int64)
