"""The results that the committed hashes stand for, computed again on every instruction set of this machine."""

from __future__ import annotations

import pytest

from ..conftest import FMA_ISAS
from .hash_file import DO_NOT_DEPEND_ON_PLACE, FILE, PLACES, THREADS, hashed, parse, read, rewrite
from .python_results import KINDS, compute

CASES = read()


@pytest.mark.parametrize("isa", FMA_ISAS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_results_have_the_committed_hash(run_on, record_property, isa, case):
    """Whatever the batch, the position in it, the pieces of time and the threads."""
    record_property("isa", isa)
    different = [a for a in case.arrangements() if run_on(isa, lambda a=a: hashed(case, compute, a)) != case]
    assert not different, (
        "these results changed; if that is intended: python tests/engine/hashes/make.py --write"
    )


def test_every_kind_of_result_has_cases_in_both_precisions():
    assert {(case.kind, case.dtype) for case in CASES} == {
        (kind, d) for kind in KINDS for d in ("f32", "f64")
    }


def test_places_are_the_batches_positions_and_pieces_that_are_promised():
    assert {batch for batch, _, _ in PLACES} == {1, 7, 64}
    assert {pieces for _, _, pieces in PLACES} == {1, 3}
    assert {(7, 0), (7, 6), (64, 63)} <= {(batch, position) for batch, position, _ in PLACES}
    for case in CASES:
        places = len(PLACES) if case.kind in DO_NOT_DEPEND_ON_PLACE else 1
        assert len(set(case.arrangements())) == places * len(THREADS)


def test_ten_thousand_tokens_and_a_hundred_steps():
    settings = [(case.kind, parse(case.settings)) for case in CASES]
    assert sum(kind == "generate" and s["length"] == 10_000 for kind, s in settings) == 2
    for kind, s in settings:
        if kind == "train" and not s["silence"]:
            assert s["epochs"] * -(-s["N"] // s["batch_size"]) == 100


@pytest.mark.parametrize("kind", KINDS)
def test_one_bit_changes_the_hash(kind):
    case = next(case for case in CASES if case.kind == kind)

    def with_a_bit_flipped(*arguments):
        results = bytearray(compute(*arguments))
        results[len(results) // 2] ^= 1
        return bytes(results)

    arrangement = next(case.arrangements())
    assert hashed(case, compute, arrangement) == case
    assert hashed(case, with_a_bit_flipped, arrangement) != case


def test_rewriting_changes_hashes_only(tmp_path):
    copy = tmp_path / "hashes.txt"
    copy.write_text(FILE.read_text().replace(CASES[3].sha256, "-"))
    rewrite(CASES, copy)
    assert copy.read_text() == FILE.read_text()
