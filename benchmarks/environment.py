"""How many threads everybody gets: set before any library is loaded, since most read it only then."""

from __future__ import annotations

import os

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NPROC",  # XLA's pools
    "RNNFAST_NUM_THREADS",
)
_HANDICAPS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # a peer chooses its own kernels and blocks


def environment(threads: int) -> dict[str, str]:
    """Variables for a new process in which rnnfast and a peer have that many threads each."""
    variables = {name: value for name, value in os.environ.items() if name not in _HANDICAPS}
    variables |= dict.fromkeys(_THREADS, str(threads))
    eigen = "true" if threads > 1 else "false"
    variables["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads}"
    variables["JAX_PLATFORMS"] = "cpu"
    variables["TF_CPP_MIN_LOG_LEVEL"] = "2"
    variables.pop("RNNFAST_ISA", None)  # the harness goes through the instruction sets itself
    return variables


def threads() -> int:
    """How many threads this process was given."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def pin() -> None:
    """Stay on as many processors as there are threads: the last ones, since the first serves most interrupts."""
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, allowed[-threads() :])
