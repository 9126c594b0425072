"""What one core of this machine can do: fp32 FMA peak, and read bandwidth of each cache and of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import native
from benchmarks.harness import REPEATS, Measure, seconds

MULTIPLY_ADDS = 1_000_000_000
READ = 2_000_000_000  # bytes a run
MEMORY = 2**28  # bytes: more than any cache


def rows_alone(isas: Sequence[str]) -> Iterator[Measure]:
    """The peak, and reading half of each cache."""
    for isa in isas:
        native.load().use(isa)
        yield peak(isa)
        for level, size in cache_sizes().items():
            yield reading(isa, size // 2, f"{size // 2048:,} KiB from {level}")
        yield reading(isa, MEMORY, "memory")


def peak(isa: str) -> Measure:
    """Independent chains of fused multiply-adds."""
    return _measure(
        "fp32 FMA peak", isa, "GFLOP/s", 2 * MULTIPLY_ADDS, native.load().multiply_add(MULTIPLY_ADDS)
    )


def reading(isa: str, size: int, name: str) -> Measure:
    """A block of `size` bytes, read again and again from front to back."""
    rounds = max(1, READ // size)
    run = native.load().read(size, rounds)
    return _measure(f"read {name}", isa, "GB/s", rounds * size, run, {"bytes": size})


def cache_sizes() -> dict[str, int]:
    """Bytes of each level's data cache, as Linux tells."""
    sizes = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level, size = ((index / name).read_text().strip() for name in ("type", "level", "size"))
        if kind != "Instruction":
            sizes[f"L{level}"] = int(size.removesuffix("K")) * 1024
    return sizes


def _measure(
    name: str, isa: str, unit: str, amount: int, run: Callable[[], None], sizes: dict[str, int] | None = None
) -> Measure:
    """Peaks are peaks: the best of the runs; the spread goes down to the worst."""
    run()
    rates = sorted(amount / seconds(run) / 1e9 for _ in range(REPEATS))
    return Measure.of(0, name, isa, unit, (rates[-1], rates[0], rates[-1]), sizes=sizes)
