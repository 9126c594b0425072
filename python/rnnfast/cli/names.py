"""``rnnfast names``: learn a list of names, and invent new ones."""

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
    from rnnfast.characters import NamesModel

BATCH_SIZE, HIDDEN_SIZE, RATE, VALIDATION = 32, 128, 0.01, 0.1

NAMES_TO_LEARN, LEAST_EPOCHS = 20_000, 5
"""How many names go by in all where --epochs does not say, and how often each at least: more is learning by heart."""

REPORTS, SHOWN = 10, 7


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    command = commands.add_parser(
        "names",
        help="learn a list of names and invent new ones",
        description="Learn a list of names (or the dinosaurs that come with rnnfast), character by character, print "
        "invented ones while it learns, and keep the best model.",
    )
    command.add_argument(
        "file", nargs="?", metavar="FILE", help="one name a line, UTF-8 (default: dinosaurs)"
    )
    add_training_options(command, output="names.model", rate=RATE, validation=VALIDATION)
    add_model_options(command, hidden=HIDDEN_SIZE)
    command.add_argument(
        "--epochs",
        type=integer(1, 10**6),
        metavar="N",
        help=f"default: as many as make {NAMES_TO_LEARN:,} names, at least {LEAST_EPOCHS}",
    )
    command.add_argument("--model", metavar="PATH", help="use a saved model instead of training")
    command.add_argument(
        "--count", type=integer(1, 10**6), default=SHOWN, metavar="N", help=f"default: {SHOWN}"
    )
    command.add_argument("--begin", default="", metavar="TEXT", help="what invented names begin with")
    command.add_argument(
        "--temperature", type=number(0), default=0.8, metavar="X", help="of invented names; default: 0.8"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Read, train, invent."""
    import numpy as np

    from rnnfast import characters
    from rnnfast.model import LanguageModel
    from rnnfast.names import dinosaur_names

    if options.model is not None:
        if options.file is not None or options.epochs is not None or options.plot is not None:
            raise ValueError(
                "--model and FILE, --epochs or --plot exclude each other: a saved model is not trained"
            )
        inventor = characters.NamesModel(LanguageModel.load(options.model))
        inventor.check_begin(options.begin, "--begin")
        print("\n".join(_invent(inventor, options, options.count)))
        return
    check_outputs(options)
    tell = say(options)
    names = list(dinosaur_names()) if options.file is None else _names_in(options.file)
    order = np.random.default_rng(options.seed).permutation(len(names))
    held_back = round(options.validation * len(names))
    listed = set(names)
    inventor = characters.NamesModel.for_names(names, options.hidden, **model_settings(options))
    inventor.check_begin(options.begin, "--begin")
    model = inventor.model
    X, Y = characters.name_samples([names[k] for k in order], model.vocabulary or ())
    tell(
        f"names     {options.file or 'dinosaurs'}: {len(names):,}, {len(model.vocabulary or ())} characters, "
        f"{held_back:,} held back; {model.num_parameters:,} parameters"
    )
    epochs = options.epochs or epochs_for(len(names))

    def show(count: int = SHOWN) -> None:
        drawn = _invent(inventor, options, count)
        tell("  " + "  ".join(name + ("*" if name in listed else "") for name in drawn))

    keeper = Keeper(model, options, show)
    try:
        reports = characters.train(
            model,
            (X[held_back:], Y[held_back:]),
            (X[:held_back], Y[:held_back]) if held_back else None,
            epochs=epochs,
            section=max(1, epochs // REPORTS),
            patience=options.patience,
            on_report=keeper,
            batch_size=BATCH_SIZE,
            optimizer=falling_adam(options.rate, epochs * -(-(len(names) - held_back) // BATCH_SIZE)),
            clip_norm=5.0,
            num_threads=options.threads,
            progress=not options.quiet,
        )
    except KeyboardInterrupt:
        raise keeper.interrupted() from None
    if options.plot is not None:
        characters.plot_reports(reports, options.plot)
    tell(f"wrote     {options.output}: its names (* is one of the list)")
    show(options.count)


def epochs_for(names: int) -> int:
    """How often to learn so many names where --epochs does not say."""
    return max(LEAST_EPOCHS, round(NAMES_TO_LEARN / names))


def _invent(inventor: NamesModel, options: argparse.Namespace, count: int) -> list[str]:
    return inventor.invent(count, temperature=options.temperature, seed=options.seed, begin=options.begin)


def _names_in(path: str) -> list[str]:
    names = [line.strip() for line in read_text(path).split("\n")]
    names = list(dict.fromkeys(name for name in names if name))
    if len(names) < 2:
        raise ValueError(f"{path}: {len(names)} names, expected at least 2, one a line")
    return names
