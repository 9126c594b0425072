"""Weights from other frameworks, and back, without the frameworks.

`from_torch`, `from_keras`, `from_onnx` and `from_course` read files and dictionaries and return layers or a
`LanguageModel`, ready to train and to generate; `to_torch`, `to_onnx` and `to_course` lead back. Each format's gates,
biases and layouts are turned into ours exactly: x @ W, gate order i f g o and r z n, and a GRU's recurrent bias of n
apart from the others. What a file does not say is asked for, never guessed. A file may come from anywhere: it is read,
and nothing in it executes.
"""

from rnnfast.convert.course import from_course, to_course
from rnnfast.convert.keras import from_keras
from rnnfast.convert.onnx import from_onnx, to_onnx
from rnnfast.convert.torch import from_torch, to_torch

__all__ = ["from_course", "from_keras", "from_onnx", "from_torch", "to_course", "to_onnx", "to_torch"]
