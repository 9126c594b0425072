"""The machine's limits, and rnnfast's kernels alone: a small C++ library, built with CMake where it is first needed."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent
BUILD = PROJECT / "build" / "limits"


@dataclass(frozen=True)
class Product:
    """C [rows, columns] = A B over `depth`, `times` times; `transposed`: A lies as [depth, rows]."""

    rows: int
    columns: int
    depth: int
    transposed: bool = False
    times: int = 1

    @property
    def multiply_adds(self) -> int:
        """Of all times."""
        return self.rows * self.columns * self.depth * self.times


class Native:
    """The library, on the instruction set that `use` named last."""

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))
        for name in ("limits_block", "limits_products"):
            getattr(self._library, name).restype = ctypes.c_void_p
        self._library.limits_multiply_adds.restype = ctypes.c_int64

    def use(self, isa: str) -> None:
        """From now on."""
        if not self._library.limits_use(isa.encode()):
            raise ValueError(f"isa is {isa!r}, expected one with SIMD that this machine has")

    def multiply_add(self, multiply_adds: int) -> Callable[[], None]:
        """A function that does at least so many fused multiply-adds, as fast as registers allow."""
        rounds = -(-multiply_adds // self._library.limits_multiply_adds())
        return lambda: self._library.limits_multiply_add(ctypes.c_int64(rounds))

    def read(self, size: int, rounds: int) -> Callable[[], None]:
        """A function that reads a block of `size` bytes (whole 512), in order, `rounds` times."""
        block = self._own("limits_block", ctypes.c_int64(-(-size // 512) * 128))
        return lambda: self._library.limits_read(block.pointer, ctypes.c_int64(rounds))

    def products(self, products: Sequence[Product], rounds: int) -> Callable[[], None]:
        """A function that multiplies all of them, `rounds` times."""
        numbers = [int(field) for product in products for field in astuple(product)]
        shapes = (ctypes.c_int64 * len(numbers))(*numbers)
        made = self._own("limits_products", ctypes.c_int64(len(products)), shapes)
        return lambda: self._library.limits_products_run(made.pointer, ctypes.c_int64(rounds))

    def gates(self, batch: int, hidden_size: int, rounds: int) -> Callable[[], None]:
        """A function that runs the LSTM cell's elementwise part."""
        return lambda: self._library.limits_gates(*map(ctypes.c_int64, (batch, hidden_size, rounds)))

    def draws(self, rows: int, V: int, rounds: int) -> Callable[[], None]:
        """A function that draws a token for each row of logits."""
        return lambda: self._library.limits_draws(*map(ctypes.c_int64, (rows, V, rounds)))

    def _own(self, maker: str, *arguments: Any) -> _Owned:
        address = getattr(self._library, maker)(*arguments)
        if not address:
            raise MemoryError(maker)
        return _Owned(ctypes.c_void_p(address), getattr(self._library, maker + "_free"))


class _Owned:
    """Memory of the library, freed with this object."""

    def __init__(self, pointer: ctypes.c_void_p, free: Callable[[ctypes.c_void_p], Any]) -> None:
        self.pointer, self._free = pointer, free

    def __del__(self) -> None:
        self._free(self.pointer)


@cache
def load() -> Native:
    """Build the library if anything changed, and load it."""
    scripts = Path(sysconfig.get_path("scripts"))
    cmake = shutil.which("cmake", path=scripts) or shutil.which("cmake")
    if cmake is None:
        raise RuntimeError("CMake is missing (pip install cmake): the machine's limits need it")
    options = ["-DRNNFAST_LIMITS=ON", "-DRNNFAST_PYTHON=OFF", "-DCMAKE_BUILD_TYPE=Release"]
    if not BUILD.exists():
        print("building the machine's limits: a minute, once", file=sys.stderr)
    for command in (
        [cmake, "-S", str(PROJECT), "-B", str(BUILD), *options],
        [cmake, "--build", str(BUILD), "--target", "rnnfast_limits"],
    ):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}")
    return Native(BUILD / "benchmarks" / "native" / "librnnfast_limits.so")
