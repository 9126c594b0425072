"""Methods that stand in files of their own are methods in messages, help, pickles and types, too."""

from __future__ import annotations

import inspect
import pickle
from typing import get_type_hints

import pytest

from rnnfast import LanguageModel, SequenceClassifier

METHODS = [
    *((LanguageModel, name) for name in ("fit", "evaluate", "generate", "stream", "score", "beam_search")),
    (SequenceClassifier, "fit"),
]


@pytest.mark.parametrize(("kind", "name"), METHODS, ids=[f"{kind.__name__}.{name}" for kind, name in METHODS])
def test_a_method_of_another_file_knows_its_class(kind: type, name: str) -> None:
    method = getattr(kind, name)
    owner = next(base for base in kind.__mro__ if name in vars(base))
    assert (method.__module__, method.__qualname__) == (owner.__module__, f"{owner.__name__}.{name}")
    assert pickle.loads(pickle.dumps(method)) is method
    assert str(inspect.signature(method)).startswith("(self, ")
    assert "return" in get_type_hints(method)
    with pytest.raises(TypeError, match=rf"^{owner.__name__}\.{name}\(\) .* argument"):
        method(*(None,) * 99)
