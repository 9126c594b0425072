"""What every layer has, whatever it computes: parameters that training changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from rnnfast._parameters import Floats, check_arrays, checked_parameters
from rnnfast._pickled import attributes, entry, unpickling, without

LayerState = Floats | tuple[Floats, Floats]
"""h, or (h, c) for an LSTM, each (num_layers * directions, N, H)."""

Shapes = Iterator[tuple[str, tuple[int, ...]]]
"""Names and shapes of parameters."""


class LayerGradients(NamedTuple):
    """Gradients that `backward` gives.

    Attributes
    ----------
    dx : array like x, or None
        None where x was tokens.
    dstate : like the state, or None
        On the initial state; None where the layer has no state.
    parameters : dict of str to array
        On each parameter, by its name.
    """

    dx: Floats | None
    dstate: LayerState | None
    parameters: dict[str, Floats]


class Layer:
    """What an optimiser can train."""

    _native: Any
    _config: dict[str, Any]
    _dtype: np.dtype[Any]
    _made: ClassVar[tuple[str, ...]] = (
        "_native",
        "_config",
        "_dtype",
    )  # of settings and parameters: not pickled

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self.config.items())})"

    @property
    def config(self) -> Mapping[str, Any]:
        """The constructor's settings, read-only."""
        return MappingProxyType({**self._config, "dtype": self._dtype.name})

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of parameters, states and outputs."""
        return self._dtype

    @property
    def num_parameters(self) -> int:
        """How many numbers there are to train."""
        return sum(array.size for array in self._native.parameters.values())

    @property
    def parameters(self) -> Mapping[str, Floats]:
        """Name -> read-only live view, as the class says; copy what is to stay."""
        return MappingProxyType(self._native.parameters)

    def set_parameters(self, mapping: Mapping[str, npt.ArrayLike]) -> None:
        """Change parameters. All names, shapes and numbers are checked before anything changes.

        Parameters
        ----------
        mapping : name -> array_like
            Any of the names of `parameters`, each of that shape and finite; those not named keep their values.

        Raises
        ------
        ValueError
            For a name that the layer does not have, another shape, or a number that is not finite.
        TypeError
            For anything but real numbers.
        """
        self._native.set_parameters(checked_parameters(mapping, self._native.parameters))

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: settings, copies of the parameters, and what else there is."""
        parameters = {name: p.copy() for name, p in self._native.parameters.items()}
        return {"config": dict(self.config), "parameters": parameters} | without(vars(self), self._made)

    def __setstate__(self, state: Any) -> None:
        with unpickling(self):
            config, parameters = entry(state, "config", dict), entry(state, "parameters", dict)
            check_arrays(parameters, self._shapes(config), config["dtype"])
            twin = self._of(config)
            if config != twin.config:
                raise ValueError(f"config is {config}, expected all of {dict(twin.config)}")
            twin.set_parameters(parameters)
            others = attributes(self, state, ("config", "parameters", *self._made))
        vars(self).update(vars(twin) | others)

    # What each kind says: the names and shapes of its parameters, and itself, by settings.

    @classmethod
    def _shapes(cls, config: Mapping[str, Any]) -> Shapes:
        raise NotImplementedError

    @staticmethod
    def _of(config: Mapping[str, Any]) -> Layer:
        raise NotImplementedError


def stay_with_layer(workspace: object) -> NoReturn:
    """Refuse to copy or pickle a workspace: as its `__getstate__`."""
    raise TypeError(
        f"a {type(workspace).__name__} cannot be copied or pickled: it is of one forward of one layer"
    )
