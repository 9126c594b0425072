"""What the filters of all libraries share: their order, and the penalties, which need no more than a `where`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from rnnfast import Sampler

ORDER = ("top_n_sigma", "top_k", "typical_p", "top_p", "min_p")
"""As rnnfast applies them; in each `filters_NAME.py` a function of the setting and the logits has the name."""


def filters(sampler: Sampler, library: ModuleType) -> list[Callable[[Any], Any]]:
    """Those that are on, in order."""
    settings = {name: getattr(sampler, name) for name in ORDER}
    return [partial(getattr(library, name), on) for name, on in settings.items() if on is not None]


def penalise(where: Callable[..., Any], sampler: Sampler, counts: Any, logits: Any) -> Any:
    """Lower the logits of tokens that occurred, each so many times as `counts` [N, V] says."""
    repetition = sampler.repetition_penalty or 1.0
    taken = counts * (sampler.frequency_penalty or 0.0) + (sampler.presence_penalty or 0.0)
    lowered = where(logits > 0, logits / repetition, logits * repetition) - taken
    return where(counts > 0, lowered, logits)
