"""The well-known exercises on recurrent networks, and a check of your own solutions.

`check` takes a function that you wrote, such as `lstm_cell_backward`, and says whether it is right; where it is
not, which variable is wrong first, by how much, and the mistake that gives this very value. The functions
themselves are in `rnnfast.reference.steps` and `rnnfast.reference.dinosaur`, in readable NumPy.
"""

from rnnfast.course.checking.check import check
from rnnfast.course.checking.report import Report

__all__ = ["Report", "check"]
