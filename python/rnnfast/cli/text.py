"""``rnnfast text``: a character model of any text; train it, sample from it, score with it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rnnfast.cli.arguments import integer, number
from rnnfast.cli.training import (
    Keeper,
    add_model_options,
    add_training_options,
    check_outputs,
    falling_adam,
    model_settings,
    read_text,
    say,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rnnfast.characters.training import Pair

HIDDEN_SIZE, RATE, STREAMS, STEPS = 256, 0.005, 50, 50

CHARACTERS_TO_LEARN, LEAST_EPOCHS = 2_000_000, 10
"""How many characters go by in all where --epochs does not say, and how often each at least."""


def add_to(commands: Any) -> None:
    """Add the parsers of the command and of its three commands."""
    text = commands.add_parser(
        "text",
        help="learn any text by character, write more of it, score with it",
        description="A character model of any UTF-8 text.",
    )
    below = text.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_train(below)
    _add_sample(below)
    _add_score(below)


def _add_train(commands: Any) -> None:
    command = commands.add_parser(
        "train",
        help="learn a text",
        description="Learn a text by truncated backpropagation through time: it is cut into streams that are read side "
        "by side, each carrying its state on. The best model is kept; Ctrl-C leaves it there.",
    )
    command.add_argument("file", metavar="FILE", help="a UTF-8 text")
    add_training_options(command, output="text.model", rate=RATE, validation=0.05)
    add_model_options(command, hidden=HIDDEN_SIZE)
    command.add_argument(
        "--epochs",
        type=integer(1, 10**6),
        metavar="N",
        help=f"default: as many as make {CHARACTERS_TO_LEARN:,} characters, at least {LEAST_EPOCHS}",
    )
    command.add_argument(
        "--streams", type=integer(1, 10**5), default=STREAMS, metavar="N", help=f"default: {STREAMS}"
    )
    command.add_argument(
        "--steps",
        type=integer(1, 10**6),
        default=STEPS,
        metavar="N",
        help=f"characters an update; default: {STEPS}",
    )
    command.set_defaults(run=train)


def _add_sample(commands: Any) -> None:
    command = commands.add_parser("sample", help="write more", description="Write text with a trained model.")
    command.add_argument("model", metavar="MODEL", help="as `rnnfast text train` or `rnnfast names` wrote it")
    command.add_argument("--prompt", default="", metavar="TEXT", help="read first, and printed first")
    command.add_argument("--length", type=integer(0, 10**8), default=500, metavar="N", help="default: 500")
    command.add_argument(
        "--temperature", type=number(0), default=1.0, metavar="X", help="0 is greedy; default: 1"
    )
    command.add_argument("--top-k", type=integer(0, 2**31 - 1), default=0, metavar="N", help="default: all")
    command.add_argument("--top-p", type=number(0), default=1.0, metavar="X", help="default: all")
    command.add_argument("--seed", type=integer(0, 2**64 - 1), default=0, metavar="N", help="default: 0")
    command.set_defaults(run=sample)


def _add_score(commands: Any) -> None:
    command = commands.add_parser(
        "score",
        help="how well a model predicts a text",
        description="Bits a character of a text under a model.",
    )
    command.add_argument("model", metavar="MODEL")
    command.add_argument("file", metavar="FILE", help="a UTF-8 text of the model's characters")
    command.set_defaults(run=score)


def train(options: argparse.Namespace) -> None:
    """Read, train, keep the best."""
    from rnnfast import characters
    from rnnfast import text as encoding
    from rnnfast.model import LanguageModel

    check_outputs(options)
    tell = say(options)
    content = read_text(options.file)
    vocabulary = encoding.vocabulary_of(content)
    if len(content) < 2 * (options.streams + 1):
        raise ValueError(
            f"{options.file}: {len(content)} characters, expected at least {2 * (options.streams + 1)} for "
            f"{options.streams} streams; see --streams"
        )
    learnt, held_back = characters.split_text(encoding.encode(content, vocabulary), options.validation)
    model = LanguageModel(len(vocabulary), options.hidden, vocabulary=vocabulary, **model_settings(options))
    tell(
        f"text      {options.file}: {len(content):,} characters, {len(vocabulary)} of them different, "
        f"{len(held_back):,} held back; {model.num_parameters:,} parameters"
    )
    training = X, _ = characters.streams(learnt, options.streams)
    epochs = options.epochs or max(LEAST_EPOCHS, round(CHARACTERS_TO_LEARN / len(content)))
    keeper = Keeper(model, options)
    try:
        reports = characters.train(
            model,
            training,
            _held_back(held_back, options),
            epochs=epochs,
            patience=options.patience,
            on_report=keeper,
            truncate=options.steps,
            stateful=True,
            shuffle=False,
            optimizer=falling_adam(options.rate, epochs * -(-X.shape[1] // options.steps)),
            clip_norm=5.0,
            num_threads=options.threads,
            progress=not options.quiet,
        )
    except KeyboardInterrupt:
        raise keeper.interrupted() from None
    if options.plot is not None:
        characters.plot_reports(reports, options.plot)
    tell(f"wrote     {options.output}: rnnfast text sample {options.output}")


def _held_back(tokens: NDArray[np.int32], options: argparse.Namespace) -> Pair | None:
    """As streams of at least the steps of an update: the first characters of each are predicted from little."""
    from rnnfast import characters

    if len(tokens) < 2:
        return None
    return characters.streams(tokens, max(1, min(options.streams, (len(tokens) - 1) // options.steps)))


def sample(options: argparse.Namespace) -> None:
    """Print the prompt and what follows."""
    from rnnfast.model import LanguageModel

    model = LanguageModel.load(options.model)
    if model.vocabulary is None:
        raise ValueError(f"{options.model}: the model has no vocabulary, so it cannot write text")
    tokens = model.generate(
        options.length,
        prompt=options.prompt or None,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
    )
    print(options.prompt + model.decode(tokens[0]))


def score(options: argparse.Namespace) -> None:
    """Print bits a character, perplexity and accuracy."""
    from rnnfast.characters import score_text
    from rnnfast.model import LanguageModel

    model = LanguageModel.load(options.model)
    content = read_text(options.file)
    measures = score_text(model, content)
    print(
        f"{options.file}: {len(content) - 1:,} characters predicted, {measures['bits_per_token']:.4f} bits a "
        f"character, perplexity {measures['perplexity']:.3f}, {measures['accuracy']:.1%} ranked first"
    )
