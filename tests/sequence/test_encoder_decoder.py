"""The example of an encoder-decoder learns what it says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_encoder_decoder_writes_dates_that_it_has_never_seen() -> None:
    """Guessing the commonest letter of each place, the baseline, gets none right in all ten letters."""
    example = load("encoder_decoder")
    x, lengths, y = example.draw_dates(500, seed=10**6)
    commonest = [max(range(example.V), key=row.tolist().count) for row in y]
    assert not (commonest == y.T).all(axis=1).any()
    written = example.write(example.train(), x, lengths)
    assert (written == y).all(axis=0).mean() > 0.95


def test_the_encoder_decoder_is_short() -> None:
    assert len((EXAMPLES / "encoder_decoder.py").read_text().splitlines()) < 60
