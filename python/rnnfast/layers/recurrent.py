"""What RNN, GRU and LSTM share: forward, backward and single steps, with the state as a value."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast._arguments import as_array, floats, integer, real, thread_count
from rnnfast._arguments import seed as checked_seed
from rnnfast._parameters import Floats, dtype_name
from rnnfast._pickled import entry, unpickling
from rnnfast.layers.layer import Layer, LayerGradients, LayerState, Shapes, stay_with_layer

_NATIVE = {"float32": _core.RecurrentF32, "float64": _core.RecurrentF64}


class Workspace:
    """What `forward` leaves for `backward`; good for one backward, with the same parameters."""

    def __init__(self, layer: Recurrent, run: Any, places: tuple[int, int], *, dense: bool) -> None:
        self._layer, self._run, self._places, self._dense = layer, run, places, dense

    __getstate__ = stay_with_layer


class Recurrent(Layer):
    """Recurrent layers of some cell, which a subclass names."""

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


def _lengths(lengths: npt.ArrayLike, steps: int, N: int) -> npt.NDArray[np.int64]:
    array = as_array("lengths", lengths)
    if array.shape != (N,):
        raise ValueError(f"lengths has shape {array.shape}, expected {(N,)}")
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"lengths has dtype {array.dtype}, expected integers")
    if array.size and not (array.min() >= 0 and array.max() <= steps):
        raise ValueError(f"lengths has {array.min()} to {array.max()}, expected 0 to {steps} = T")
    return np.ascontiguousarray(array, dtype=np.int64)
