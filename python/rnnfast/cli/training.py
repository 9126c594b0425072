"""What the commands that train character models share: their options, their reports, the best model kept on disk."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnfast.cli.arguments import integer, number
from rnnfast.cli.outputs import check_plots, check_target

if TYPE_CHECKING:
    from rnnfast.characters import Report
    from rnnfast.model import LanguageModel
    from rnnfast.optim import Adam


def add_model_options(command: argparse.ArgumentParser, *, hidden: int) -> None:
    """Add what decides the model's shape."""
    command.add_argument("--cell", choices=("lstm", "gru", "rnn"), default="lstm", help="default: lstm")
    command.add_argument(
        "--hidden",
        type=integer(1, 8192),
        default=hidden,
        metavar="N",
        help=f"units a layer; default: {hidden}",
    )
    command.add_argument("--layers", type=integer(1, 64), default=1, metavar="N", help="default: 1")
    command.add_argument(
        "--embedding", type=integer(1, 8192), metavar="N", help="size of an embedding (default: one-hot)"
    )
    command.add_argument(
        "--dropout", type=number(0), default=0.0, metavar="X", help="in training; default: 0"
    )


def add_training_options(
    command: argparse.ArgumentParser, *, output: str, rate: float, validation: float
) -> None:
    """Add what decides the training, and where its best model goes."""
    command.add_argument(
        "-o", "--output", default=output, metavar="PATH", help=f"the model; default: {output}"
    )
    command.add_argument("--force", action="store_true", help="overwrite files that exist")
    command.add_argument(
        "--rate",
        type=number(0),
        default=rate,
        metavar="X",
        help=f"Adam's, which falls to 0 along a cosine; default: {rate:g}",
    )
    command.add_argument(
        "--validation",
        type=number(0, 0.5),
        default=validation,
        metavar="X",
        help=f"the share held back to choose the best model by, at most 0.5; 0: none; default: {validation:g}",
    )
    command.add_argument(
        "--patience",
        type=integer(1, 10**6),
        default=5,
        metavar="N",
        help="stop after so many reports without a new best; default: 5",
    )
    command.add_argument("--seed", type=integer(0, 2**64 - 1), default=0, metavar="N", help="default: 0")
    command.add_argument(
        "--threads", type=integer(1, 1024), metavar="N", help="default: as many as pay; no bit depends on it"
    )
    command.add_argument("--plot", metavar="PATH", help="draw the loss as a PNG (needs rnnfast[plot])")
    command.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")


def model_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of LanguageModel that the options say, but for its sizes."""
    return {
        "cell": options.cell,
        "num_layers": options.layers,
        "embedding_size": options.embedding,
        "dropout": options.dropout,
        "seed": options.seed,
    }


def falling_adam(rate: float, updates: int) -> Adam:
    """Adam whose rate falls from `rate` to 0 along half a cosine, over all updates of the run."""
    from rnnfast.learning_rate import CosineDecay
    from rnnfast.optim import Adam

    return Adam(CosineDecay(rate, updates))


def check_outputs(options: argparse.Namespace) -> None:
    """Raise where a file exists already, cannot be written, is the input, or needs an extra that is missing."""
    wanted = [name for name in (options.output, options.plot) if name is not None]
    if "" in wanted:
        raise ValueError("-o or --plot is '', expected the name of a file")
    if len({os.path.realpath(name) for name in wanted}) < len(wanted):
        raise ValueError(f"-o and --plot have the same name: {options.output!r}")
    for name in wanted:
        check_target(Path(name), [options.file] if options.file else [], force=options.force)
    if options.plot is not None:
        check_plots()


def read_text(path: str) -> str:
    """Read a UTF-8 file; errors name it."""
    data = Path(path).read_bytes()
    try:
        return data.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: byte {error.start} ({data[error.start]:#04x}) is not UTF-8; convert the file first"
        ) from error


class Keeper:
    """Keeps the best model on disk as training goes on, and tells how it goes."""

    def __init__(
        self, model: LanguageModel, options: argparse.Namespace, also: Callable[[], None] | None = None
    ) -> None:
        self._model, self._output, self._say = model, options.output, say(options)
        self._also = also
        self.saved = False

    def __call__(self, report: Report) -> None:
        """Print a line; save where the report is the best."""
        held_back = "" if math.isnan(report.validation) else f", held back {report.validation:.4f}"
        mark = "  best" if report.best else ""
        self._say(
            f"epoch {report.epoch:4d}   {report.training:.4f} bits a character{held_back}   "
            f"{report.seconds:.1f} s, {report.tokens / report.seconds:,.0f} characters/s{mark}"
        )
        if report.best:
            self._model.save(self._output)
            self.saved = True
        if self._also is not None:
            self._also()

    def interrupted(self) -> KeyboardInterrupt:
        """Say what Ctrl-C left behind."""
        left = f"the best model so far is in {self._output}" if self.saved else "nothing was written"
        return KeyboardInterrupt(f"interrupted; {left}")


def say(options: argparse.Namespace) -> Callable[[str], None]:
    """Return what prints a line, unless --quiet."""
    return (lambda _: None) if options.quiet else (lambda line: print(line, flush=True))
