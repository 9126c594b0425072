from __future__ import annotations

import pytest

from rnnfast.reference.learning_rate import cosine, exponential, inverse_time, step, warmup


def test_the_first_step_is_step_zero():
    assert [inverse_time(t, 0.1, 1.0) for t in range(4)] == [0.1, 0.05, 0.1 / 3, 0.025]
    assert [exponential(t, 0.5, 0.5) for t in range(3)] == [0.5, 0.25, 0.125]
    assert [step(t, 0.5, 3, 0.5) for t in range(7)] == [0.5] * 3 + [0.25] * 3 + [0.125]


def test_cosine_ends_where_it_shall():
    rates = [cosine(t, 0.3, 10, 0.1) for t in range(20)]
    assert rates[0] == pytest.approx(0.3, rel=1e-15)
    assert rates[5] == pytest.approx(0.2, rel=1e-15)
    assert rates[10:] == [0.1] * 10
    assert rates[:10] == sorted(rates[:10], reverse=True)


def test_warmup_leads_to_what_follows():
    rates = [warmup(t, 4, 0.1, 0.5, lambda t: inverse_time(t, 0.5, 1.0)) for t in range(7)]
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.25, 0.5 / 3], rel=1e-15)
    assert warmup(0, 0, 0.1, 0.5, lambda t: 0.5) == 0.5
