"""Weights from other frameworks, and back, without the frameworks."""

from rnnfast.convert.course import from_course, to_course
from rnnfast.convert.keras import from_keras
from rnnfast.convert.onnx import from_onnx, to_onnx
from rnnfast.convert.torch import from_torch, to_torch

__all__ = ["from_course", "from_keras", "from_onnx", "from_torch", "to_course", "to_onnx", "to_torch"]
