"""Each of the sampler's filters against the specification, the shares of a million draws, and bad settings."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from rnnfast import Sampler, SamplingError, _core
from rnnfast.reference.sampling import Sampling, filter_logits

from .conftest import FMA_ISAS

inf = np.inf
FILTERS = [
    {"top_n_sigma": 1.0},
    {"top_k": 7},
    {"typical_p": 0.6},
    {"top_p": 0.9},
    {"min_p": 0.05},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.5, "penalty_window": 3},
    {"presence_penalty": 0.7, "frequency_penalty": -0.4, "penalty_window": 8},
    {"logit_bias": {0: 2.0, 3: -1.5}},
    {"ban": [1, 2]},
    {
        "logit_bias": {4: 1.0},
        "ban": [0],
        "presence_penalty": 0.5,
        "repetition_penalty": 1.1,
        "top_n_sigma": 2.0,
        "top_k": 20,
        "typical_p": 0.95,
        "top_p": 0.9,
        "min_p": 0.02,
    },
]
SIZES = [5, 15, 16, 17, 33, 90, 129]


def vectors(count, dtype):
    """Logits of several sizes and spreads, some equal, some impossible, with a history each."""
    r = np.random.default_rng(7)
    for k in range(count):
        V = SIZES[k % len(SIZES)]
        logits = (r.normal(size=V) * r.choice([0.1, 1.0, 4.0])).astype(dtype)
        if k % 3 == 0:
            logits = logits.round(1)
        if k % 5 == 0:
            logits[r.integers(3, V)] = -inf
        yield logits, r.integers(0, V, r.integers(0, 12)).astype(np.int32)


@pytest.mark.parametrize("settings", FILTERS, ids=str)
def test_ten_thousand_vectors_are_filtered_as_the_specification_says(settings):
    config, specification = Sampler(**settings).native(), Sampling(**settings)
    dropped = 0
    for logits, history in vectors(10_000, np.float64):
        got = _core.filter_logits(logits, config, history)
        expected = filter_logits(logits, specification, history)
        np.testing.assert_array_equal(np.isfinite(got), np.isfinite(expected))
        np.testing.assert_allclose(got, expected, rtol=1e-15)
        dropped += not np.array_equal(got, logits)
    assert dropped > 5000


@pytest.mark.parametrize("settings", FILTERS, ids=str)
def test_float32_differs_only_at_a_border(settings):
    """A filter's threshold is a rounded number: a token may fall on its other side where it is that near."""
    config, specification = Sampler(**settings).native(), Sampling(**settings)
    different = 0
    for logits, history in vectors(1000, np.float32):
        got = _core.filter_logits(logits, config, history)
        expected = filter_logits(logits, specification, history)
        different += not np.array_equal(np.isfinite(got), np.isfinite(expected))
    assert different <= 1


@pytest.mark.parametrize("settings", FILTERS, ids=str)
def test_every_instruction_set_keeps_the_same(run_on, dtype, settings):
    config = Sampler(**settings).native()

    def kept():
        return [_core.filter_logits(x, config, history).tobytes() for x, history in vectors(100, dtype)]

    first, *others = (run_on(isa, kept) for isa in FMA_ISAS)
    assert all(other == first for other in others)


def textbook(logits, history, settings):
    """The distribution, from the definition of each filter and no code of ours."""
    x = logits.astype(np.float64).copy()
    V = x.size
    for token, bias in settings.get("logit_bias", {}).items():
        x[token] += bias
    x[list(settings.get("ban", []))] = -inf
    for token in range(V):
        n = list(history)[-settings.get("penalty_window", len(history)) :].count(token)
        if n:
            r = settings.get("repetition_penalty", 1.0)
            x[token] = x[token] / r if x[token] > 0 else x[token] * r
            x[token] -= settings.get("presence_penalty", 0) + n * settings.get("frequency_penalty", 0)

    def softmax(tokens):
        e = np.exp(x[tokens] - x[tokens].max())
        return dict(zip(tokens, e / e.sum(), strict=True))

    def until(order, share):
        p, reached, kept = softmax(order), 0.0, []
        for token in order:
            if reached >= share:
                break
            kept.append(token)
            reached += p[token]
        return kept

    kept = [j for j in range(V) if x[j] > -inf]
    by_size = lambda tokens: sorted(tokens, key=lambda j: (-x[j], j))  # noqa: E731
    if "top_n_sigma" in settings:
        limit = x[kept].max() - settings["top_n_sigma"] * x[kept].std()
        kept = [j for j in kept if x[j] >= limit]
    if "top_k" in settings:
        kept = by_size(kept)[: settings["top_k"]]
    if "typical_p" in settings:
        p = softmax(kept)
        entropy = -sum(q * np.log(q) for q in p.values())
        kept = until(sorted(kept, key=lambda j: (abs(-np.log(p[j]) - entropy), j)), settings["typical_p"])
    if "top_p" in settings:
        kept = until(by_size(kept), settings["top_p"])
    if "min_p" in settings:
        p = softmax(kept)
        kept = [j for j in kept if p[j] >= settings["min_p"] * max(p.values())]
    weights = np.zeros(V)
    weights[kept] = np.exp((x[kept] - x[kept].max()) / settings.get("temperature", 1.0))
    return weights / weights.sum()


@pytest.mark.parametrize(
    "settings",
    [{}, {"temperature": 0.5}, {"temperature": 3.0}, *FILTERS],
    ids=str,
)
def test_a_million_draws_have_the_textbooks_shares(dtype, settings):
    r = np.random.default_rng(5)
    logits, history = r.normal(size=20).astype(dtype), np.array([3, 3, 5, 7, 3, 9], np.int32)
    draws = 1_000_000
    u = np.minimum(r.random(draws).astype(dtype), 1 - np.finfo(dtype).epsneg).astype(dtype)
    tokens = _core.draw(logits, u, Sampler(**settings).native(), history)
    expected = draws * textbook(logits, history, settings)
    counts = np.bincount(tokens, minlength=20)
    possible = expected > 0
    assert not counts[~possible].any()
    chi_square = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    freedom = possible.sum() - 1
    assert chi_square < freedom + 4 * np.sqrt(2 * freedom) + 4  # about p = 1e-4


@pytest.mark.parametrize(
    "settings",
    [
        {"top_k": None, "top_p": None, "min_p": None, "typical_p": None, "top_n_sigma": None},
        {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "typical_p": 1.0, "top_n_sigma": 0.0},
        {"repetition_penalty": None, "presence_penalty": None, "frequency_penalty": None},
        {"repetition_penalty": 1.0, "presence_penalty": 0, "frequency_penalty": 0, "penalty_window": 0},
        {"logit_bias": None, "ban": None, "penalty_window": None},
        {"logit_bias": {}, "ban": [], "penalty_window": 5},
        {"top_k": 10**6},
    ],
    ids=str,
)
def test_disabled_is_disabled(dtype, settings):
    for logits, history in vectors(50, dtype):
        np.testing.assert_array_equal(Sampler(**settings).filter(logits, history), logits)


@pytest.mark.parametrize("settings", [{}, *FILTERS], ids=str)
def test_whatever_the_numbers_a_token_is_drawn_or_an_error_raised(isa, dtype, settings):
    most = np.finfo(dtype).max
    for logits in (
        [0, inf, 1, inf, 2],
        [inf] * 5,
        [1e30, -1e30, 1e30, 0, 5],
        [most, -most, most, -most, 0],
        [7.0] * 5,
        [-inf, -inf, -inf, -inf, 0],
        [0, 1e-40, -1e-40, 0, 0],
    ):
        x = np.array(logits, dtype)
        for u in (0.0, 0.5, 0.999):
            token = Sampler(**settings).draw(x, u, history=[0, 1, 1, 4])
            kept = Sampler(**settings).filter(x, history=[0, 1, 1, 4])
            assert kept[token] > -inf
            assert x[token] > -inf
            if inf in logits and 3 not in settings.get("ban", []):
                assert x[token] == inf
    for bad in ([0, np.nan, 1, 2, 3], [-inf] * 5, [np.nan] * 5, [inf, np.nan, 0, 0, 0]):
        with pytest.raises(SamplingError, match="nan or only -inf"):
            Sampler(**settings).draw(np.array(bad, dtype), 0.5)


def test_a_ban_does_not_hide_a_nan_and_may_leave_nothing(isa, dtype):
    with pytest.raises(SamplingError):
        Sampler(ban=[1]).draw(np.array([0, np.nan], dtype), 0.5)
    with pytest.raises(SamplingError):
        Sampler(ban=[0, 1]).draw(np.array([0, 3], dtype), 0.5)
    assert Sampler(ban=[1]).draw(np.array([0, inf], dtype), 0.5) == 0


@pytest.mark.parametrize("greedy", [{"greedy": True}, {"temperature": 0}, {"temperature": 5e-324}], ids=str)
def test_greedy_is_the_largest_of_what_bias_bans_and_penalties_leave(isa, dtype, greedy):
    logits = np.array([1, 3, 3, 2], dtype)
    assert Sampler(**greedy).draw(logits, 0.99) == 1
    assert Sampler(**greedy, ban=[1]).draw(logits, 0.99) == 2
    assert Sampler(**greedy, logit_bias={3: 5}).draw(logits, 0.99) == 3
    assert Sampler(**greedy, presence_penalty=2.5).draw(logits, 0.99, history=[1, 2]) == 3
    assert Sampler(**greedy, typical_p=0.01, top_n_sigma=1).draw(logits, 0.99) == 1


def test_penalties_look_back_as_far_as_their_window():
    logits = np.zeros(4)
    for window, expected in (
        (1, [0, 0, 0, -1]),
        (2, [0, 0, -1, -1]),
        (3, [0, 0, -2, -1]),
        (0, [-1, 0, -2, -1]),
    ):
        sampler = Sampler(frequency_penalty=1, penalty_window=window)
        np.testing.assert_array_equal(sampler.filter(logits, [0, 2, -1, 2, 3]), expected)


def test_a_sampler_is_a_value():
    sampler = Sampler(temperature=0.7, logit_bias={1: 2.0}, ban=[3])
    assert sampler == Sampler(temperature=0.7, logit_bias=((1, 2),), ban=np.array([3]))
    assert hash(sampler) == hash(Sampler(temperature=0.7, logit_bias={1: 2.0}, ban=(3,)))
    assert pickle.loads(pickle.dumps(sampler)) == sampler
    with pytest.raises(AttributeError):
        sampler.temperature = 1.0


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"temperature": -1}, ValueError, "temperature is -1, expected a finite number of at least 0"),
        ({"top_k": -1}, ValueError, "top_k is -1, expected at least 0"),
        ({"top_k": 2.5}, TypeError, "top_k is 2.5, expected an integer"),
        ({"top_p": 0}, ValueError, "top_p is 0, expected more than 0 and at most 1"),
        ({"min_p": 1.5}, ValueError, "min_p is 1.5, expected 0 to 1"),
        ({"min_p": np.nan}, ValueError, "min_p is -?nan"),
        ({"typical_p": 0}, ValueError, "typical_p is 0, expected more than 0"),
        ({"top_n_sigma": -1}, ValueError, "top_n_sigma is -1, expected a finite number of at least 0"),
        ({"top_n_sigma": inf}, ValueError, "top_n_sigma is inf"),
        (
            {"repetition_penalty": 0},
            ValueError,
            "repetition_penalty is 0, expected a finite number of more than 0",
        ),
        ({"presence_penalty": inf}, ValueError, "presence_penalty is inf, expected a finite number"),
        ({"frequency_penalty": np.nan}, ValueError, "frequency_penalty is -?nan, expected a finite number"),
        ({"penalty_window": -1}, ValueError, "penalty_window is -1, expected at least 0"),
        ({"logit_bias": {0: inf}}, ValueError, "logit_bias is inf, expected a finite number"),
        ({"logit_bias": {-1: 1.0}}, ValueError, "logit_bias names token -1"),
        ({"logit_bias": {"a": 1.0}}, TypeError, "logit_bias is .*, expected a mapping"),
        ({"logit_bias": 3}, TypeError, "logit_bias is 3, expected a mapping"),
        ({"ban": [-1]}, ValueError, "ban names token -1"),
        ({"ban": 5}, TypeError, "ban is 5, expected tokens"),
        ({"ban": [0.5]}, TypeError, r"ban is \[0.5\], expected tokens"),
        ({"greedy": "yes"}, TypeError, "greedy is 'yes', expected True or False"),
    ],
    ids=str,
)
def test_bad_settings_are_refused_by_name(settings, error, message):
    with pytest.raises(error, match=message):
        Sampler(**settings)


def test_bad_calls_are_refused_by_name():
    with pytest.raises(ValueError, match="ban names token 2, expected 0 to 1"):
        Sampler(ban=[2]).filter(np.zeros(2))
    with pytest.raises(ValueError, match="logit_bias names token 9, expected 0 to 1"):
        Sampler(logit_bias={9: 1.0}).filter(np.zeros(2))
    with pytest.raises(ValueError, match="history has 2, expected -1 to 1"):
        Sampler().filter(np.zeros(2), history=[2])
    with pytest.raises(ValueError, match=r"u is 1\.0, expected at least 0 and less than 1"):
        Sampler().draw(np.zeros(2), 1.0)
    with pytest.raises(ValueError, match="logits is empty"):
        Sampler().filter(np.zeros(0))
    with pytest.raises(TypeError, match="logits has dtype complex128"):
        Sampler().filter(np.zeros(2, complex))
