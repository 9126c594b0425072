"""Character models: of any text, of any list of names. Trained by the section, the best of them kept."""

from __future__ import annotations

from rnnfast.characters.names import NamesModel, name_samples
from rnnfast.characters.plot import plot_reports
from rnnfast.characters.texts import score_text, split_text, streams
from rnnfast.characters.training import Report, train

__all__ = [
    "NamesModel",
    "Report",
    "name_samples",
    "plot_reports",
    "score_text",
    "split_text",
    "streams",
    "train",
]
