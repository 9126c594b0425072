"""check: wrong solutions are found and named, right ones are let pass however they are written."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

import rnnfast
from rnnfast.course import check
from rnnfast.course.checking.exercises import EXERCISES
from rnnfast.course.checking.mistakes import MISTAKES, read
from rnnfast.course.checking.variants import mistakes_in, variant

from . import dinosaur_solutions, other_solutions, solutions

PACKAGE = Path(rnnfast.__file__).parent


def functions(*modules):
    return [
        pytest.param(function, id=f"{module.__name__.split('.')[-1]}.{name}")
        for module in modules
        for name, function in vars(module).items()
        if inspect.isfunction(function)
    ]


class Mutant(NamedTuple):
    module: ModuleType
    function: str
    variables: list[str]
    says: str
    old: str
    new: str

    def compile(self):
        """The function with the edit, among the right others."""
        namespace = dict(vars(self.module))
        source = inspect.getsource(namespace[self.function])
        assert source.count(self.old) == 1, f"{self.function} has {self.old!r} not once"
        exec(source.replace(self.old, self.new), namespace)
        return namespace[self.function]


def read_mutants():
    modules = {"solutions": solutions, "dinosaur_solutions": dinosaur_solutions}
    for mutant in read((Path(__file__).parent / "mutants.txt").read_text(encoding="utf-8")):
        function, variables, says = (part.strip() for part in mutant.text.split("|"))
        yield Mutant(modules[mutant.module], function, variables.split(), says, mutant.old, mutant.new)


MUTANTS = list(read_mutants())


@pytest.mark.parametrize("function", functions(solutions, dinosaur_solutions, other_solutions))
def test_right_solutions_are_right(function):
    report = check(function)
    assert report, str(report)
    assert (report.variable, report.mistake, report.wrong) == (None, None, ())
    assert str(report).startswith(f"{function.__name__} is right: ")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.function}: {mutant.new[:30]}")
def test_the_wrong_variable_and_the_mistake_are_named(mutant):
    report = check(mutant.compile())
    assert not report
    assert report.variable in mutant.variables, str(report)
    assert mutant.says in (report.mistake or ""), str(report)
    assert report.variable in str(report)


def test_enough_mutants_are_tried():
    assert len(MUTANTS) >= 25
    assert len(functions(other_solutions)) >= 5


@pytest.mark.parametrize("name", EXERCISES)
def test_the_reference_is_right(name):
    assert check(EXERCISES[name].right, like=name)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.text)
def test_each_known_mistake_is_one_edit_and_is_found(mistake):
    reports = [
        check(variant(exercise.right, mistake), like=name)
        for name, exercise in EXERCISES.items()
        if exercise.right.__module__ == mistake.module
    ]
    assert not all(reports), "the mistake makes no difference"
    assert mistake.text in [report.mistake for report in reports]


@pytest.mark.parametrize("name", EXERCISES)
def test_each_function_has_known_mistakes(name):
    assert mistakes_in(EXERCISES[name].right)


# --- what a report says


def test_a_report_reads_well():
    mutant = next(m for m in MUTANTS if m.variables == ["dWf"])
    lines = str(check(mutant.compile())).split("\n  ")
    assert lines[0] == "lstm_cell_backward: dWf is wrong first"
    assert re.fullmatch(r"at \[\d, \d\] it is \S+, expected \S+, the largest difference", lines[1])
    assert lines[2:] == [
        "likely mistake: the slope in dft lacks its factor 1 - ft",
        "dWf, dbf come from dft, which may be what is wrong",
        "also wrong: dbf, da_prev, dxt",
        "right: dWi, dbi, dWc, dbc, dWo, dbo, dc_prev",
        "on a random input with n_x = 3, m = 4, n_a = 5, n_y = 2, T_x = 1",
    ]


def test_an_error_is_reported_with_the_input_that_raised_it():
    report = check(lambda da_next, dc_next, cache: cache["a_next"], like="lstm_cell_backward")
    assert not report
    assert report.variable is None
    assert str(report).startswith("lstm_cell_backward raises an error\n  TypeError: tuple indices must be")


def test_the_dinosaurs_have_the_exercises_characters():
    """Its functions call each other without `vocab_size`, whose default is 27."""
    seen = []
    assert check(lambda *arguments: seen.append(len(arguments[3]["by"])), like="optimize").raised is False
    assert seen == [27]
    report = check(lambda X, Y, a_prev, parameters: X[99], like="dinosaur.rnn_forward")
    assert report.details[-1] == "on a random input with n_x = 27, m = 1, n_a = 5, n_y = 27, T_x = 1"


@pytest.mark.parametrize("function", ["rnn_backward", "lstm_backward"])
def test_the_mistake_behind_an_error_is_named(function):
    of_da, of_x = "n_a, m, T = da.shape\n", "(n_a, m, _), T = da.shape, x.shape[2]\n"
    report = check(Mutant(solutions, function, [], "", of_da, of_x).compile())
    assert report.raised
    assert report.mistake == "the number of steps is x's; it should be da's, which may be fewer"
    assert f"\n  likely mistake: {report.mistake}\n" in str(report)


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (None, "returned value is None, expected 3 values: a_next, yt_pred, cache"),
        ((1, 2), "returned value is a tuple of 2, expected 3 values"),
    ],
)
def test_another_structure_is_said_so(returned, says):
    report = check(lambda xt, a_prev, parameters: returned, like="rnn_cell_forward")
    assert report.variable == "returned value"
    assert says in str(report)


def test_a_gradient_that_is_missing_is_named():
    def rnn_cell_backward(da_next, cache):
        gradients = solutions.rnn_cell_backward(da_next, cache)
        del gradients["da_prev"]
        return gradients

    report = check(rnn_cell_backward)
    assert report.variable == "da_prev"
    assert "da_prev is missing" in str(report)


def test_a_short_cache_does_not_hide_a_wrong_value():
    def rnn_cell_forward(xt, a_prev, parameters):
        a_next, yt_pred, cache = solutions.rnn_cell_forward(xt, a_prev, parameters)
        return a_next, 2 * yt_pred, cache[:2]

    report = check(rnn_cell_forward)
    assert report.wrong == ("yt_pred", "cache")
    assert report.mistake == "yt_pred is twice what it should be: something is added twice"


def test_short_caches_do_not_hide_a_wrong_value():
    def rnn_forward(x, a0, parameters):
        a, y_pred, (cells, x) = solutions.rnn_forward(x, a0, parameters)
        return -a, y_pred, ([cell[1:] for cell in cells], x)

    report = check(rnn_forward)
    assert report.wrong[0] == "a"
    assert report.mistake == "the sign of a is wrong"


@pytest.mark.parametrize(
    ("module", "function", "old", "new", "says"),
    [
        (
            solutions,
            "rnn_cell_forward",
            "e / e.sum(axis=0)",
            "e / e.sum()",
            "softmax divides by the sum of all",
        ),
        (solutions, "lstm_backward", "* ft * (1 - ft)", "* ft", "the slope in dft lacks its factor 1 - ft"),
        (solutions, "gru_cell_forward", "1 / (1 + np.exp(-x))", "1 / (1 + np.exp(x))", "sigmoid has exp(x)"),
        (dinosaur_solutions, "optimize", "dy[Y[t]] -= 1", "pass", "the target is not subtracted"),
    ],
)
def test_a_mistake_in_what_the_function_calls_is_named(module, function, old, new, says):
    source = inspect.getsource(module)
    namespace = {"__name__": "student"}
    exec(source.replace(old, new, 1), namespace)
    report = check(namespace[function])
    assert not report
    assert says in (report.mistake or "")


def test_a_gate_of_the_cell_is_named_through_time():
    """Over one step nothing is carried yet, and dWf says more than dx, to which all gates add."""
    namespace = {"__name__": "student"}
    exec(inspect.getsource(solutions).replace("* ft * (1 - ft)", "* ft"), namespace)
    report = check(namespace["lstm_backward"])
    assert report.wrong == ("dWf", "dbf", "da0", "dx")
    assert "dWf, dbf come from dft, which may be what is wrong" in report.details


def test_without_sources_the_variable_is_named_all_the_same(monkeypatch):
    def no_source(function):
        raise OSError("could not get source code")

    monkeypatch.setattr(inspect, "getsource", no_source)
    report = check(lambda x: -solutions.sigmoid(x), like="sigmoid")
    assert (report.variable, report.mistake) == ("returned value", "the sign of returned value is wrong")


def test_nan_is_wrong():
    report = check(lambda x: np.full_like(x, np.nan), like="sigmoid")
    assert report.variable == "returned value"
    assert "it is nan" in str(report)


# --- which function it is


def test_functions_with_one_name_are_told_apart_by_their_arguments():
    assert check(solutions.rnn_forward)
    assert check(dinosaur_solutions.rnn_forward)
    assert check(dinosaur_solutions.rnn_backward, like="dinosaur.rnn_backward")
    assert not check(solutions.rnn_cell_forward, like="gru_cell_forward")


def test_unknown_names_list_the_known_ones():
    with pytest.raises(
        ValueError, match=r"'my_lstm' is no known function; .*: softmax, sigmoid, rnn_cell_forward, .*, model"
    ):
        check(lambda: None, like="my_lstm")
    with pytest.raises(ValueError, match="'<lambda>' is no known function; name it with like="):
        check(lambda: None)
    with pytest.raises(TypeError, match="function is 3, expected a function"):
        check(3)
    with pytest.raises(TypeError, match="like is 3, expected the name of a function"):
        check(solutions.softmax, like=3)


# --- manners


def test_nothing_is_printed_and_the_callers_random_numbers_are_left_alone(capsys):
    np.random.seed(20)  # noqa: NPY002
    before = np.random.get_state(legacy=False)  # noqa: NPY002
    assert check(dinosaur_solutions.sample)
    assert check(dinosaur_solutions.model)
    assert capsys.readouterr().out == ""
    np.testing.assert_equal(np.random.get_state(legacy=False), before)  # noqa: NPY002


def test_check_does_not_need_the_compiled_core():
    code = f"""
import sys, types
package = types.ModuleType("rnnfast")
package.__path__ = [{str(PACKAGE)!r}]
sys.modules["rnnfast"] = package
sys.modules["rnnfast._core"] = None  # an import of it fails
from rnnfast.course import check
print(bool(check(lambda loss, cur_loss: 0.999 * loss + 0.001 * cur_loss, like="smooth")))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "True\n"
