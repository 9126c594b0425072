"""The dinosaur exercise: a basic RNN that reads names letter by letter, and then invents some.

The functions have the names, arguments and returned values that the well-known exercise gives them. A name is
a list of indices of characters; the vocabulary is the sorted characters of the data, so that the newline,
which ends a name, is 0. Parameters are a dictionary: Wax [n_a, n_x], Waa [n_a, n_a], Wya [n_y, n_a], b [n_a,
1], by [n_y, 1], with n_x = n_y characters; states are columns [n_a, 1].

The exercise seeds NumPy's global generator before each draw. Here the same numbers are drawn from a generator
of the call's own: equal answers, and the caller's global generator is left as it was.
"""

from rnnfast.reference.dinosaur.names import get_sample, print_sample, sample
from rnnfast.reference.dinosaur.network import (
    initialize_parameters,
    rnn_backward,
    rnn_forward,
    rnn_step_backward,
    rnn_step_forward,
)
from rnnfast.reference.dinosaur.training import (
    clip,
    get_initial_loss,
    model,
    optimize,
    smooth,
    update_parameters,
)
from rnnfast.reference.steps.activations import softmax

__all__ = [
    "clip",
    "get_initial_loss",
    "get_sample",
    "initialize_parameters",
    "model",
    "optimize",
    "print_sample",
    "rnn_backward",
    "rnn_forward",
    "rnn_step_backward",
    "rnn_step_forward",
    "sample",
    "smooth",
    "softmax",
    "update_parameters",
]
