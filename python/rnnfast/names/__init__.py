"""Lists of names to learn from: the one that comes with the package."""

from __future__ import annotations

from importlib import resources

__all__ = ["dinosaur_names"]


def dinosaur_names() -> tuple[str, ...]:
    """The genera of dinosaurs that come with the package, sorted, in lower case, of the letters a to z alone.

    ``dinosaurs.txt``, one a line, compiled for this package.

    Examples
    --------
    >>> names = dinosaur_names()
    >>> len(names), names[0], names[-1]
    (907, 'abelisaurus', 'zuul')
    """
    return tuple((resources.files(__name__) / "dinosaurs.txt").read_text(encoding="ascii").split())
