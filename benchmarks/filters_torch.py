"""What a sampler does to logits [N, V] before temperature and draw, in PyTorch: what a filter drops becomes -inf.

Only the values are sorted, and the least value that stays is a threshold: no scatter back to the tokens' places.
"""

from __future__ import annotations

from math import inf, log

import torch
from torch import Tensor


def top_n_sigma(n: float, logits: Tensor) -> Tensor:
    """Within n standard deviations of the largest."""
    least = logits.amax(dim=1, keepdim=True) - n * logits.std(dim=1, correction=0, keepdim=True)
    return logits.masked_fill(logits < least, -inf)


def top_k(k: int, logits: Tensor) -> Tensor:
    """The k largest."""
    return logits.masked_fill(logits < torch.topk(logits, k).values[:, -1:], -inf)


def typical_p(share: float, logits: Tensor) -> Tensor:
    """Those of a surprise nearest to the entropy."""
    log_p = torch.log_softmax(logits, dim=1)
    p = log_p.exp()
    distance = (log_p - (p * log_p).sum(dim=1, keepdim=True)).abs()
    ordered, order = distance.sort(dim=1)
    last = (p.gather(1, order).cumsum(dim=1)[:, :-1] < share).sum(dim=1, keepdim=True)
    return logits.masked_fill(distance > ordered.gather(1, last), -inf)


def top_p(share: float, logits: Tensor) -> Tensor:
    """The likeliest."""
    p = torch.softmax(logits, dim=1)
    ordered = p.sort(dim=1, descending=True).values
    last = (ordered.cumsum(dim=1)[:, :-1] < share).sum(dim=1, keepdim=True)
    return logits.masked_fill(p < ordered.gather(1, last), -inf)


def min_p(share: float, logits: Tensor) -> Tensor:
    """Those at least `share` times as likely as the likeliest."""
    return logits.masked_fill(logits < logits.amax(dim=1, keepdim=True) + log(share), -inf)
