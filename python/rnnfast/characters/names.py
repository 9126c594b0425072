"""Names, character by character: a line each, whose end is a character of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rnnfast import text
from rnnfast.model import LanguageModel

END = "\n"
"""Ends a name, and stands before its first letter."""


def name_samples(
    names: Sequence[str], vocabulary: Sequence[str]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    r"""Names as training data.

    Parameters
    ----------
    names : sequence of str
        Not empty, none of them empty.
    vocabulary : sequence of str
        The characters of the names, and "\\n".

    Returns
    -------
    X, Y : (N, longest name + 1) int32
        "\\n" and the name; the name and "\\n". Behind a shorter name -1.

    Examples
    --------
    >>> X, Y = name_samples(["ab", "b"], ("\n", "a", "b"))
    >>> X.tolist(), Y.tolist()
    ([[0, 1, 2], [0, 2, -1]], [[1, 2, 0], [2, 0, -1]])
    """
    if not names or not all(names):
        raise ValueError("names is empty or has an empty name")
    width = max(map(len, names)) + 1
    X = np.full((len(names), width), -1, np.int32)
    Y = X.copy()
    for row, name in enumerate(names):
        tokens = text.encode(END + name + END, vocabulary)
        X[row, : len(name) + 1], Y[row, : len(name) + 1] = tokens[:-1], tokens[1:]
    return X, Y


class NamesModel:
    """A character model that invents names.

    Parameters
    ----------
    model : LanguageModel
        Its vocabulary has single characters, a line's end among them.
    """

    def __init__(self, model: LanguageModel) -> None:
        if model.vocabulary is None or END not in model.vocabulary:
            raise ValueError("the model's vocabulary has no line's end: it was not trained on names")
        self.model = model
        self._end = model.vocabulary.index(END)

    @classmethod
    def for_names(cls, names: Sequence[str], hidden_size: int, **settings: object) -> NamesModel:
        """Make an untrained model of the right vocabulary; `settings` are LanguageModel's."""
        vocabulary = text.vocabulary_of([END, *"".join(names)])
        return cls(LanguageModel(len(vocabulary), hidden_size, vocabulary=vocabulary, **settings))  # type: ignore[arg-type]

    def check_begin(self, begin: str, name: str = "begin") -> None:
        """Check what names are to begin with. `name` is the argument's, for messages.

        Raises
        ------
        TypeError
            Where it is no text.
        ValueError
            Where it has characters that no name has; a line's end is one of them.
        """
        if not isinstance(begin, str):
            raise TypeError(f"{name} is {begin!r}, expected text")
        known = set(self.model.vocabulary or ()) - {END}
        unknown = sorted(set(begin) - known)
        if unknown:
            missed_by_case = any(character.lower() in known for character in unknown)
            lower = missed_by_case and not any(map(str.isupper, known))
            raise ValueError(
                f"{name} is {begin!r}, with {', '.join(map(repr, unknown[:8]))}, which no name has"
                + ": they are in lower case" * lower
            )

    def invent(
        self, count: int, *, temperature: float = 1.0, seed: int = 0, longest: int = 60, begin: str = ""
    ) -> list[str]:
        """Draw names that end within `longest` characters; the others are cut there.

        Parameters
        ----------
        count : int
        temperature : float
            0 is greedy.
        seed : int
        longest : int
            Characters a name, `begin` not counted.
        begin : str
            What each name begins with.

        Raises
        ------
        ValueError
            Where `begin` has characters that no name has, and as `LanguageModel.generate` says.
        """
        self.check_begin(begin)
        drawn = self.model.generate(
            longest,
            prompt=END + begin,
            num_streams=count,
            temperature=temperature,
            seed=seed,
            stop_token=self._end,
        )
        return [begin + self.model.decode(row).removesuffix(END) for row in drawn]
