"""Known mistakes: each is a small edit of the reference's own source, and says what the edit gets wrong.

They are in text files, one for each part of the reference, a blank line between two of them: a sentence for the
student, the source as it is after `- `, and as a student might have it after `+ `. A line `module NAME` says which
module the mistakes after it edit, and what begins with `#` is a comment.
"""

from __future__ import annotations

from importlib import resources
from typing import NamedTuple

FILES = ("activations", "rnn", "lstm", "gru", "dinosaur")


class Mistake(NamedTuple):
    """An edit of the source of a module, `old`, which is there once, to `new`; and what a student should hear."""

    module: str
    text: str
    old: str
    new: str


def read(text: str) -> list[Mistake]:
    r"""Read a file of mistakes.

    >>> read("module a.b\n\ntanh is left out\n- c = tanh(d)\n+ c = d\n")
    [Mistake(module='a.b', text='tanh is left out', old='c = tanh(d)', new='c = d')]
    """
    mistakes, module = [], ""
    for block in text.strip().split("\n\n"):
        sentence, *edit = (line for line in block.split("\n") if not line.startswith("#"))
        if sentence.startswith("module "):
            module = sentence.removeprefix("module ")
            continue
        old, new = ("\n".join(line[2:] for line in edit if line.startswith(sign)) for sign in "-+")
        mistakes.append(Mistake(module, sentence, old, new))
    return mistakes


MISTAKES = tuple(
    mistake
    for name in FILES
    for mistake in read(resources.files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8"))
)
