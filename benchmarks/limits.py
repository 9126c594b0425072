"""What one core of this machine can do: fp32 FMA peak, and read bandwidth of L1, L2 and L3."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import native
from benchmarks.harness import REPEATS, Measure, seconds

MULTIPLY_ADDS = 1_000_000_000
READ = 2_000_000_000  # bytes a run
MIB = 2**20


def rows_alone(isas: Sequence[str]) -> Iterator[Measure]:
    """Peaks are peaks: the best of the runs; the spread goes down to the worst."""
    library = native.load()
    for isa in isas:
        library.use(isa)
        yield _measure(
            "fp32 FMA peak", isa, "GFLOP/s", 2 * MULTIPLY_ADDS, library.multiply_add(MULTIPLY_ADDS)
        )
        for level, size in cache_sizes().items():
            block = min(size // 2, 8 * MIB)
            rounds = READ // block
            run = library.read(block, rounds)
            name = f"read {block // 1024} KiB from {level}"
            yield _measure(name, isa, "GB/s", rounds * block, run)


def cache_sizes() -> dict[str, int]:
    """Bytes of each level's data cache, as Linux tells."""
    sizes = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level, size = ((index / name).read_text().strip() for name in ("type", "level", "size"))
        if kind != "Instruction":
            sizes[f"L{level}"] = int(size.removesuffix("K")) * 1024
    return sizes


def _measure(name: str, isa: str, unit: str, amount: int, run: Callable[[], None]) -> Measure:
    run()
    rates = sorted(amount / seconds(run) / 1e9 for _ in range(REPEATS))
    return Measure.of(0, name, isa, unit, (rates[-1], rates[0], rates[-1]))
