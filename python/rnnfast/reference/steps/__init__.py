"""The step-by-step exercises on recurrent networks: a basic RNN, an LSTM and a GRU, cell by cell.

The functions have the names, arguments, returned values and shapes that the well-known exercises give them:

    x [n_x, m, T_x]    a, c [n_a, m, T_x]    y [n_y, m, T_x]    a0 [n_a, m]    b [n_a, 1]

with `n_x` inputs, `n_a` hidden units, `n_y` outputs, `m` examples and `T_x` time steps. Parameters and
gradients are dictionaries; what forward leaves for backward is a tuple, `cache` for one step and `caches` =
([one cache a step], x) for all of them, whose fields have names too: `cache[4]` of an LSTM is `cache.ft`.

A bias gradient is summed over the batch, and nothing is divided by m. Backward through time goes over as many
steps as `da` has, which may be fewer than x has. No argument is changed, and each result is a new array.

`rnnfast.reference.lstm` computes the same LSTM in the engine's own layout.
"""

from rnnfast.reference.steps.activations import sigmoid, softmax
from rnnfast.reference.steps.gru import gru_backward, gru_cell_backward, gru_cell_forward, gru_forward
from rnnfast.reference.steps.lstm import lstm_backward, lstm_cell_backward, lstm_cell_forward, lstm_forward
from rnnfast.reference.steps.rnn import rnn_backward, rnn_cell_backward, rnn_cell_forward, rnn_forward

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
