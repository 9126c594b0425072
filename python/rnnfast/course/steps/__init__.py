"""The step-by-step exercises over the compiled kernels: names, arguments and results of `rnnfast.reference.steps`.

    x [n_x, m, T_x]    a, c [n_a, m, T_x]    y [n_y, m, T_x]    a0 [n_a, m]    b [n_a, 1]

with `n_x` inputs, `n_a` hidden units, `n_y` outputs, `m` examples and `T_x` time steps. All is float64, and equal
to the NumPy twin's to 1e-12. A whole sequence is one native call, forward and backward, after which its caches are
cut; so backward needs the caches of one run. Those of the twin do too.

Weights and axes are converted at the border, in `_layout`: the engine reads [T, N, D] and one matrix for all gates.
"""

from rnnfast.course.steps.activations import sigmoid, softmax
from rnnfast.course.steps.gru import gru_backward, gru_cell_backward, gru_cell_forward, gru_forward
from rnnfast.course.steps.lstm import lstm_backward, lstm_cell_backward, lstm_cell_forward, lstm_forward
from rnnfast.course.steps.rnn import rnn_backward, rnn_cell_backward, rnn_cell_forward, rnn_forward

__all__ = [
    "gru_backward",
    "gru_cell_backward",
    "gru_cell_forward",
    "gru_forward",
    "lstm_backward",
    "lstm_cell_backward",
    "lstm_cell_forward",
    "lstm_forward",
    "rnn_backward",
    "rnn_cell_backward",
    "rnn_cell_forward",
    "rnn_forward",
    "sigmoid",
    "softmax",
]
