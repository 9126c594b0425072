"""Regular expressions over the characters of text tokens: a documented subset, and an error for everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np

from rnnfast import text
from rnnfast.constraints.automaton import Constraint

_MOST_STATES = 2**16
_MOST_NESTED = 100
"""Groups within each other: the parser is recursive, and Python's stack is short."""

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_REPEATS = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": str.isdecimal,
    "w": lambda c: c.isalnum() or c == "_",
    "s": str.isspace,
}


def regex(pattern: str, vocabulary: Sequence[str]) -> Constraint:
    r"""Sequences whose text matches the whole of a pattern.

    Characters stand for themselves; ``\n \t \r \f \v`` and a backslash before any other character but letters and
    digits are escapes; ``.`` is any character but a newline; ``[a-z_]`` and ``[^a-z]`` are classes, and so are
    ``\d \w \s \D \W \S``; ``(...)`` and ``(?:...)`` are groups; ``|`` is or; ``* + ? {m} {m,} {m,n}`` repeat. All as in
    Python's `re`. Anything else is an error: anchors, back references, look-around, lazy and possessive repeats, flags,
    names.

    Parameters
    ----------
    pattern : str
    vocabulary : sequence of str
        The text of each token; single characters, or words that a space joins.

    Raises
    ------
    ValueError
        For what is no such pattern, with the place; and where no text of these tokens matches: names the characters and
        classes of the pattern that no token has.
    TypeError
        For a vocabulary that is none, as that of a model made without.

    Examples
    --------
    >>> from rnnfast import constraints
    >>> dinosaurs = constraints.regex(r"[a-z]+saurus\n", "\nabcdefghijklmnopqrstuvwxyz")
    >>> dinosaurs.shortest
    8
    """
    if not isinstance(pattern, str):
        raise TypeError(f"pattern is {pattern!r}, expected a string")
    entries = text.check_vocabulary(vocabulary)
    joint = "" if all(len(entry) == 1 for entry in entries) else " "
    alphabet = frozenset("".join(entries) + joint)
    parser = _Parser(pattern, alphabet)
    machine = _Machine()
    first, last = machine.add(parser.parse())
    return _over_tokens(pattern, entries, joint, machine, first, last, parser.missing)


def _over_tokens(
    pattern: str,
    entries: Sequence[str],
    joint: str,
    machine: _Machine,
    first: int,
    last: int,
    missing: set[str],
) -> Constraint:
    """The automaton over tokens: its states are sets of the machine's, and whether a token came before."""
    begin = (machine.closure({first}), False)
    number, order, rows = {begin: 0}, [begin], []
    for states, inside in order:  # which grows as it goes
        row = np.full(len(entries), -1, np.int32)
        for token, entry in enumerate(entries):
            then = machine.read(states, joint + entry if inside else entry)
            if not then:
                continue
            key = (then, bool(joint))
            if key not in number:
                number[key] = len(order)
                order.append(key)
            row[token] = number[key]
        rows.append(row)
        if len(order) > _MOST_STATES:
            raise ValueError(f"pattern {pattern!r} makes more than {_MOST_STATES} states")
    try:
        return Constraint(np.array(rows), np.array([last in states for states, _ in order]))
    except ValueError as error:
        why = f": no token has {', '.join(sorted(missing))}" if missing else ""
        raise ValueError(f"pattern {pattern!r} matches no text of these tokens{why}") from error


# A pattern as a tree: a set of characters, all parts after each other, any of them, or a part so many times.
_Characters = frozenset[str]
_Tree = tuple[str, "_Characters | list[_Tree] | tuple[_Tree, int, int | None]"]


class _Machine:
    """A nondeterministic automaton over characters (Thompson 1968)."""

    def __init__(self) -> None:
        self.silent: list[list[int]] = []
        self.reading: list[tuple[_Characters, int] | None] = []

    def new(self) -> int:
        self.silent.append([])
        self.reading.append(None)
        if len(self.silent) > _MOST_STATES:
            raise ValueError(f"pattern repeats so much that it needs more than {_MOST_STATES} states")
        return len(self.silent) - 1

    def add(self, tree: _Tree) -> tuple[int, int]:
        """Its first and its last state."""
        kind, content = tree
        first, last = self.new(), self.new()
        if isinstance(content, frozenset):
            self.reading[first] = (content, last)
        elif isinstance(content, tuple):
            self.repeat(first, last, *content)
        elif kind == "or":
            for part in content:
                inner, end = self.add(part)
                self.silent[first].append(inner)
                self.silent[end].append(last)
        else:
            at = first
            for part in content:
                inner, end = self.add(part)
                self.silent[at].append(inner)
                at = end
            self.silent[at].append(last)
        return first, last

    def repeat(self, first: int, last: int, part: _Tree, least: int, most: int | None) -> None:
        at = first
        for _ in range(least):
            inner, end = self.add(part)
            self.silent[at].append(inner)
            at = end
        if most is None:
            inner, end = self.add(part)
            self.silent[at] += [inner, last]
            self.silent[end] += [inner, last]
            return
        for _ in range(most - least):
            inner, end = self.add(part)
            self.silent[at] += [inner, last]
            at = end
        self.silent[at].append(last)

    def closure(self, states: set[int]) -> frozenset[int]:
        """The states, and those that no character leads to from them."""
        open_states = list(states)
        reached = set(states)
        while open_states:
            for then in self.silent[open_states.pop()]:
                if then not in reached:
                    reached.add(then)
                    open_states.append(then)
        return frozenset(reached)

    def read(self, states: frozenset[int], text: str) -> frozenset[int]:
        for character in text:
            reading = (self.reading[state] for state in states)
            states = self.closure({edge[1] for edge in reading if edge is not None and character in edge[0]})
        return states


class _Parser:
    """Recursive descent over the pattern; a class of characters becomes a set of the alphabet's."""

    def __init__(self, pattern: str, alphabet: _Characters) -> None:
        self.pattern, self.alphabet, self.at = pattern, alphabet, 0
        self.depth = 0
        self.missing: set[str] = set()  # what the pattern asks for and the alphabet does not have

    def parse(self) -> _Tree:
        tree = self.alternatives()
        if self.at < len(self.pattern):
            self.refuse("a ')' without a '('")
        return tree

    def alternatives(self) -> _Tree:
        parts = [self.sequence()]
        while self.take("|"):
            parts.append(self.sequence())
        return ("or", parts)

    def sequence(self) -> _Tree:
        parts: list[_Tree] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            parts.append(self.repeated(self.atom()))
        return ("then", parts)

    def repeated(self, part: _Tree) -> _Tree:
        sign = self.pattern[self.at : self.at + 1]
        if not sign or sign not in "*+?{":
            return part
        self.at += 1
        least, most = _REPEATS[sign] if sign in _REPEATS else self.bounds()
        if self.at < len(self.pattern) and self.pattern[self.at] in "*+?{":
            self.refuse(
                f"a second repeat {self.pattern[self.at]!r}: lazy and possessive ones are not known here"
            )
        return ("repeat", (part, least, most))

    def bounds(self) -> tuple[int, int | None]:
        begin = self.at
        end = self.pattern.find("}", begin)
        numbers = self.pattern[begin:end].split(",") if end >= 0 else []
        if (
            not 1 <= len(numbers) <= 2
            or not all(n.isascii() and n.isdecimal() for n in numbers if n)
            or not numbers[0]
        ):
            self.refuse("a '{' that is no {m}, {m,} or {m,n}; the character is written \\{")
        least = int(numbers[0])
        most = least if len(numbers) == 1 else int(numbers[1]) if numbers[1] else None
        if most is not None and most < least:
            self.refuse(f"{{{least},{most}}}, which has less than it begins with")
        self.at = end + 1
        return least, most

    def atom(self) -> _Tree:
        character = self.pattern[self.at]
        if character == "(":
            return self.group()
        begin = self.at
        chosen = self.chosen(character)
        if not chosen:
            self.missing.add(f"a character of '{self.pattern[begin : self.at]}'")
        elif chosen.isdisjoint(self.alphabet):
            self.missing.update(map(repr, chosen))
        return ("characters", chosen)

    def chosen(self, character: str) -> _Characters:
        """The alphabet's members of a class; of a character itself, whether it is one or not."""
        if character == "[":
            return self.characters()
        if character == "\\":
            return self.escape()
        if character in "^$":
            self.refuse(f"an anchor {character!r}: the whole text is matched anyway")
        if character in "*+?{":
            self.refuse(f"a repeat {character!r} of nothing")
        if character in "]}":
            self.refuse(f"a {character!r} that ends nothing; the character is written \\{character}")
        self.at += 1
        return self.alphabet - {"\n"} if character == "." else frozenset(character)

    def group(self) -> _Tree:
        begin = self.at
        if self.depth == _MOST_NESTED:
            self.refuse(f"a '(' within {_MOST_NESTED} others, which is as deep as groups go")
        self.depth += 1
        self.at += 1
        if self.take("?") and not self.take(":"):
            self.refuse("a group that begins with '(?' but not '(?:'")
        tree = self.alternatives()
        if not self.take(")"):
            self.at = begin
            self.refuse("a '(' without a ')'")
        self.depth -= 1
        return tree

    def characters(self) -> _Characters:
        begin = self.at
        self.at += 1
        negated = self.take("^")
        chosen: set[str] = set()
        is_first = True
        while is_first or not self.take("]"):
            if self.at >= len(self.pattern):
                self.at = begin
                self.refuse("a '[' without a ']'")
            if is_first and self.pattern[self.at] == "]":
                self.refuse("an empty class or a ']' at its beginning, which is written \\]")
            is_first = False
            chosen |= self.range()
        return frozenset(self.alphabet - chosen if negated else chosen & self.alphabet)

    def range(self) -> set[str]:
        """One entry of a class: a character, an escape, or a-z."""
        if self.pattern[self.at] == "[":
            self.refuse("a '[' in a class, which is written \\[")
        if self.pattern[self.at] == "\\" and self.pattern[self.at + 1 : self.at + 2].lower() in _CLASSES:
            members = set(self.escape())
            if self.pattern[self.at : self.at + 1] == "-" and self.pattern[self.at + 1 : self.at + 2] != "]":
                self.refuse("a range that begins with a class, such as \\d-z")
            return members
        low = self.member()
        if self.pattern[self.at : self.at + 1] != "-" or self.pattern[self.at + 1 : self.at + 2] in ("]", ""):
            return {low}
        self.at += 1
        high = self.member()
        if high < low:
            self.refuse(f"a range {low}-{high}, which ends before it begins")
        return {c for c in self.alphabet if low <= c <= high} | {low, high}

    def member(self) -> str:
        character = self.pattern[self.at : self.at + 1]
        if character == "\\":
            return next(iter(self.escape(one=True)))
        if not character:
            self.refuse("a range that does not end")
        self.at += 1
        return character

    def escape(self, *, one: bool = False) -> _Characters:
        """What a backslash and the character after it stand for; `one`: a single character."""
        letter = self.pattern[self.at + 1 : self.at + 2]
        if letter in _ESCAPES or (letter and not letter.isalnum()):
            self.at += 2
            return frozenset(_ESCAPES.get(letter, letter))
        if one or letter.lower() not in _CLASSES or not letter:
            self.refuse(f"an escape '\\{letter}' that is not known here")
        self.at += 2
        holds = _CLASSES[letter.lower()]
        return frozenset(c for c in self.alphabet if holds(c) == letter.islower())

    def take(self, character: str) -> bool:
        found = self.pattern[self.at : self.at + 1] == character
        self.at += found
        return found

    def refuse(self, what: str) -> NoReturn:
        raise ValueError(f"pattern {self.pattern!r} has at place {self.at} {what}")
