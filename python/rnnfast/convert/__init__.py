"""Weights from other frameworks, and back, without the frameworks."""

from rnnfast.convert.torch import from_torch, to_torch

__all__ = ["from_torch", "to_torch"]
