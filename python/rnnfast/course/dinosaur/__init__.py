"""The dinosaur exercise over the compiled kernels: names, arguments and results of `rnnfast.reference.dinosaur`.

`model` learns the names between two reports in one native call, so that the exercise's 35,000 iterations take
a second or two. In float64 it prints the same losses and the same names as the NumPy twin for as long as two
implementations can: to iteration 14,000 of the exercise's own data, after which the order of rounding alone leads
them apart.

What needs no network is the twin's own: `initialize_parameters`, `clip`, `update_parameters`, `smooth`,
`get_initial_loss`, `get_sample`, `print_sample`.
"""

from rnnfast.course.dinosaur.names import sample
from rnnfast.course.dinosaur.network import rnn_backward, rnn_forward, rnn_step_backward, rnn_step_forward
from rnnfast.course.dinosaur.training import model, optimize
from rnnfast.course.steps.activations import softmax
from rnnfast.reference.dinosaur.names import get_sample, print_sample
from rnnfast.reference.dinosaur.network import initialize_parameters
from rnnfast.reference.dinosaur.training import clip, get_initial_loss, smooth, update_parameters

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
