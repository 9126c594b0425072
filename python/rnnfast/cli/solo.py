"""``rnnfast solo``: from a MIDI file to a new solo."""

from __future__ import annotations

import argparse
import importlib.util
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnfast.cli.arguments import add_part_options, integer, number
from rnnfast.model import LanguageModel
from rnnfast.optim import Adam

if TYPE_CHECKING:
    from rnnfast.music import Corpus
    from rnnfast.train import History

WINDOWS, WINDOW_LENGTH, BATCH_SIZE = 60, 30, 32
"""The jazz exercise's training data: 60 windows of 30 tokens, 32 a step."""


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    command = commands.add_parser(
        "solo",
        help="learn from a MIDI file and write a new solo over its chords",
        description="Learn from a MIDI file (or the tune that comes with rnnfast) with an LSTM, improvise a new solo "
        "over its chords, and write it as a MIDI file. The same seed gives the same file.",
    )
    command.add_argument(
        "file", nargs="?", metavar="FILE", help="the MIDI file to learn from (default: our own tune)"
    )
    command.add_argument("-o", "--output", default="solo.mid", metavar="PATH", help="default: solo.mid")
    command.add_argument("--wav", action="store_true", help="also render it as sound, beside the MIDI file")
    command.add_argument("--plot", action="store_true", help="also draw a piano roll (needs rnnfast[plot])")
    command.add_argument("--epochs", type=integer(1, 10**6), default=100, metavar="N", help="default: 100")
    command.add_argument(
        "--hidden", type=integer(1, 8192), default=64, metavar="N", help="LSTM units; default: 64"
    )
    command.add_argument(
        "--temperature", type=number(0), default=1.0, metavar="X", help="0 is greedy; default: 1"
    )
    command.add_argument("--seed", type=integer(0, 2**64 - 1), default=0, metavar="N", help="default: 0")
    add_part_options(command)
    command.add_argument(
        "--bars", type=integer(1, 10_000), metavar="N", help="length of the solo (default: the tune's)"
    )
    command.add_argument(
        "--faithful", action="store_true", help="follow the known jazz exercise's rules to the letter"
    )
    command.add_argument("--save-model", metavar="PATH", help="keep the trained model")
    command.add_argument(
        "--model", metavar="PATH", help="use a saved model of the same tune instead of training"
    )
    command.add_argument("--force", action="store_true", help="overwrite files that exist")
    command.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Read, train, improvise, write, and say what was done."""
    outputs = Outputs.of(options)
    outputs.check(force=options.force)
    from rnnfast import music

    path = music.bundled_tune() if options.file is None else Path(options.file)
    corpus = music.Corpus.from_midi(
        path, melody=options.melody, chords=options.chords, faithful=options.faithful
    )
    say = _silent if options.quiet else _say
    say(f"tune      {path.name}: {len(corpus.measures)} bars, {len(corpus.tokens)} tokens, "
        f"{len(corpus.vocabulary)} values")  # fmt: skip
    if options.model:
        model = _load(options.model, corpus)
        say(f"model     {options.model}: {model.num_parameters:,} parameters")
    else:
        begin = time.perf_counter()
        model, history = train(
            corpus,
            hidden_size=options.hidden,
            epochs=options.epochs,
            seed=options.seed,
            faithful=options.faithful,
            progress=not options.quiet,
        )
        seconds = time.perf_counter() - begin
        say(f"training  {model.num_parameters:,} parameters, {options.epochs} epochs: loss from "
            f"{history.sequence_loss[0]:.1f} to {history.sequence_loss[-1]:.1f} in {seconds:.2f} s")  # fmt: skip
    if outputs.model:
        model.save(outputs.model)
        say(f"wrote     {outputs.model}")
    solo = music.improvise(
        model,
        corpus,
        bars=options.bars,
        temperature=options.temperature,
        seed=options.seed,
        faithful=options.faithful,
    )
    solo.save(outputs.midi)
    say(f"wrote     {outputs.midi}: {len(solo.measures)} bars, {len(solo.notes)} notes, {solo.seconds:.1f} s")
    if outputs.wav:
        solo.render(outputs.wav)
        say(f"wrote     {outputs.wav}")
    if outputs.plot:
        solo.plot(outputs.plot)
        say(f"wrote     {outputs.plot}")


def train(
    corpus: Corpus,
    *,
    hidden_size: int,
    epochs: int,
    seed: int,
    faithful: bool = False,
    progress: bool = False,
) -> tuple[LanguageModel, History]:
    """Train the jazz exercise's model on a corpus.

    Adam with rate 0.01 and decay 0.01 on 60 windows of 30 tokens, 32 a step, the loss summed over time; ``faithful``
    takes Keras' epsilon, 1e-7 before the bias correction. A short tune gets shorter windows.
    """
    X, Y = corpus.windows(WINDOWS, corpus.fitting_length(WINDOW_LENGTH), seed=0 if faithful else seed % 2**32)
    model = LanguageModel(len(corpus.vocabulary), hidden_size, seed=seed, vocabulary=corpus.vocabulary)
    optimizer = (
        Adam(0.01, decay=0.01, epsilon=1e-7, keras_epsilon=True) if faithful else Adam(0.01, decay=0.01)
    )
    history = model.fit(
        X,
        Y,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        optimizer=optimizer,
        reduction="sequence",
        progress=progress,
    )
    return model, history


def _say(line: str) -> None:
    print(line, flush=True)


def _silent(_: str) -> None:
    pass


def _load(path: str, corpus: Corpus) -> LanguageModel:
    model = LanguageModel.load(path)
    if model.vocabulary != corpus.vocabulary:
        raise ValueError(
            f"--model {path!r} was trained on another tune: its vocabulary has {model.vocab_size} values, "
            f"this tune's has {len(corpus.vocabulary)}, and they differ"
        )
    return model


@dataclass(frozen=True)
class Outputs:
    """The files that a run will write, all checked before the work begins."""

    midi: Path
    wav: Path | None
    plot: Path | None
    model: Path | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> Outputs:
        """Name the files as the options say."""
        midi = Path(options.output)
        return cls(
            midi,
            midi.with_suffix(".wav") if options.wav else None,
            midi.with_suffix(".png") if options.plot else None,
            Path(options.save_model) if options.save_model else None,
        )

    def check(self, *, force: bool) -> None:
        """Raise where a file exists already, cannot be written, or needs an extra that is not installed."""
        paths = [path for path in (self.midi, self.wav, self.plot, self.model) if path is not None]
        if len(set(paths)) < len(paths):
            raise ValueError(f"two outputs have the same name: {', '.join(map(str, paths))}")
        for path in paths:
            if path.is_dir():
                raise IsADirectoryError(f"{str(path)!r} is a folder, expected a file to write")
            if not path.parent.is_dir():
                raise FileNotFoundError(f"{str(path)!r}: the folder {str(path.parent)!r} does not exist")
            if not os.access(path.parent, os.W_OK):
                raise PermissionError(f"{str(path)!r}: the folder {str(path.parent)!r} is not writable")
            if path.exists() and not force:
                raise FileExistsError(f"{str(path)!r} exists; --force overwrites it")
        if self.plot and importlib.util.find_spec("matplotlib") is None:
            raise ImportError('--plot needs matplotlib: pip install "rnnfast[plot]"')
