"""The benchmarks' peers compute what rnnfast computes, and the harness keeps its promises. No time is judged here."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import (
    constraints,
    dinosaur_training,
    generation,
    harness,
    jazz_training,
    learning,
    limits,
    native,
    plot,
    products,
    run,
    sampling,
    scaling,
    sequence_forward,
    sessions,
    startup,
    step_by_step,
    streaming,
    table,
    training,
    vanishing_gradient,
)
from benchmarks.environment import environment
from benchmarks.peers import NO_PEER, PEERS, Reading, Training, load

import rnnfast
from rnnfast import LanguageModel, Sampler

EVERY_PEER = [pytest.param(name, marks=() if name == "numpy" else pytest.mark.peers) for name in PEERS]
TASKS = [Training(7, 5, layers, samples=5, steps=4, batch=3, epochs=6) for layers in (1, 2)]


@pytest.fixture(params=EVERY_PEER)
def peer(request):
    return load(request.param)


def test_draws_the_same_tokens(peer):
    if not hasattr(peer, "generators"):
        return  # no such work
    model = LanguageModel(generation.V, generation.H, seed=3)
    ways = peer.generators(dict(model.parameters), 20, 30, generation.PLAIN)
    for generate in ways.values():
        generation.verify(model, generate, 20, 30)
    other = LanguageModel(generation.V, generation.H, seed=4)
    with pytest.raises(AssertionError, match="nothing to time"):
        generation.verify(other, generate, 20, 30)


@pytest.mark.parametrize("name", sampling.SAMPLERS)
def test_filters_alike(peer, name):
    if not hasattr(peer, "generators"):
        return
    model, sampler = sampling.model(), sampling.SAMPLERS[name]
    generate = next(iter(peer.generators(dict(model.parameters), 20, 30, sampler).values()))
    generation.verify(model, generate, 20, 30, sampler=sampler)
    with pytest.raises(AssertionError, match="nothing to time"):
        generation.verify(model, generate, 20, 30, sampler=generation.PLAIN)


@pytest.mark.parametrize("name", sampling.SAMPLERS | sampling.ALONE)
def test_every_sampler_that_is_timed_changes_what_is_drawn(name):
    model = sampling.model()
    sampling.verify(model, (sampling.SAMPLERS | sampling.ALONE)[name])
    for idle in (generation.PLAIN, Sampler(temperature=0.9, min_p=1e-9)):
        with pytest.raises(AssertionError, match="nothing to time"):
            sampling.verify(model, idle)


def test_constrained_tokens_are_proved_before_they_are_timed():
    everything, half, regex, bars = constraints.tasks(90)
    for task in (everything, half, regex, bars):
        constraints.verify(task, 3, task.length or 50)
    with pytest.raises(AssertionError, match="Arrays are not equal"):
        constraints.verify(replace(everything, constraint=half.constraint), 3, 50)
    with pytest.raises(AssertionError, match="does not match"):
        constraints.verify(replace(regex, constraint=half.constraint), 3, 50)
    with pytest.raises(AssertionError, match="a bar is not full"):
        constraints.verify(replace(bars, constraint=everything.constraint), 3, 600)


@pytest.mark.parametrize("streams", [1, 3])
def test_streamed_tokens_are_proved_before_they_are_timed(streams):
    model = LanguageModel(7, 5)
    streaming.verify(model, streams, 20)
    other = SimpleNamespace(generate=model.generate, stream=LanguageModel(7, 5, seed=1).stream)
    with pytest.raises(AssertionError, match="Arrays are not equal"):
        streaming.verify(other, streams, 20)
    last = model.generate(20, num_streams=streams, sampler=generation.PLAIN)[:, -1]
    for run_once in streaming.ways(model, streams, 20).values():
        np.testing.assert_array_equal(np.ravel(run_once()), last)


def test_what_a_stream_takes_is_said_in_microseconds():
    measure = streaming.first_token(LanguageModel(7, 5), rnnfast.active_isa())
    assert 0 < measure.low <= measure.value <= measure.high
    assert measure.goal == "<= 50 us"
    measure = streaming.more("name", "isa", lambda: None, lambda: None, 1)
    assert measure.low <= measure.value <= measure.high
    assert measure.goal == "<= 2 us/item"


def test_visitors_of_a_session_come_and_go(monkeypatch):
    monkeypatch.setattr(sessions, "VISITORS", 150)
    ends = sessions.lengths()
    live: dict[int, int] = {}
    joined, taken = [], []
    for joining, leaving in sessions.plan(7):
        joined += joining
        assert len(live) + len(joining) == sessions.FEW or len(joined) == 150
        live = {v: n - 7 for v, n in (live | {v: ends[v] for v in joining}).items()}
        assert all(live[visitor] <= 0 for visitor in leaving)
        taken += leaving
        live = {visitor: tokens for visitor, tokens in live.items() if tokens > 0}
    assert joined == list(range(150))
    assert sorted(taken) == list(range(0, 150, 4))
    assert not live


def test_sessions_are_proved_before_they_are_timed(monkeypatch):
    monkeypatch.setattr(sessions, "VISITORS", 100)
    monkeypatch.setattr(sessions, "MANY", 300)
    model = LanguageModel(7, 5)
    other = SimpleNamespace(session=model.session, generate=LanguageModel(7, 5, seed=1).generate)
    for verify in (sessions.verify_many, sessions.verify_visits):
        verify(model)
        with pytest.raises(AssertionError, match="Arrays are not equal"):
            verify(other)


@pytest.mark.parametrize("task", TASKS, ids=["1 layer", "2 layers"])
def test_learns_the_same_curve(peer, task):
    if not hasattr(peer, "trainer"):
        return
    generator = np.random.default_rng(0)
    shape = task.samples, task.steps
    X, Y = (generator.integers(-1, task.vocab_size, shape).astype(np.int32) for _ in range(2))
    training.verify(task, X, Y, peer)
    training.verify(replace(task, epochs=1), X, Y, peer)
    with pytest.raises(AssertionError, match="learns otherwise"):
        training.verify(task, X, Y, SimpleNamespace(NAME="fast", trainer=faster(peer.trainer)))


def faster(trainer):
    """The same peer with twice the learning rate."""
    return lambda parameters, task, X, Y: trainer(parameters, replace(task, rate=2 * task.rate), X, Y)


def test_gives_the_same_hidden_states(peer):
    if not hasattr(peer, "sequence"):
        return
    sequence_forward.verify(17, 30, peer)
    unlike = SimpleNamespace(NAME="unlike", sequence=lambda W, R, b, steps: peer.sequence(W, R, -b, steps))
    with pytest.raises(AssertionError, match="unlike"):
        sequence_forward.verify(17, 30, unlike)


def test_learns_the_same_names(peer):
    if not hasattr(peer, "name_learner"):
        return
    task = replace(dinosaur_training.naming().first(20), limit=0.5)  # so that clipping shows
    dinosaur_training.verify(task, peer)
    for changed in ({"rate": 0.02}, {"limit": 5.0}):

        def other(parameters, naming, changed=changed):
            return peer.name_learner(parameters, replace(naming, **changed))

        with pytest.raises(AssertionError, match="learns otherwise"):
            dinosaur_training.verify(task, SimpleNamespace(NAME="other", name_learner=other))


@pytest.mark.peers
@pytest.mark.parametrize("name", [name for name in dinosaur_training.EXERCISE_PEERS if name != "numpy"])
def test_learns_the_same_names_in_float64(name):
    peer = load(name)
    task = replace(dinosaur_training.naming().first(20), limit=0.5)
    dinosaur_training.verify(task, peer, np.float64)

    def rounded(parameters, naming):
        return peer.name_learner(
            {name: value.astype(np.float32) for name, value in parameters.items()}, naming
        )

    with pytest.raises(AssertionError, match="learns otherwise"):
        dinosaur_training.verify(task, SimpleNamespace(NAME="rounded", name_learner=rounded), np.float64)


def small_reading(**changed):
    """Names of a few letters, the first of which are held back; with an uneven last batch and a carried state."""
    generator = np.random.default_rng(0)
    names = [("abc" * 4)[:size] for size in generator.integers(1, 12, 50)]
    return replace(learning.names_reading(names), **{"hidden_size": 7, "truncate": 5, "batch": 16} | changed)


def test_reads_the_same(peer):
    if not hasattr(peer, "reader"):
        return
    work = harness.Work(0, "read", "character", 1)
    for reading in (small_reading(epochs=3), small_reading(truncate=20, falls=False, num_layers=2, epochs=3)):
        measured = list(learning.in_turn(work, reading, peer, [rnnfast.active_isa()], None))
        bits = [row.value for row in measured if getattr(row, "unit", "") == "bits a character"]
        assert bits[0] == pytest.approx(bits[1], rel=1e-4)
        assert bits[2] == pytest.approx(bits[3], rel=1e-4)
        assert bits[2] < bits[0]
        assert isinstance(measured[-1], harness.Row)
    other = SimpleNamespace(NAME="other", reader=lambda p, r: peer.reader(p, replace(r, rate=10 * r.rate)))
    with pytest.raises(AssertionError, match="other learns otherwise"):
        list(learning.in_turn(work, small_reading(epochs=3), other, [rnnfast.active_isa()], None))


def test_pieces_are_all_of_the_text_in_order():
    reading = small_reading()
    pieces = list(reading.pieces())
    assert sum(int((y >= 0).sum()) for _, y, _ in pieces) == reading.targets
    assert {len(x) for x, _, _ in pieces} == {16, len(reading.X) % 16}
    assert reading.updates == reading.epochs * len(pieces)
    assert all((y >= 0).any() for _, y, _ in pieces)
    starts = [carried for _, _, carried in pieces].count(False)
    assert starts == -(-len(reading.X) // 16)


def test_goes_step_by_step_to_the_same_gradients(peer):
    if hasattr(peer, "step_by_step"):
        step_by_step.verify(step_by_step.Exercise(), peer)


def test_the_jazz_data_is_that_of_the_exercise():
    X, Y = jazz_training.data()
    assert X.shape == Y.shape == (60, 30)
    assert (X[:, 0] == -1).all()
    assert (Y[:, -1] == -1).all()
    np.testing.assert_array_equal(X[:, 1:], Y[:, :-1])


def measured(order, isas, goal):
    def ours():
        order.append(rnnfast.active_isa())

    return harness.compare(
        harness.Work(1, "work", "unit", 10),
        ours,
        "peer",
        lambda: order.append("peer"),
        goal=goal,
        isas=isas,
        repeats=3,
    )


@pytest.fixture
def isa_afterwards():
    """The comparison leaves the last instruction set that it measured."""
    before = rnnfast.active_isa()
    yield
    rnnfast.set_isa(before)


@pytest.mark.usefixtures("isa_afterwards")
def test_with_threads_everybody_rests_before_a_run(monkeypatch):
    order = []
    monkeypatch.setattr(harness, "threads", lambda: 2)
    monkeypatch.setattr(harness.time, "sleep", lambda seconds: order.append("rest"))
    measured(order, ["scalar_fma"], None)
    assert order[:6] == ["scalar_fma", "peer", "rest", "scalar_fma", "rest", "peer"]  # warm, then in turn


@pytest.mark.usefixtures("isa_afterwards")
def test_takes_turns_and_reports():
    order, isas = [], ["scalar_fma", "scalar"]
    rows = measured(order, isas, None)
    assert rows[0].repeats >= 3
    assert order == [*isas, "peer"] * (1 + rows[0].repeats)  # once to warm up
    assert [row.isa for row in rows] == isas
    for row in rows:
        assert row.ratio_low <= row.ratio <= row.ratio_high
        assert row.met is None
        assert json.loads(json.dumps(row.json()))["machine"]["numpy"] == np.__version__


@pytest.mark.parametrize(
    ("goal", "ratio", "met"),
    [
        (harness.Goal(faster=5), 5.0, True),
        (harness.Goal(faster=5), 4.9, False),
        (harness.Goal(within=1.25), 0.81, True),
        (harness.Goal(within=1.25), 0.79, False),
    ],
)
def test_says_whether_a_goal_was_met(goal, ratio, met):
    assert goal.met(ratio) is met


def test_a_measure_says_whether_it_is_small_enough():
    measure = harness.Measure.of(10, "size", "", "MB", (2.0, 1.5, 2.5), at_most=3)
    assert (measure.value, measure.low, measure.high, measure.met) == (2.0, 1.5, 2.5, True)
    assert harness.Measure.of(10, "size", "", "MB", (3.1, 3.1, 3.1), at_most=3).met is False


def test_the_products_of_training_are_those_that_the_layers_make():
    """Counted from the definition: forward, and as much again for each operand's gradient."""
    V, H, T, N = 90, 64, 30, 60
    counted = sum(product.multiply_adds for product in products.of_training(jazz_training.JAZZ))
    assert counted == 3 * T * N * (4 * H * H + H * V)  # the first layer's input is tokens: no product
    two = replace(jazz_training.JAZZ, num_layers=2)
    assert sum(p.multiply_adds for p in products.of_training(two)) - counted == 3 * T * N * 2 * 4 * H * H
    in_two_batches = products.of_training(replace(jazz_training.JAZZ, batch=32))
    assert sum(p.multiply_adds for p in in_two_batches) == counted


def test_the_products_of_reading_are_those_of_its_pieces():
    """Two layers, 13 steps in pieces of 5, 5 and 3, 7 samples in batches of 4 and 3."""
    V, H, tokens = 11, 24, np.zeros((7, 13), np.int32)
    reading = Reading(
        tokens, tokens, (tokens, tokens), V, H, num_layers=2, batch=4, truncate=5, epochs=2, rate=0.1
    )
    counted = sum(product.multiply_adds for product in products.of_reading(reading))
    assert counted == 3 * tokens.size * (3 * 4 * H * H + H * V)


def test_the_plan_names_what_can_run_and_says_what_cannot(capsys, monkeypatch):
    peers = [NO_PEER, "numpy"]
    plan = list(run._plan(["limits", "generation", "streaming"], peers))
    assert plan == [
        ("limits", 1, NO_PEER),
        ("generation", 1, NO_PEER),
        ("generation", 1, "numpy"),
        ("streaming", 1, NO_PEER),
    ]
    monkeypatch.setenv("RNNFAST_BENCH_CLOCK", "cpu")
    assert list(run._plan(["threads"], peers)) == []
    assert "NOT MEASURED: threads with 2 thread(s): " in capsys.readouterr().err


def test_the_tables_of_the_readme_are_made_from_the_rows():
    folder = Path(table.__file__).parent
    texts = (folder / "results" / "rows.json").read_text(encoding="utf-8").splitlines()
    tables = table.markdown([json.loads(text) for text in texts])
    assert tables in (folder / "README.md").read_text(encoding="utf-8")


def test_renewing_a_document_leaves_the_rest_of_it(tmp_path):
    rows, document = tmp_path / "rows.json", tmp_path / "README.md"
    measure = harness.Measure.of(10, "installed size", "", "MB", (2.0, 2.0, 2.0), at_most=3)
    rows.write_text(json.dumps(measure.json()) + "\n", encoding="utf-8")
    document.write_text(f"above\n{table.BEGIN}\nold\n{table.END}\nbelow\n", encoding="utf-8")
    for _ in range(2):
        table.main(rows, document)
        text = document.read_text(encoding="utf-8")
        assert text.startswith(f"above\n{table.BEGIN}\n\n| # |")
        assert text.endswith(f"|\n\n{table.END}\nbelow\n")
        assert "old" not in text


def test_a_process_that_fails_is_an_error():
    with pytest.raises(run.WorkerError, match="ended with 1"):
        list(run._worker("no_such_scenario", NO_PEER, 1, ["scalar"]))


def test_a_missing_peer_is_named(capsys, monkeypatch):
    monkeypatch.setitem(PEERS, "nothing", ("no_such_package",))
    assert not run._is_installed("nothing")
    assert "NOT MEASURED: nothing needs no_such_package" in capsys.readouterr().err


def test_the_environment_gives_everybody_as_many_threads(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("RNNFAST_ISA", "scalar")
    variables = environment(2)
    assert variables["OMP_NUM_THREADS"] == variables["OPENBLAS_NUM_THREADS"] == "2"
    assert not {"OPENBLAS_CORETYPE", "RNNFAST_ISA"} & set(variables)


def test_the_installed_size_counts_the_extension_and_no_cache():
    extension = Path(rnnfast._core.__file__).stat().st_size
    assert extension < startup.installed_size()
    assert startup.installed_size() < extension + 5e6


LIMITS = [
    {"unit": "GFLOP/s", "value": 200.0, "isa": "avx512", "sizes": {}},
    {"unit": "GB/s", "value": 100.0, "isa": "avx512", "sizes": {"bytes": 4 * 1000}},
]


@pytest.mark.parametrize(("streams", "microseconds"), [(1, 0.04), (64, 0.01)])
def test_the_roofline_is_reading_for_one_stream_and_arithmetic_for_many(streams, microseconds):
    assert plot.roofline(1000, streams, LIMITS) == pytest.approx(microseconds)


def test_the_plot_has_a_panel_for_each_number_of_streams():
    cost = {"isa": "avx512", "peer": "Peer 1.0", "units": 10, "ours_seconds": 1e-5, "peer_seconds": 1e-4}
    cost |= {"threads": 1, "machine": {"rnnfast": "0", "commit": "c", "processor": "p"}}
    rows = [cost | {"sizes": {"H": 16, "streams": n, "multiply_adds": 1000}} for n in (1, 64)]
    panels = plot.draw(rows, LIMITS).axes
    assert [panel.get_title() for panel in panels] == ["1 stream", "64 streams"]
    lines = {line.get_label(): line.get_ydata()[0] for line in panels[0].lines}
    assert lines == pytest.approx({"rnnfast, avx512": 1, "limit, avx512": 0.04, "Peer 1.0": 10})


def test_every_size_of_the_scaling_is_bounded():
    for H in scaling.HIDDEN_SIZES:
        for streams in scaling.STREAMS:
            steps = scaling.length(H, streams)
            work = steps * streams * scaling.multiply_adds(H)
            assert 4 <= steps <= 2000
            assert work <= max(scaling.MULTIPLY_ADDS, 4 * streams * scaling.multiply_adds(H))


@pytest.mark.peers
def test_the_limits_are_built_and_run():
    library = native.load()
    isas = harness.simd_isas()
    assert isas
    for isa in isas:
        library.use(isa)
        for run_once in (
            library.multiply_add(1000),
            library.read(5000, 1),
            library.products(products.of_generation(90, 64, 3), 1),
            library.products([native.Product(5, 17, 3, transposed=True)], 1),
            library.gates(3, 20, 1),
            library.draws(3, 90, 1),
        ):
            assert harness.seconds(run_once) >= 0
        assert limits.reading(isa, 4096, "a page").value > 0
    with pytest.raises(ValueError, match="isa is 'scalar', expected one with SIMD"):
        library.use("scalar")


def test_the_table_has_a_line_for_each_comparison_and_a_column_for_each_isa():
    fields = {
        "row": 1,
        "workload": "work",
        "peer": "Peer 1.0",
        "unit": "token",
        "units": 100,
        "threads": 1,
        "ours_seconds": 1e-4,
        "peer_seconds": 1e-3,
        "ratio": 10.0,
        "ratio_low": 9.0,
        "ratio_high": 11.0,
        "goal": ">= 5x",
        "met": True,
    }
    rows = [fields | {"isa": "avx512"}, fields | {"isa": "avx2", "ours_seconds": 2e-4, "ratio": 5.0}]
    text = table.markdown(rows).splitlines()
    assert len(text) == 3
    for cell in ("Peer 1.0", "10 us/token", "| 1 | 2 |", "10.00x (9.00-11.00)", ">= 5x: met"):
        assert cell in text[2]
    assert "Peer 1.0" in table.line(rows[0])


@pytest.mark.parametrize("cell", vanishing_gradient.CELLS)
def test_the_gradient_that_comes_back_in_pieces_is_that_of_the_whole(cell):
    layer, steps, batch = vanishing_gradient.make(cell, vanishing_gradient.OWN), 7, 3
    norms = vanishing_gradient.norms_of(layer, steps, batch)
    r = np.random.default_rng(0)
    *_, workspace = layer.forward(r.normal(size=(steps, batch, vanishing_gradient.D)))
    direction = r.normal(size=(batch, vanishing_gradient.H))
    dy = np.zeros((steps, batch, vanishing_gradient.H))
    dy[-1] = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    dstate = layer.backward(dy, None, workspace).dstate
    whole = dict(zip("hc", dstate if isinstance(dstate, tuple) else (dstate,), strict=False))
    assert norms.keys() == whole.keys()
    for name, gradient in whole.items():
        mean = np.exp(np.log(np.linalg.norm(gradient[0], axis=-1)).mean())
        assert norms[name][0] == pytest.approx(mean, rel=1e-12)
        assert len(norms[name]) == steps + 1


def test_open_gates_alone_carry_a_gradient_back():
    """What the committed figure shows."""
    path = Path(__file__).parent.parent / "benchmarks" / "results" / "vanishing_gradient.json"
    rows = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    first = {(row["cell"], row["weights"]): row["norms"]["h"][0] for row in rows}
    assert len(first) == 9
    for (cell, weights), norm in first.items():
        assert (norm > 0.1) == (weights == vanishing_gradient.OPEN and cell != "RNN, tanh")
