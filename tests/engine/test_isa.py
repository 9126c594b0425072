"""Choosing an instruction set: listed, forced, refused, and the one that this machine should have."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

import rnnfast
from rnnfast import _core

CPUINFO = Path("/proc/cpuinfo")
NEEDS = {
    "avx2": {"avx2", "fma"},
    "avx512": {"avx512f", "avx512dq", "avx512bw", "avx512vl"},
    "neon": {"asimd"},
}


def in_a_new_process(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(
    not CPUINFO.exists(),
    reason="no /proc/cpuinfo: whether the right instruction sets are found WAS NOT CHECKED",
)
@pytest.mark.parametrize("isa", [name for name in NEEDS if name in _core.known_isas()])
def test_what_the_processor_has_is_available(isa):
    line = next(line for line in CPUINFO.read_text().splitlines() if line.startswith(("flags", "Features")))
    assert (isa in rnnfast.available_isas()) == (NEEDS[isa] <= set(line.split()))


def test_the_order_is_worst_first():
    names = rnnfast.available_isas()
    assert names[:2] == ["scalar", "scalar_fma"]
    assert set(names) <= set(_core.known_isas())
    assert len(set(names)) == len(names)


def test_set_isa(isa):
    assert rnnfast.active_isa() == isa


@pytest.mark.parametrize("name", ["", "AVX2", "sse9", "avx2 "])
def test_another_name_is_refused_with_the_valid_ones(name):
    before = rnnfast.active_isa()
    with pytest.raises(ValueError, match=r"set_isa: name is .*expected") as caught:
        rnnfast.set_isa(name)
    assert all(valid in str(caught.value) for valid in rnnfast.available_isas())
    assert rnnfast.active_isa() == before


@pytest.mark.parametrize("name", rnnfast.available_isas())
def test_the_environment_chooses(name):
    done = in_a_new_process("import rnnfast; print(rnnfast.active_isa())", RNNFAST_ISA=name)
    assert done.stdout.strip() == name, done.stderr


def test_without_it_the_best_is_chosen():
    done = in_a_new_process("import rnnfast; print(rnnfast.active_isa())", RNNFAST_ISA="")
    best = [name for name in rnnfast.available_isas() if name != "scalar_fma"][-1]
    assert done.stdout.strip() == best


def test_the_environment_may_be_wrong():
    done = in_a_new_process("import rnnfast; rnnfast.LanguageModel(3, 2).predict([[0]])", RNNFAST_ISA="sse9")
    assert done.returncode == 1
    assert "ValueError: RNNFAST_ISA is 'sse9', expected" in done.stderr


def test_show_config(capsys):
    rnnfast.show_config()
    shown = capsys.readouterr().out
    for fact in (
        rnnfast.__version__,
        rnnfast.active_isa(),
        sys.version.split()[0],
        platform.machine(),
        "threads:",
        "processor:",
    ):
        assert fact in shown
    for name in set(CPUINFO.read_text().splitlines()) if CPUINFO.exists() else ():
        if name.startswith("model name"):
            assert name.partition(":")[2].strip() in shown
