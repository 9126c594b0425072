"""``rnnfast solo``: from a MIDI file to a new solo."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnfast.cli.arguments import add_part_options, integer, naming, number, read_corpus
from rnnfast.cli.outputs import Outputs
from rnnfast.model import LanguageModel
from rnnfast.optim import Adam

if TYPE_CHECKING:
    from rnnfast.music import Corpus, Solo
    from rnnfast.train import History

WINDOWS, WINDOW_LENGTH, BATCH_SIZE = 60, 30, 32
"""The jazz exercise's training data: 60 windows of 30 tokens, 32 a step."""


EPOCHS, HIDDEN_SIZE, TEMPERATURE = 100, 64, 1.0

MAX_BARS = 1024
"""As `rnnfast.music.improvise` has it; --help should not wait for that module."""

LITTLE_TOKENS, LITTLE_BARS = 8, 4
"""A tune with fewer distinct tokens or fewer bars hardly teaches anything."""


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    command = commands.add_parser(
        "solo",
        help="learn from a MIDI file and write a new solo over its chords",
        description="Learn from a MIDI file (or the tune that comes with rnnfast) with an LSTM, improvise a new solo "
        "over its chords, and write it as a MIDI file. Bars fill exactly and copy nothing: such rules are compiled "
        "into the sampler. The same seed gives the same file.",
    )
    command.add_argument(
        "file", nargs="?", metavar="FILE", help="the MIDI file to learn from (default: our own tune)"
    )
    command.add_argument("-o", "--output", default="solo.mid", metavar="PATH", help="default: solo.mid")
    command.add_argument("--wav", action="store_true", help="also render it as sound, beside the MIDI file")
    command.add_argument("--plot", action="store_true", help="also draw a piano roll (needs rnnfast[plot])")
    command.add_argument("--epochs", type=integer(1, 10**6), metavar="N", help=f"default: {EPOCHS}")
    command.add_argument(
        "--hidden", type=integer(1, 8192), metavar="N", help=f"LSTM units; default: {HIDDEN_SIZE}"
    )
    command.add_argument(
        "--temperature", type=number(0), metavar="X", help=f"0 is greedy; default: {TEMPERATURE:g}"
    )
    command.add_argument("--seed", type=integer(0, 2**64 - 1), default=0, metavar="N", help="default: 0")
    add_part_options(command)
    command.add_argument(
        "--bars", type=integer(1, MAX_BARS), metavar="N", help="default: the tune's, at most 64"
    )
    command.add_argument(
        "--freely",
        action="store_true",
        help="leave out the rules of bars: the model says what it will, and what does not fit into a bar is cut off",
    )
    command.add_argument(
        "--faithful",
        action="store_true",
        help="follow the known jazz exercise's rules to the letter: sets of notes that overlap, 130 beats a minute, "
        "the chords but no accompaniment",
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
    _check_clashes(options)
    outputs = Outputs.of(options)
    outputs.check((path for path in (options.file, options.model) if path), force=options.force)
    from rnnfast import music

    say = _silent if options.quiet else _say
    path = music.bundled_tune() if options.file is None else Path(options.file)
    corpus = read_corpus(path, melody=options.melody, chords=options.chords, faithful=options.faithful)
    if options.model is None:
        with naming(path):
            corpus.fitting_length(WINDOW_LENGTH)  # raises where a tune is too short to learn from
    _describe(corpus, path.name, say)
    model = _trained(options, corpus, say) if options.model is None else _load(options.model, corpus, say)
    solo = music.improvise(
        model,
        corpus,
        bars=options.bars,
        temperature=TEMPERATURE if options.temperature is None else options.temperature,
        seed=options.seed,
        freely=options.freely,
        faithful=options.faithful,
    )
    outputs.write(_writers(outputs, model, solo))
    facts = f": {_count(len(solo.measures), 'bar')}, {_count(len(solo.notes), 'note')}, {solo.seconds:.1f} s"
    for written in outputs.paths:
        say(f"wrote     {written}{facts if written == outputs.midi else ''}")


def _check_clashes(options: argparse.Namespace) -> None:
    """Raise where an option would have no effect beside another."""
    for chosen, others, reason in (
        (
            "faithful",
            ("bars", "temperature", "freely"),
            "the exercise's rules fix the length and take the likeliest tokens",
        ),
        ("model", ("epochs", "hidden"), "a saved model is not trained"),
    ):
        if getattr(options, chosen):
            clashing = [f"--{name}" for name in others if getattr(options, name) not in (None, False)]
            if clashing:
                raise ValueError(f"--{chosen} and {' and '.join(clashing)} exclude each other: {reason}")


def _describe(corpus: Corpus, name: str, say: Callable[[str], None]) -> None:
    bars, values = len(corpus.measures), len(corpus.vocabulary)
    tokens = _count(len(corpus.tokens), "token")
    say(f"tune      {name}: {_count(bars, 'bar')}, {tokens}, {_count(values, 'value')}")
    if bars < LITTLE_BARS or values < LITTLE_TOKENS:
        say("note      little to learn from: expect a solo that repeats itself or the tune")


def _trained(options: argparse.Namespace, corpus: Corpus, say: Callable[[str], None]) -> LanguageModel:
    epochs = EPOCHS if options.epochs is None else options.epochs
    begin = time.perf_counter()
    model, history = train(
        corpus,
        hidden_size=HIDDEN_SIZE if options.hidden is None else options.hidden,
        epochs=epochs,
        seed=options.seed,
        faithful=options.faithful,
        progress=not options.quiet,
    )
    seconds = time.perf_counter() - begin
    first, last = history.sequence_loss[0], history.sequence_loss[-1]
    say(f"training  {model.num_parameters:,} parameters, {_count(epochs, 'epoch')}: loss from {first:.1f} to "
        f"{last:.1f} nats a window in {seconds:.2f} s")  # fmt: skip
    return model


def _writers(outputs: Outputs, model: LanguageModel, solo: Solo) -> dict[Path, Callable[[Path], None]]:
    """How each file is written."""
    writers: dict[Path, Callable[[Path], None]] = {outputs.midi: solo.save}
    if outputs.wav:
        writers[outputs.wav] = solo.render
    if outputs.plot:
        writers[outputs.plot] = solo.plot
    if outputs.model:
        writers[outputs.model] = model.save
    return writers


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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s'[: number != 1]}"


def _load(path: str, corpus: Corpus, say: Callable[[str], None]) -> LanguageModel:
    model = LanguageModel.load(path)
    if model.vocabulary != corpus.vocabulary:
        raise ValueError(
            f"--model {path!r} was trained on another tune: its vocabulary has {model.vocab_size} values, "
            f"this tune's has {len(corpus.vocabulary)}, and they differ"
        )
    say(f"model     {path}: {model.num_parameters:,} parameters")
    return model
