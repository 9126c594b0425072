"""Which instruction set and threads the kernels use, and what they run on."""

from __future__ import annotations

import os
import platform
import sys

import numpy as np

from rnnfast import _core


def available_isas() -> list[str]:
    """Names of the instruction sets that this machine can run, worst first.

    ``"scalar"`` and ``"scalar_fma"`` are always among them; then come ``"avx2"`` and ``"avx512"`` where an x86-64
    processor has them, or ``"neon"``, which every aarch64 has. All of them but ``"scalar"`` (the baseline without fused
    multiply-add) give the same bits; ``"scalar_fma"`` is the slow oracle that the others are tested against.

    Examples
    --------
    >>> import rnnfast
    >>> rnnfast.available_isas()[:2]
    ['scalar', 'scalar_fma']
    """
    return _core.available_isas()


def active_isa() -> str:
    """Name of the instruction set in use: the best available one, or what ``RNNFAST_ISA`` in the environment names.

    Raises
    ------
    ValueError
        At the first call of all, where ``RNNFAST_ISA`` names one that this machine cannot run.
    """
    return _core.active_isa()


def set_isa(name: str) -> None:
    """Use another instruction set from now on, in all threads.

    A call that is running goes on with it too: but for ``"scalar"`` that changes no bit.

    Parameters
    ----------
    name : str
        One of `available_isas`.

    Raises
    ------
    ValueError
        For any other name; the message lists the valid ones.
    """
    _core.set_isa(name)


def show_config() -> None:
    """Print versions, processor, instruction sets and threads: what a bug report needs."""
    rows = {
        "rnnfast": _core.__version__,
        "numpy": np.__version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "processor": _processor(),
        "instruction set": f"{active_isa()} (available: {', '.join(available_isas())})",
        "threads": _threads(),
    }
    for name, value in rows.items():
        print(f"{name + ':':17}{value}")


def _threads() -> str:
    chosen = os.environ.get("RNNFAST_NUM_THREADS")
    rule = f"RNNFAST_NUM_THREADS={chosen}" if chosen else "as many as pay"
    return f"{rule} (processors: {_core.available_processors()})"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
