"""Nets that read whole sequences: one answer for each sequence, or one for each step.

`SequenceClassifier` answers with classes, `SequenceRegressor` with numbers. Both are an embedding where there is one,
recurrent layers and a dense layer, put together from the public parts; nets of another form can be put together in the
same way (`net.py` shows how, in a page).
"""

from rnnfast.sequence.classifier import SequenceClassifier
from rnnfast.sequence.regressor import SequenceRegressor

__all__ = ["SequenceClassifier", "SequenceRegressor"]
