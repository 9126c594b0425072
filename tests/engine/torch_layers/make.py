"""Write golden.safetensors: what PyTorch computes for every case, so that tests need no PyTorch.

    python -m tests.engine.torch_layers.make

One float64 vector a case: all results, in the order of their sorted names, then every 20th loss of a training run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from . import oracle

GOLDEN = Path(__file__).with_name("golden.safetensors")
EVERY = 20


def flat(named: dict[str, NDArray[Any]], losses: list[float]) -> NDArray[np.float64]:
    """All numbers of a case."""
    parts = [named[name].ravel() for name in sorted(named)]
    return np.concatenate([*parts, losses[::EVERY]]).astype(np.float64)


def main() -> None:
    """Write the file."""
    import torch

    torch.set_num_threads(1)
    cases = {
        case: flat(oracle.results(torch, case, np.float64), oracle.curve(torch, case, np.float64))
        for case in oracle.CASES
    }
    GOLDEN.write_bytes(safetensors.numpy.save(cases, metadata={"torch": torch.__version__}))


if __name__ == "__main__":
    main()
