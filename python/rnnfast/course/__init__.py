"""The well-known exercises on recurrent networks over the compiled kernels, and a check of your own solutions.

`steps` has the RNN, LSTM and GRU step by step, `dinosaur` the network that invents names, `jazz` the one that
improvises. Names, arguments and answers are the exercises'; the functions of the first two, in readable NumPy, are
in `rnnfast.reference`.

`check` takes a function that you wrote, such as `lstm_cell_backward`, and says whether it is right; where it is
not, which variable is wrong first, by how much, and the mistake that gives this very value.
"""

from rnnfast.course import dinosaur, jazz, steps
from rnnfast.course.checking.check import check
from rnnfast.course.checking.report import Report

__all__ = ["Report", "check", "dinosaur", "jazz", "steps"]
