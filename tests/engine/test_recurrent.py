"""The public recurrent layers: against the specification, and what no bit of their results may depend on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

import rnnfast
from rnnfast import GRU, LSTM, RNN, _core

from .bounded_stacks import assert_specified, bounded
from .cases import assert_near, assert_same_bits, one_hot
from .conftest import FMA_ISAS
from .stacks import CELLS, arrays, like, make

EVERY_CELL = pytest.mark.parametrize("cell", CELLS)
PLAIN_CELLS = pytest.mark.parametrize("cell", ["rnn-tanh", "rnn-relu", "gru-after", "gru-before", "lstm"])
LAYERS = pytest.mark.parametrize("layers", [1, 3])
DIRECTIONS = pytest.mark.parametrize("both", [False, True], ids=["one direction", "both"])
INPUTS = pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])
RESETS = np.array(
    [[0, 1, 0, 0, 1], [0, 0, 0, 1, 0], [1, 0, 0, 1, 0], [0, 0, 0, 0, 0], [1, 0, 1, 0, 1], [0] * 5], bool
)
SEQUENCES = {
    "dense": {},
    "ragged": {"lengths": [3, 6, 0, 1, 4]},
    "resets": {"lengths": [6, 6, 5, 3, 6], "reset": RESETS},
}
EVERY_SEQUENCE = pytest.mark.parametrize("sequences", SEQUENCES)
T, N = 6, 5


def assert_same_results(got, expected, names=None):
    assert list(got) == list(expected)
    for name in names or expected:
        assert_same_bits(got[name], expected[name])


def of_samples(problem):
    """The results that each sample has for itself: all but the gradients on weights."""
    return [name for name in problem.results() if "layers" not in name]


@EVERY_CELL
@LAYERS
@DIRECTIONS
@EVERY_SEQUENCE
@INPUTS
def test_it_equals_the_specification(isa, dtype, cell, layers, both, sequences, tokens):
    options = {"layers": layers, "both": both, "tokens": tokens, "gain": 0.5}
    problem = make(cell, T, N, 4, 5, dtype, **options, **SEQUENCES[sequences])
    assert_specified(problem.results(), problem)


@EVERY_CELL
@DIRECTIONS
@EVERY_SEQUENCE
def test_the_bounds_follow_the_specification(cell, both, sequences):
    problem = make(cell, T, N, 4, 5, np.float32, layers=3, both=both, **SEQUENCES[sequences])
    expected = problem.specified()
    for name, bound in bounded(problem).items():
        assert_near(bound.value, expected[name], 1e-13)


@EVERY_CELL
@pytest.mark.parametrize("H", [1, 15, 16, 17, 33])
def test_sizes_around_the_lanes(isa, dtype, cell, H):
    problem = make(cell, 3, 3, H, H, dtype, both=True, lengths=[2, 3, 1], gain=0.5)
    assert_specified(problem.results(), problem)


@EVERY_CELL
@pytest.mark.parametrize("D", [3, 257])
def test_gradients_over_more_rows_than_a_block(isa, cell, D):
    """In float64 alone: a bound for float32 over so many rows, which cancel, proves too little."""
    problem = make(cell, 4, 260, D, 4, np.float64, gain=0.5)
    assert_specified(problem.results(), problem)


def test_two_products_with_copies_of_what_they_read(isa):
    """The input and the state have 256 columns or more, whose transposed copies lie behind each other."""
    problem = make("rnn-tanh", 4, 260, 272, 256, np.float64, gain=0.5)
    assert_specified(problem.results(), problem)


def cell_alone(cell, weights, x, before, dh_out, after):
    """One layer in one direction by the kernels' own call: outputs and dx."""
    if cell == "lstm":
        h, *rest = _core.lstm_forward(x, *weights, *before)
        back = _core.lstm_backward(dh_out, x, h, *rest, *weights, *after)
    elif cell.startswith("gru"):
        weights = weights if len(weights) == 4 else [*weights, None]
        h, *rest = _core.gru_forward(x, *weights, *before)
        back = _core.gru_backward(dh_out, x, h, *rest, *weights, *after)
    else:
        name = cell.removeprefix("rnn-")
        h = _core.rnn_forward(x, *weights, *before, name)
        back = _core.rnn_backward(dh_out, x, h, *weights, *after, name)
    return h[1:], back["dx"]


@PLAIN_CELLS
@DIRECTIONS
def test_a_layer_is_its_cells_bit_for_bit(isa, dtype, cell, both):
    """So each cell's derived bounds hold for layers."""
    problem = make(cell, 4, 3, 5, 9, dtype, both=both)
    got = problem.results()
    dx = 0
    for d, way in enumerate([1, -1][: 1 + both]):
        weights = [v for k, v in problem.layer.parameters.items() if ("reverse" in k) == bool(d)]
        columns = slice(9 * d, 9 * d + 9)
        x, dy = (np.ascontiguousarray(a[::way]) for a in (problem.x, problem.dy[..., columns]))
        before, after = ([a[d] for a in arrays(s)] for s in (problem.state, problem.dstate))
        h, own_dx = cell_alone(cell, weights, x, before, dy, after)
        assert_same_bits(got["y"][..., columns], h[::way])
        dx = dx + own_dx[::way]
    assert_same_bits(got["dx"], dx)


@EVERY_CELL
@DIRECTIONS
@EVERY_SEQUENCE
def test_bits_are_equal_across_instruction_sets(run_on, dtype, cell, both, sequences):
    problem = make(cell, T, N, 4, 17, dtype, layers=2, both=both, **SEQUENCES[sequences])
    first, *others = (run_on(isa, problem.results) for isa in FMA_ISAS)
    for other in others:
        assert_same_results(other, first)


@EVERY_CELL
@pytest.mark.parametrize("ragged", [False, True], ids=["dense", "ragged"])
@INPUTS
def test_no_bit_depends_on_the_threads(isa, dtype, cell, ragged, tokens):
    lengths = [n % 5 for n in range(19)] if ragged else None
    problem = make(cell, 4, 19, 6, 33, dtype, layers=2, both=True, tokens=tokens, lengths=lengths)
    alone = problem.results()
    for num_threads in (2, 3):
        assert_same_results(problem.results(num_threads), alone)


@EVERY_CELL
@EVERY_SEQUENCE
def test_a_sample_does_not_depend_on_its_batch(isa, dtype, cell, sequences):
    problem = make(cell, T, N, 4, 9, dtype, layers=2, both=True, **SEQUENCES[sequences])
    whole, names = problem.results(), of_samples(problem)
    for n in (slice(0, 1), slice(3, 4), slice(1, 4)):
        own = problem.part(n=n).results()
        for name in names:
            assert_same_bits(own[name], whole[name][:, n])


@EVERY_CELL
@INPUTS
@pytest.mark.parametrize("cut", [1, 4])
def test_time_may_be_cut_anywhere(isa, dtype, cell, tokens, cut):
    problem = make(cell, T, N, 4, 17, dtype, layers=2, tokens=tokens, gain=0.3)
    whole = problem.results()
    early, late = problem.part(t=slice(cut)), problem.part(t=slice(cut, None))
    late.state = early.forward()[1]
    after = late.results()
    early.dstate = (after["dh"], after["dc"]) if "dc" in after else after["dh"]
    before = early.results()
    for name in ("y",) if tokens else ("y", "dx"):
        assert_same_bits(np.concatenate([before[name], after[name]]), whole[name])
    for name in [n for n in ("h", "c") if n in whole]:
        assert_same_bits(after[name], whole[name])
        assert_same_bits(before["d" + name], whole["d" + name])
    sums = {name: before[name] + after[name] for name in problem.layer.parameters}
    assert_specified(whole | sums, problem)  # a sum in another order, for which the bounds hold too


@EVERY_CELL
@INPUTS
@LAYERS
def test_steps_one_by_one_are_forward(isa, dtype, cell, tokens, layers):
    problem = make(cell, T, N, 4, 9, dtype, layers=layers, tokens=tokens)
    y, last, _ = problem.forward()
    state, kept = problem.state, [a.copy() for a in arrays(problem.state)]
    for t in range(T):
        y_t, state = problem.layer.step(problem.x[t], state)
        assert_same_bits(y_t, y[t])
    for have, want in zip(arrays(state), arrays(last), strict=True):
        assert_same_bits(have, want)
    for have, want in zip(arrays(problem.state), kept, strict=True):
        assert_same_bits(have, want)


@EVERY_CELL
@DIRECTIONS
@LAYERS
def test_a_reset_is_a_new_sequence_bit_for_bit(isa, dtype, cell, both, layers):
    problem = make(cell, T, 1, 4, 9, dtype, layers=layers, both=both, reset=RESETS[:, :1], gain=0.5)
    whole, cuts = problem.results(), [0, 2, 4, T]
    is_onward = np.resize([True, False], len(arrays(problem.state)[0])) if both else np.ones(layers, bool)
    is_onward = is_onward[:, np.newaxis, np.newaxis]

    def only(state, onward, reverse):
        """The given state where a direction begins with the piece, or ends; else zeros."""
        return like(state, lambda a: np.where(np.where(is_onward, onward, reverse), a, 0).astype(dtype))

    pieces = []
    for begin, end in pairwise(cuts):
        own = problem.part(t=slice(begin, end), reset=None)
        own.state = only(problem.state, begin == 0, end == T)
        own.dstate = only(problem.dstate, end == T, begin == 0)
        pieces.append(own.results())
    for name in ("y", "dx"):
        assert_same_bits(np.concatenate([piece[name] for piece in pieces]), whole[name])
    for name in [n for n in ("h", "c") if n in whole]:
        assert_same_bits(np.where(is_onward, pieces[-1][name], pieces[0][name]), whole[name])
        assert_same_bits(
            np.where(is_onward, pieces[0]["d" + name], pieces[-1]["d" + name]), whole["d" + name]
        )
    sums = {name: sum(piece[name] for piece in pieces) for name in problem.layer.parameters}
    assert_specified(whole | sums, problem)  # in another order, for which the bounds hold too


@EVERY_CELL
def test_a_reset_before_the_first_step_leaves_the_reverse_direction_in_zeros(dtype, cell):
    """As if an empty sequence came first. Many samples: fresh memory may hold zeros by chance."""
    reset = np.zeros((3, 64), bool)
    reset[0] = True
    problem = make(cell, 3, 64, 4, 33, dtype, both=True, reset=reset)
    for _ in range(3):
        _, state, _ = problem.forward()
        for a in arrays(state):
            assert not a[1].any()
            assert a[0].any()
    got = problem.results()
    assert not got["dh"][0].any()
    other = make(cell, 3, 64, 4, 33, dtype, both=True, reset=reset)
    other.state = like(other.state, lambda a: np.stack([a[0] + 1, a[1]]))
    assert_same_results(other.results(), got)


@EVERY_CELL
@DIRECTIONS
@INPUTS
def test_what_the_padding_holds_changes_nothing(isa, dtype, cell, both, tokens):
    problem = make(cell, T, N, 4, 9, dtype, layers=2, both=both, tokens=tokens, **SEQUENCES["ragged"])
    expected = problem.results()
    padding = np.arange(T)[:, np.newaxis] >= problem.lengths
    problem.x[padding] = 3 if tokens else np.nan
    problem.dy[padding] = np.nan
    problem.reset = padding  # a restart there is none
    got = problem.results()
    assert_same_results(got, expected)
    assert not got["y"][padding].any()
    if not tokens:
        assert not got["dx"][padding].any()
    empty = problem.lengths.index(0)
    for name, a in zip("hc", arrays(problem.state), strict=False):
        assert_same_bits(got[name][:, empty], a[:, empty])
        assert_same_bits(got["d" + name][:, empty], arrays(problem.dstate)["hc".index(name)][:, empty])


@EVERY_CELL
@DIRECTIONS
def test_lengths_of_all_steps_are_a_dense_batch(dtype, cell, both):
    problem = make(cell, 4, 3, 5, 9, dtype, layers=2, both=both)
    expected = problem.results()
    problem.lengths, problem.reset = [4, 4, 4], np.zeros((4, 3), bool)
    assert_same_results(problem.results(), expected)


@EVERY_CELL
@DIRECTIONS
@pytest.mark.parametrize(("steps", "samples"), [(0, 3), (2, 0), (0, 0), (3, 2)])
def test_nothing_to_do(isa, dtype, cell, both, steps, samples):
    problem = make(cell, steps, samples, 4, 5, dtype, layers=2, both=both, lengths=[0] * samples)
    got = problem.results()
    assert got["y"].shape == (steps, samples, problem.layer.output_size)
    assert got["dx"].shape == (steps, samples, 4)
    for name, a, da in zip("hc", arrays(problem.state), arrays(problem.dstate), strict=False):
        assert_same_bits(got[name], a)
        assert_same_bits(got["d" + name], da)
    for name in ("y", "dx", *problem.layer.parameters):
        assert not got[name].any()


@EVERY_CELL
def test_a_token_is_its_one_hot_vector_bit_for_bit(isa, dtype, cell):
    problem = make(cell, T, N, 4, 9, dtype, layers=2, both=True, tokens=True, **SEQUENCES["resets"])
    assert (problem.x == -1).any()
    by_token = problem.results()
    problem.x = one_hot(problem.x, 4, dtype)
    by_vector = problem.results()
    assert_same_results({"dx": by_vector["dx"], **by_token}, by_vector)


@EVERY_CELL
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_sample_and_its_piece(isa, dtype, cell, bad):
    problem = make(cell, T, N, 4, 9, dtype, layers=2, both=True, **SEQUENCES["resets"])
    fine, names = problem.results(), of_samples(problem)
    problem.x[2, 0, 0] = bad  # sample 0 restarts before steps 2 and 4
    got = problem.results()
    for name in names:
        assert_same_bits(got[name][:, 1:], fine[name][:, 1:])
    for name in ("y", "dx"):
        assert_same_bits(got[name][[0, 1, 4, 5], 0], fine[name][[0, 1, 4, 5], 0])
    if np.isnan(bad):
        assert np.isnan(got["y"][2:4, 0]).all()


@EVERY_CELL
def test_huge_numbers_saturate(isa, dtype, cell):
    problem = make(cell, T, N, 4, 9, dtype, layers=2, both=True, **SEQUENCES["ragged"])
    problem.x *= dtype(np.finfo(dtype).max ** 0.5)
    got = problem.results()
    for name in ("y", "h"):
        assert np.isfinite(got[name]).all()
    if cell not in ("rnn-relu", "lstm-projection"):
        assert np.abs(got["y"]).max() <= max(1, np.abs(arrays(problem.state)[0]).max())
        assert all(np.isfinite(v).all() for v in got.values())


@EVERY_CELL
def test_subnormal_numbers_are_zero(isa, dtype, cell):
    problem = make(cell, T, N, 4, 9, dtype, layers=2, both=True, **SEQUENCES["resets"])
    y = []
    for value in (np.finfo(dtype).smallest_subnormal, 0):
        problem.x[:] = value
        problem.state = like(problem.state, lambda a, value=value: np.full_like(a, value))
        y.append(problem.forward()[0])
    assert_same_bits(*y)


@EVERY_CELL
@DIRECTIONS
@EVERY_SEQUENCE
def test_batch_first_swaps_the_axes_and_nothing_else(dtype, cell, both, sequences):
    problem = make(cell, T, N, 4, 5, dtype, both=both, **SEQUENCES[sequences])
    expected = problem.results()
    other = make(cell, T, N, 4, 5, dtype, both=both, batch_first=True, **SEQUENCES[sequences])
    other.x, other.dy = problem.x.swapaxes(0, 1), problem.dy.swapaxes(0, 1)
    other.reset = None if problem.reset is None else problem.reset.T
    got = other.results()
    for name in ("y", "dx"):
        got[name] = got[name].swapaxes(0, 1)
    assert_same_results(got, expected)


@EVERY_CELL
def test_a_call_of_the_layer_is_its_forward(dtype, cell):
    problem = make(cell, T, N, 4, 9, dtype, layers=2, both=True, **SEQUENCES["resets"])
    y, state, _ = problem.forward()
    got, after = problem.layer(problem.x, problem.state, lengths=problem.lengths, reset=problem.reset)
    for have, want in zip((got, *arrays(after)), (y, *arrays(state)), strict=True):
        assert_same_bits(have, want)
    no_state = problem.layer(problem.x)
    zeros = problem.layer(problem.x, problem.layer.initial_state(N))
    assert_same_bits(no_state[0], zeros[0])


@INPUTS
@EVERY_SEQUENCE
def test_the_workspace_keeps_its_own_copy_of_x(dtype, sequences, tokens):
    problem = make("lstm", T, N, 4, 9, dtype, tokens=tokens, **SEQUENCES[sequences])
    expected = problem.results()
    _, _, workspace = problem.forward()
    problem.x[:] = 0
    gradients = problem.layer.backward(problem.dy, problem.dstate, workspace)
    for name, value in gradients.parameters.items():
        assert_same_bits(value, expected[name])


@EVERY_CELL
@EVERY_SEQUENCE
def test_the_memory_of_an_earlier_run_leaves_no_trace(isa, dtype, cell, sequences):
    """A run works where the one before it worked, whatever that was and left."""
    options = {"layers": 2, "both": True, "dropout": 0.3, "input_dropout": 0.2} | SEQUENCES[sequences]
    problem = make(cell, T, N, 4, 9, dtype, **options)
    problem.training_step = 3
    expected = problem.results()
    for steps, samples in ((9, 7), (2, 1), (T, N)):
        spoiled = make(cell, steps, samples, 4, 9, dtype, layers=2, both=True)
        spoiled.layer, spoiled.x = problem.layer, spoiled.x * np.nan
        spoiled.training_step = 5
        spoiled.results()
        assert_same_results(problem.results(), expected)


@EVERY_CELL
def test_runs_that_live_at_the_same_time_share_nothing(dtype, cell):
    problem = make(cell, T, N, 4, 9, dtype, layers=2, both=True, **SEQUENCES["ragged"])
    expected = problem.results()
    runs = [problem.forward() for _ in range(3)]
    problem.part(n=slice(2)).forward()
    for y, _, workspace in reversed(runs):
        gradients = problem.layer.backward(problem.dy, problem.dstate, workspace)
        assert_same_bits(y, expected["y"])
        assert_same_bits(gradients.dx, expected["dx"])
        for name, gradient in gradients.parameters.items():
            assert_same_bits(gradient, expected[name])


@EVERY_CELL
def test_threads_share_a_layer_but_no_memory(dtype, cell):
    problem = make(cell, T, N, 4, 33, dtype, layers=2, both=True, **SEQUENCES["resets"])
    parts = [problem.part(n=slice(first, last)) for first in range(N) for last in range(first + 1, N + 1)]
    expected = [part.results() for part in parts]
    with ThreadPoolExecutor(4) as threads:
        for got, want in zip(threads.map(lambda part: part.results(), 4 * parts), 4 * expected, strict=True):
            assert_same_results(got, want)


def test_set_parameters_and_what_it_shows(dtype):
    layer = LSTM(3, 4, 2, dtype=dtype)
    view = layer.parameters["layers.1.W"]
    new = np.full(view.shape, 0.5)
    before = layer(np.ones((2, 1, 3)))[0]
    layer.set_parameters({"layers.1.W": new})
    assert (view == 0.5).all()
    assert not view.flags.writeable
    assert (layer(np.ones((2, 1, 3)))[0] != before).any()
    with pytest.raises(ValueError, match=r"layers\.0\.b has shape \(3,\), expected \(16,\)"):
        layer.set_parameters({"layers.1.W": 2 * new, "layers.0.b": np.zeros(3)})
    assert (view == 0.5).all()


def test_initial_weights_are_the_models(dtype):
    """Both draw parameter k from stream k."""
    layer = LSTM(7, 5, 2, dtype=dtype, seed=3)
    model = rnnfast.LanguageModel(7, 5, num_layers=2, dtype=dtype, seed=3)
    for name, value in layer.parameters.items():
        assert_same_bits(value, model.parameters[name])
    assert (LSTM(7, 5, seed=4).parameters["layers.0.W"] != LSTM(7, 5, seed=3).parameters["layers.0.W"]).any()


def dropping(cell="lstm", dtype=np.float64, **options):
    rates = {"dropout": 0.4, "input_dropout": 0.25}
    return make(cell, T, N, 4, 9, dtype, layers=2, **rates | options)


@EVERY_CELL
@DIRECTIONS
@EVERY_SEQUENCE
def test_dropout_equals_the_specification(isa, dtype, cell, both, sequences):
    """Forward and backward draw the masks that the specification draws."""
    problem = dropping(cell, dtype, both=both, seed=7, gain=0.5, **SEQUENCES[sequences])
    problem.training_step = 2**40 + 3
    assert_specified(problem.results(), problem)


@EVERY_CELL
def test_dropout_is_decided_by_seed_and_step_alone(run_on, dtype, cell):
    def results(seed, step, isa="scalar_fma", num_threads=1):
        problem = make(
            cell, T, 19, 4, 9, dtype, layers=2, both=True, dropout=0.4, input_dropout=0.25, seed=seed
        )
        problem.training_step = step
        return run_on(isa, lambda: problem.results(num_threads))

    first = results(1, 5)
    for isa in FMA_ISAS:
        assert_same_results(results(1, 5, isa), first)
    assert_same_results(results(1, 5, num_threads=2), first)
    for other in (results(1, 6), results(2, 5)):
        assert (other["y"] != first["y"]).any()


def test_padding_and_restarts_move_no_mask(dtype):
    """A place keeps its mask whatever is packed around it."""
    lengths = [6, 4, 6, 2, 6]
    problems = [dropping("rnn-tanh", dtype), dropping("rnn-tanh", dtype, lengths=lengths)]
    for problem in problems:
        problem.training_step = 3
    dense, ragged = (problem.results()["y"] for problem in problems)
    for n, length in enumerate(lengths):
        assert_same_bits(ragged[:length, n], dense[:length, n])


def test_dropout_is_off_in_evaluation(dtype):
    problem = dropping(dtype=dtype)
    y, _ = problem.layer(problem.x, problem.state)
    plain = make("lstm", T, N, 4, 9, dtype, layers=2)
    assert_same_bits(y, plain.forward()[0])
    state = problem.state
    for t in range(T):
        y_t, state = problem.layer.step(problem.x[t], state)
        assert_same_bits(y_t, y[t])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_as_many_inputs_are_dropped_as_the_rate_says(dtype, rate):
    """Seen through a layer that hands its input on."""
    layer = RNN(1, 1, nonlinearity="relu", input_dropout=rate, dtype=dtype)
    layer.set_parameters({"layers.0.W": [[1.0]], "layers.0.R": [[0.0]]})
    y, _, _ = layer.forward(np.ones((200, 100, 1)), training_step=1)
    kept = y[y > 0]
    assert (kept == dtype(1 / (1 - rate))).all()
    assert abs(1 - kept.size / y.size - rate) < 4 * (rate * (1 - rate) / y.size) ** 0.5


class TestMisuse:
    """Errors leave everything as it was."""

    def problem(self, **options):
        return make("lstm", 3, 2, 4, 5, np.float32, **options)

    def test_a_workspace_is_for_one_backward(self):
        p = self.problem()
        _, _, workspace = p.forward()
        with pytest.raises(ValueError, match=r"dy has shape \(3, 2, 4\), expected \(3, 2, 5\) as y"):
            p.layer.backward(p.dy[..., 1:], None, workspace)
        with pytest.raises(ValueError, match="num_threads is 0"):
            p.layer.backward(p.dy, None, workspace, num_threads=0)
        p.layer.backward(p.dy, None, workspace)
        with pytest.raises(RuntimeError, match="the workspace has been used already"):
            p.layer.backward(p.dy, None, workspace)

    def test_parameters_must_not_change_in_between(self):
        p = self.problem()
        _, _, workspace = p.forward()
        p.layer.set_parameters({"layers.0.b": np.zeros(20)})
        with pytest.raises(RuntimeError, match="the parameters have changed since forward"):
            p.layer.backward(p.dy, None, workspace)

    def test_a_workspace_belongs_to_its_layer(self):
        p, other = self.problem(), make("lstm", 3, 2, 4, 5, np.float32, layers=2)
        for layer in (other.layer, self.problem().layer):
            with pytest.raises(ValueError, match="workspace is of another layer"):
                layer.backward(p.dy, None, p.forward()[2])
        with pytest.raises(TypeError, match="workspace is a tuple, expected what forward returned"):
            p.layer.backward(p.dy, None, p.forward())

    def test_the_reverse_direction_takes_no_single_steps(self):
        with pytest.raises(ValueError, match="step: the layer is bidirectional"):
            self.problem(both=True).layer.step(np.zeros((2, 4)))

    def test_a_layer_with_dropout_counts_its_training_steps(self):
        p = self.problem(dropout=0.5, layers=2)
        numbered = [p.layer.forward(p.x, training_step=step)[0] for step in (0, 1, 7, 8)]
        q = self.problem(dropout=0.5, layers=2)
        q.layer(q.x)  # no training step
        counted = [q.layer.forward(q.x)[0] for _ in range(2)]
        with pytest.raises(ValueError, match="x has shape"):
            q.layer.forward(q.x[..., :1])  # nor this one
        counted += [q.layer.forward(q.x, training_step=7)[0], q.layer.forward(q.x)[0]]
        assert all(map(np.array_equal, counted, numbered))
        assert not np.array_equal(counted[0], counted[1])

    def test_training_steps_begin_anew_behind_the_last(self):
        p = self.problem(dropout=0.5, layers=2)
        p.layer.forward(p.x, training_step=2**64 - 1)
        assert np.array_equal(p.layer.forward(p.x)[0], p.layer.forward(p.x, training_step=0)[0])

    def test_tokens_are_not_dropped(self):
        p = self.problem(input_dropout=0.5, tokens=True)
        with pytest.raises(ValueError, match="x holds tokens, expected numbers: the layer has input_dropout"):
            p.forward(training_step=0)
        assert p.layer(p.x)[0].any()

    @pytest.mark.parametrize(
        ("changed", "error", "message"),
        [
            ({"x": np.zeros((3, 2, 3))}, ValueError, r"x has shape \(3, 2, 3\), expected 4 = input_size"),
            ({"x": np.zeros((3, 2))}, ValueError, r"x has shape \(3, 2\), expected 3 dimensions"),
            ({"x": [[4, 0]]}, ValueError, "x has tokens from 0 to 4, expected -1 to 3"),
            ({"x": [[-2, 0]]}, ValueError, "x has tokens from -2 to 0, expected -1 to 3"),
            ({"x": np.zeros((3, 2, 4), complex)}, TypeError, "x has dtype complex128, expected real numbers"),
            ({"x": [[[0.0]], []]}, ValueError, "x is ragged"),
            ({"state": np.zeros((1, 2, 5))}, TypeError, r"state is a ndarray, expected a pair \(h, c\)"),
            (
                {"state": (np.zeros((1, 2, 5)), np.zeros((2, 2, 5)))},
                ValueError,
                r"state\[1\] = c has shape \(2, 2, 5\), expected \(1, 2, 5\) = \(num_layers \* directions, N, ",
            ),
            ({"lengths": [3]}, ValueError, r"lengths has shape \(1,\), expected \(2,\)"),
            ({"lengths": [3, 4]}, ValueError, "lengths has 3 to 4, expected 0 to 3 = T"),
            ({"lengths": [-1, 3]}, ValueError, "lengths has -1 to 3, expected 0 to 3 = T"),
            ({"lengths": [1.0, 2.0]}, TypeError, "lengths has dtype float64, expected integers"),
            ({"reset": np.zeros((2, 3), bool)}, ValueError, r"reset has shape \(2, 3\), expected \(3, 2\)"),
            ({"reset": np.zeros((3, 2), int)}, TypeError, "reset has dtype int64, expected bool"),
            ({"training_step": -1}, ValueError, r"training_step is -1, expected 0 to 2\^64 - 1"),
            ({"num_threads": 1025}, ValueError, "num_threads is 1025, expected 1 to 1024"),
        ],
    )
    def test_bad_arguments_are_refused(self, changed, error, message):
        p = self.problem()
        with pytest.raises(error, match=message):
            p.layer.forward(**{"x": p.x, "state": p.state} | changed)

    @pytest.mark.parametrize(
        ("make_one", "error", "message"),
        [
            (lambda: LSTM(0, 4), ValueError, "input_size is 0, expected at least 1"),
            (lambda: LSTM(3, 0), ValueError, "hidden_size is 0, expected at least 1"),
            (lambda: LSTM(3, 4, 0), ValueError, "num_layers is 0, expected at least 1"),
            (lambda: LSTM(3, 2**31 - 1), ValueError, "hidden_size is 2147483647, expected at most 16777216"),
            (lambda: LSTM(3, 4, 2**31 - 1), ValueError, "num_layers is 2147483647, expected at most 65536"),
            (lambda: LSTM(2**31 - 1, 2**24), MemoryError, "bad_alloc"),
            (lambda: LSTM(3, 4.0), TypeError, "hidden_size is 4.0, expected an integer"),
            (lambda: LSTM(3, 4, dropout=1.0), ValueError, "dropout is 1, expected at least 0, below 1"),
            (
                lambda: LSTM(3, 4, input_dropout=-0.5),
                ValueError,
                "input_dropout is -0.5, expected at least 0",
            ),
            (lambda: LSTM(3, 4, dropout=float("nan")), ValueError, "dropout is -?nan, expected at least 0"),
            (
                lambda: LSTM(3, 4, dtype="float16"),
                ValueError,
                "dtype is float16, expected float32 or float64",
            ),
            (lambda: LSTM(3, 4, seed=-1), ValueError, "seed is -1, expected 0 to"),
            (
                lambda: RNN(3, 4, nonlinearity="selu"),
                ValueError,
                "nonlinearity is 'selu', expected 'tanh' or",
            ),
        ],
    )
    def test_bad_settings_are_refused(self, make_one, error, message):
        with pytest.raises(error, match=message):
            make_one()

    def test_a_state_of_a_cell_without_c_is_one_array(self):
        p = make("gru-after", 3, 2, 4, 5, np.float32)
        with pytest.raises(ValueError, match=r"state has shape \(2, 1, 2, 5\), expected 3 dimensions"):
            p.layer(p.x, (p.state, p.state))


def test_repr_and_sizes():
    layer = GRU(3, 4, 2, bidirectional=True, dtype="float64")
    assert repr(layer).startswith("GRU(input_size=3, hidden_size=4, num_layers=2, bidirectional=True")
    assert (layer.output_size, layer.dtype) == (8, np.float64)
    assert layer.num_parameters == sum(p.size for p in layer.parameters.values())
    assert layer.initial_state(3).shape == (4, 3, 4)
    with pytest.raises(ValueError, match="N is -1"):
        layer.initial_state(-1)
