"""How tokens are drawn: settings of the sampler, a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast._arguments import integer, real


@dataclass(frozen=True)
class Sampler:
    """From logits to a token. Everything is off by default: then tokens are drawn from the model's own distribution.

    What is on acts in this order: `logit_bias` and `ban`; a call's constraint; penalties; `top_n_sigma`; `top_k`;
    `typical_p`; `top_p`; `min_p`; `temperature`; the draw. Probabilities inside filters are those at temperature 1 of
    the tokens that are left; of equal tokens the lowest ids stay. One token at least always stays.

    Parameters
    ----------
    temperature : float
        Divides the logits that are left; 0 is greedy.
    top_k : int, optional
        Keep the k largest logits. 0 or None: off.
    top_p : float, optional
        Keep the likeliest tokens until their probability reaches top_p (nucleus sampling, Holtzman et al. 2020). 1 or
        None: off.
    min_p : float, optional
        Keep tokens at least min_p times as likely as the likeliest (Nguyen et al. 2024). 0 or None: off.
    typical_p : float, optional
        Keep the tokens whose surprise is nearest to the expected one, the entropy, until their probability reaches
        typical_p (locally typical sampling, Meister et al. 2023). 1 or None: off.
    top_n_sigma : float, optional
        Keep logits within so many of their standard deviations (divided by n, of those that are not -inf) of the
        largest (Tang et al. 2024). 0 or None: off.
    repetition_penalty : float, optional
        The logit of a token that occurred is divided by it, if negative multiplied (Keskar et al. 2019). 1 or None:
        off.
    presence_penalty : float, optional
        Taken from the logit of a token that occurred. 0 or None: off.
    frequency_penalty : float, optional
        Taken from it once for each time that it occurred. 0 or None: off.
    penalty_window : int, optional
        Only the last so many tokens count as having occurred, of prompt and draws together. 0 or None: all.
    logit_bias : mapping of int to float, optional
        Added to tokens' logits; kept as a tuple of pairs.
    ban : iterable of int, optional
        Tokens that are never drawn; kept as a tuple.
    greedy : bool
        The largest logit that biases, bans and penalties leave, ties to the lowest id; as ``temperature=0``.

    Raises
    ------
    ValueError, TypeError
        For a value outside its range or of another type; names the field.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnfast import Sampler
    >>> logits = np.log([0.5, 0.2, 0.2, 0.1])
    >>> np.isfinite(Sampler(top_k=2).filter(logits))
    array([ True,  True, False, False])
    >>> Sampler(ban=[0], greedy=True).draw(logits, 0.5)
    1
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    top_n_sigma: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    penalty_window: int | None = None
    logit_bias: Mapping[int, float] | tuple[tuple[int, float], ...] = ()
    ban: Iterable[int] = ()
    greedy: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "logit_bias", _bias(self.logit_bias))
        object.__setattr__(self, "ban", _tokens("ban", self.ban))
        self.native()

    @property
    def has_penalties(self) -> bool:
        """Whether a draw depends on the tokens before it, beyond the model's state."""
        neutral = ((self.repetition_penalty, 1), (self.presence_penalty, 0), (self.frequency_penalty, 0))
        return any(value is not None and value != off for value, off in neutral)

    def native(self) -> _core.SamplerConfig:
        """The same settings, checked, for the native code."""
        if not isinstance(self.greedy, bool | np.bool_):
            raise TypeError(f"greedy is {self.greedy!r}, expected True or False")
        return _core.SamplerConfig(
            temperature=real("temperature", self.temperature),
            greedy=bool(self.greedy),
            top_k=_integer_or("top_k", self.top_k, 0),
            top_p=_real_or("top_p", self.top_p, 1),
            min_p=_real_or("min_p", self.min_p, 0),
            typical_p=_real_or("typical_p", self.typical_p, 1),
            top_n_sigma=_real_or("top_n_sigma", self.top_n_sigma, 0),
            repetition_penalty=_real_or("repetition_penalty", self.repetition_penalty, 1),
            presence_penalty=_real_or("presence_penalty", self.presence_penalty, 0),
            frequency_penalty=_real_or("frequency_penalty", self.frequency_penalty, 0),
            penalty_window=_integer_or("penalty_window", self.penalty_window, 0),
            logit_bias=list(_bias(self.logit_bias)),
            ban=list(_tokens("ban", self.ban)),
        )

    def filter(self, logits: npt.ArrayLike, history: npt.ArrayLike = ()) -> npt.NDArray[Any]:
        """What is left before temperature and draw.

        Parameters
        ----------
        logits : (V,) float32 or float64
            +inf is certain (several share equally, as zeros).
        history : (T,) integers
            The tokens before, for the penalties.

        Returns
        -------
        logits : (V,) array
            A new one, -inf for tokens that are never drawn.

        Raises
        ------
        SamplingError
            Where there is none to draw: a nan, or only -inf.
        """
        kept = _core.filter_logits(_logits(logits), self.native(), _history(history))
        if kept is None:
            raise _undrawable()
        return kept

    def draw(self, logits: npt.ArrayLike, u: float, history: npt.ArrayLike = ()) -> int:
        """The token that a uniform number u in [0, 1) draws; `logits`, `history` and errors as for `filter`."""
        if not 0 <= real("u", u) < 1:
            raise ValueError(f"u is {u}, expected at least 0 and less than 1")
        x = _logits(logits)
        (token,) = _core.draw(x, np.array([u], dtype=x.dtype), self.native(), _history(history))
        if token < 0:
            raise _undrawable()
        return int(token)


def _undrawable() -> _core.SamplingError:
    error = _core.SamplingError("the logits, or what bans leave of them, hold a nan or only -inf")
    error.stream = error.step = -1  # of no call
    return error


def _integer_or(name: str, value: int | None, off: int) -> int:
    return off if value is None else integer(name, value)


def _real_or(name: str, value: float | None, off: float) -> float:
    return off if value is None else real(name, value)


def _bias(given: Any) -> tuple[tuple[int, float], ...]:
    pairs = given.items() if isinstance(given, Mapping) else () if given is None else given
    try:
        return tuple(
            (integer("logit_bias: a token", token), real("logit_bias: a bias", bias)) for token, bias in pairs
        )
    except TypeError as error:
        raise TypeError(
            f"logit_bias is {given!r}, expected a mapping of tokens to numbers ({error})"
        ) from None


def _tokens(name: str, given: Any) -> tuple[int, ...]:
    try:
        return () if given is None else tuple(integer(f"{name}: a token", token) for token in given)
    except TypeError as error:
        raise TypeError(f"{name} is {given!r}, expected tokens ({error})") from None


def _logits(logits: npt.ArrayLike) -> npt.NDArray[Any]:
    x = np.asarray(logits)
    if x.dtype.kind not in "iuf":
        raise TypeError(f"logits has dtype {x.dtype}, expected real numbers")
    return np.ascontiguousarray(x, dtype=np.float32 if x.dtype == np.float32 else np.float64)


def _history(history: npt.ArrayLike) -> npt.NDArray[np.int32]:
    tokens = np.asarray(history)
    if tokens.size and tokens.dtype.kind not in "iu":
        raise TypeError(f"history has dtype {tokens.dtype}, expected integers")
    if tokens.size and not (tokens.min() >= -1 and tokens.max() < 2**31):
        raise ValueError(f"history has {tokens.min()} to {tokens.max()}, expected tokens or -1")
    return np.ascontiguousarray(tokens, dtype=np.int32)
