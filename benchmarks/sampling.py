"""Row 11: what each filter costs: against the plain draw of the same run, and against peers with the same filter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from types import ModuleType

import numpy as np

from benchmarks import generation
from benchmarks.generation import PLAIN, H, V
from benchmarks.harness import Row, Work, compare
from rnnfast import LanguageModel, Sampler

SHAPES = (1, 2000), (64, 60), (1000, 10)  # streams, length
STRETCHED = {"layers.0.W": 8.0, "dense.W": 16.0}  # for a perplexity of 8

# What peers express, too; then several filters at once, in the order that llama.cpp has them in.
SAMPLERS = {
    "top_k": Sampler(temperature=0.9, top_k=10),
    "top_p": Sampler(temperature=0.9, top_p=0.9),
    "min_p": Sampler(temperature=0.9, min_p=0.05),
    "typical_p": Sampler(temperature=0.9, typical_p=0.9),
    "top_n_sigma": Sampler(temperature=0.9, top_n_sigma=1.5),
    "penalties": Sampler(
        temperature=0.9, repetition_penalty=1.1, presence_penalty=0.2, frequency_penalty=0.05
    ),
    "top_k, top_p, min_p": Sampler(temperature=0.9, top_k=40, top_p=0.95, min_p=0.05),
}
# What no peer has, or what costs it nothing: a bias of the dense layer.
ALONE = {
    "penalties of 64 tokens": Sampler(temperature=0.9, repetition_penalty=1.1, penalty_window=64),
    "ban and logit_bias": Sampler(temperature=0.9, ban=range(10), logit_bias={20: 1.0, 30: -1.0}),
    "greedy": Sampler(greedy=True),
}


def model() -> LanguageModel:
    """Its logits lie as far apart as those of a trained model, so that filters have something to drop."""
    model = LanguageModel(V, H, seed=3)
    stretched = {name: factor * model.parameters[name] for name, factor in STRETCHED.items()}
    model.set_parameters(stretched | {"dense.b": np.random.default_rng(0).standard_normal(V)})
    return model


def work(name: str, streams: int, length: int) -> Work:
    """One generation."""
    return Work(11, f"generate, {name}, {streams} stream(s)", "token", streams * length)


def verify(model: LanguageModel, sampler: Sampler) -> None:
    """The sampler must draw other tokens than the plain one does: else it drops nothing."""
    tokens, plain = (model.generate(40, num_streams=64, sampler=one, seed=1) for one in (sampler, PLAIN))
    if np.mean(tokens == plain) > 0.99:
        raise AssertionError("the sampler draws as the plain one does: nothing to time")


def rows(peer: str, module: ModuleType, isas: Sequence[str]) -> Iterator[Row]:
    """Compare with the peer's quickest way to generate."""
    if not hasattr(module, "generators"):
        return
    own = model()
    parameters = dict(own.parameters)
    for name, sampler in SAMPLERS.items():
        verify(own, sampler)
        way, checked = next(iter(module.generators(parameters, 64, 40, sampler).items()))
        generation.verify(own, checked, 64, 40, sampler=sampler)
        for streams, length in SHAPES:
            generate = module.generators(parameters, streams, length, sampler)[way]
            yield from compare(
                work(name, streams, length),
                generation.ours(own, streams, length, sampler),
                f"{module.NAME} {way}".strip(),
                partial(generate, generation.uniform(streams, length, 0)),
                isas=isas,
            )


def rows_alone(isas: Sequence[str]) -> Iterator[Row]:
    """Compare with the plain draw, which draws other tokens."""
    own = model()
    for name, sampler in (SAMPLERS | ALONE).items():
        verify(own, sampler)
        for streams, length in SHAPES:
            filtered, plain = (generation.ours(own, streams, length, one) for one in (sampler, PLAIN))
            for isa in isas:  # one after the other: both sides are ours
                yield from compare(work(name, streams, length), filtered, "the plain draw", plain, isas=[isa])
