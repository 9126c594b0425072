"""The files that a run writes: checked before the work begins, and written all or none."""

from __future__ import annotations

import argparse
import importlib.util
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rnnfast._files import atomic_drafts, writable_target


@dataclass(frozen=True)
class Outputs:
    """Their names."""

    midi: Path
    wav: Path | None
    plot: Path | None
    model: Path | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> Outputs:
        """Name the files as the options say."""
        midi = Path(options.output)
        if midi.suffix.lower() not in (".mid", ".midi"):
            raise ValueError(f"-o {options.output!r}: expected a name that ends in .mid or .midi")
        if options.save_model == "":
            raise ValueError("--save-model '': expected the name of a file")
        return cls(
            midi,
            midi.with_suffix(".wav") if options.wav else None,
            midi.with_suffix(".png") if options.plot else None,
            None if options.save_model is None else Path(options.save_model),
        )

    @property
    def paths(self) -> list[Path]:
        """Those that are wanted."""
        return [path for path in (self.midi, self.wav, self.plot, self.model) if path is not None]

    def check(self, inputs: Iterable[str], *, force: bool) -> None:
        """Raise where a file exists already, cannot be written, is an input, or needs an extra that is missing."""
        if len({os.path.realpath(path) for path in self.paths}) < len(self.paths):
            raise ValueError(f"two outputs have the same name: {', '.join(map(str, self.paths))}")
        inputs = list(inputs)
        for path in self.paths:
            check_target(path, inputs, force=force)
        if self.plot:
            check_plots()

    @staticmethod
    def write(writers: dict[Path, Callable[[Path], None]]) -> None:
        """Write every file with its writer; where one fails none is there."""
        with atomic_drafts(list(writers)) as drafts:
            for draft, write in zip(drafts, writers.values(), strict=True):
                write(draft)


def check_target(path: Path, inputs: Iterable[str], *, force: bool) -> None:
    """Raise where a file to be written exists already, cannot be written, or is an input."""
    folder = writable_target(path).parent
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{str(path)!r}: the folder {str(folder)!r} is not writable")
    if any(_is_same_file(path, source) for source in inputs):
        raise ValueError(f"{str(path)!r} is read and would be overwritten; choose another name with -o")
    if path.exists() and not force:
        raise FileExistsError(f"{str(path)!r} exists; --force overwrites it")


def check_plots() -> None:
    """Raise where --plot has nothing to draw with."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError('--plot needs matplotlib: pip install "rnnfast[plot]"')


def _is_same_file(path: Path, source: str) -> bool:
    return path.exists() and os.path.exists(source) and os.path.samefile(path, source)
