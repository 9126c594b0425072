"""A real text, and real names, are learnt as PyTorch learns them: the same loss on what was held back.

Weights and order are the same; PyTorch's second bias is frozen at zero. `benchmarks/learning.py` compares the times,
too, on all of the text and with more units.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import learning
from benchmarks.peers import Reading, load

pytestmark = pytest.mark.torch


def text_reading(folder: Path, layers: int, units: int, length: int | None) -> Reading:
    return learning.text_reading(
        (folder / "tinyshakespeare.txt").read_text(encoding="utf-8")[:length], layers, units
    )


def names_reading(folder: Path) -> Reading:
    return learning.names_reading((folder / "last_names.txt").read_text(encoding="utf-8").split()[:10_000])


@pytest.mark.parametrize(
    ("read", "most_bits"),
    [
        pytest.param(lambda folder: text_reading(folder, 1, 128, None), 3.4, id="text, 1 x 128"),
        pytest.param(lambda folder: text_reading(folder, 2, 256, 300_000), 3.5, id="text, 2 x 256"),
        pytest.param(names_reading, 3.5, id="names"),
    ],
)
def test_validation_loss_is_pytorchs(
    read: Callable[[Path], Reading], most_bits: float, data_dir: Path
) -> None:
    """Within 0.5 % after one epoch and after the last."""
    reading = read(data_dir)
    model = learning.model_of(reading)
    learn, expected = load("torch").reader(dict(model.parameters), reading)
    for epoch in range(1, reading.epochs + 1):
        learning.ours(model, reading)()
        learn()
        if epoch in (1, reading.epochs):
            bits = learning.bits(model, reading)
            print(f"\nepoch {epoch}: {bits:.4f} bits a character, PyTorch {expected():.4f}")
            assert bits == pytest.approx(expected(), rel=0.005)
    assert bits < most_bits
