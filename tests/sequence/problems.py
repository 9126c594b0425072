"""Real problems of each kind, small enough to learn in a second, and what a simple rule makes of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def letters(word: str) -> Array:
    return np.array([ord(letter) - ord("a") for letter in word])


def dinosaurs_and_surnames(folder: Path) -> tuple[list[str], Array]:
    """As many names of either kind, mixed; 1 is a dinosaur."""
    dinosaurs, surnames = (
        [word.lower() for word in (folder / name).read_text().split() if word.isascii() and word.isalpha()]
        for name in ("dinos.txt", "last_names.txt")
    )
    r = np.random.default_rng(0)
    chosen = r.choice(20_000, len(dinosaurs), replace=False)
    words = dinosaurs + [surnames[i] for i in chosen]
    order = r.permutation(len(words))
    return [words[i] for i in order], (order < len(dinosaurs)).astype(int)


def accuracy_by_ending(words: list[str], y: Array, train: int, size: int) -> float:
    """Of the rule: the kind that most words with the same last letters had."""
    seen: dict[str, Counter[int]] = defaultdict(Counter)
    for word, kind in zip(words[:train], y[:train], strict=True):
        seen[word[-size:]][int(kind)] += 1
    guesses = [
        seen[word[-size:]].most_common(1)[0][0] if word[-size:] in seen else 1 for word in words[train:]
    ]
    return float(np.mean(np.array(guesses) == y[train:]))


def text_without_spaces(folder: Path, size: int = 60_000) -> tuple[Array, Array]:
    """Letters (N, 40) of a play, and (N, 40) whether a word ends with each."""
    text = (folder / "tinyshakespeare.txt").read_text()[:size].lower()
    words = "".join(c if c.isascii() and c.isalpha() else " " for c in text).split()
    ends = np.concatenate([np.arange(1, len(word) + 1) == len(word) for word in words]).astype(int)
    rows = len(ends) // 40
    return letters("".join(words))[: rows * 40].reshape(rows, 40), ends[: rows * 40].reshape(rows, 40)


def accuracy_by_pairs(X: Array, y: Array, train: int) -> float:
    """Of the rule: whether a word mostly ended between the same two letters."""
    counts = np.zeros((26, 26, 2))
    np.add.at(counts, (X[:train, :-1], X[:train, 1:], y[:train, :-1]), 1)
    return float((counts.argmax(axis=-1)[X[train:, :-1], X[train:, 1:]] == y[train:, :-1]).mean())


def mackey_glass(count: int, per_second: int = 10) -> Array:
    """A chaotic series (Mackey & Glass 1977, delay 17), by Euler's method, one value a second."""
    delay = 17 * per_second
    x = np.full(delay + (count + 500) * per_second, 1.2)
    for i in range(delay, len(x) - 1):
        late = x[i - delay]
        x[i + 1] = x[i] + (0.2 * late / (1 + late**10) - 0.1 * x[i]) / per_second
    return x[::per_second][-count:] - 0.9


def adding(count: int, T: int, seed: int) -> tuple[Array, Array]:
    """Numbers and marks (N, T, 2), and the sum of the two numbers that are marked (Hochreiter & Schmidhuber 1997)."""
    r = np.random.default_rng(seed)
    numbers, marks = r.random((count, T)), np.zeros((count, T))
    for row in marks:
        row[r.choice(T, 2, replace=False)] = 1
    return np.stack([numbers, marks], axis=-1), (numbers * marks).sum(axis=1, keepdims=True) - 1
