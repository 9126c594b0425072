"""Who may import whom, in Python and in C++, read from the sources."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

import rnnfast

PACKAGE = Path(rnnfast.__file__).parent
CPP = Path(__file__).parent.parent / "src" / "cpp"
SOURCES = sorted(PACKAGE.rglob("*.py"))

needs_cpp = pytest.mark.skipif(
    not CPP.is_dir(), reason="no C++ sources here: their includes WERE NOT CHECKED"
)


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path, *, type_checking=True):
    """Full names of what a file imports, also inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = set()
    if not type_checking:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                skipped |= {id(inner) for inner in ast.walk(node)}
    names = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import: full names are searchable"
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def within(name, package):
    return name == package or name.startswith(f"{package}.")


# Each part of the package, from the bottom up; it may import itself and those that it names.
PARTS = {
    "rnnfast._files": set(),
    "rnnfast._arguments": set(),
    "rnnfast._sealed_files": {"rnnfast._core", "rnnfast._files"},
    "rnnfast.reference": set(),
    "rnnfast.text": set(),
    "rnnfast.names": set(),
    "rnnfast.runtime": {"rnnfast._core"},
    "rnnfast._parameters": set(),
    "rnnfast._interrupts": set(),
    "rnnfast._pickled": set(),
    "rnnfast._methods": set(),
    "rnnfast.layers": {"rnnfast._core", "rnnfast._arguments", "rnnfast._parameters", "rnnfast._pickled"},
    "rnnfast.losses": {"rnnfast._core", "rnnfast._arguments", "rnnfast._parameters"},
    "rnnfast.initialisers": {"rnnfast._core", "rnnfast._arguments", "rnnfast._parameters"},
    "rnnfast.learning_rate": {"rnnfast._core", "rnnfast._arguments", "rnnfast._pickled"},
    "rnnfast.optimizer_state": {
        "rnnfast._core",
        "rnnfast._arguments",
        "rnnfast._interrupts",
        "rnnfast.layers",
        "rnnfast._sealed_files",
    },
    "rnnfast.optim": {
        "rnnfast._core",
        "rnnfast._arguments",
        "rnnfast._interrupts",
        "rnnfast.layers",
        "rnnfast._pickled",
        "rnnfast.learning_rate",
        "rnnfast.optimizer_state",
    },
    "rnnfast.train": set(),
    "rnnfast.endless": {"rnnfast.train"},
    "rnnfast.progress": {"rnnfast.train"},
    "rnnfast.fitting": {
        "rnnfast._core",
        "rnnfast._arguments",
        "rnnfast._methods",
        "rnnfast.endless",
        "rnnfast.optim",
        "rnnfast.progress",
        "rnnfast.train",
    },
    "rnnfast.state_bytes": set(),
    "rnnfast.state": {"rnnfast.state_bytes"},
    "rnnfast.sampling": {"rnnfast._core", "rnnfast._arguments"},
    "rnnfast.prompts": {"rnnfast.text", "rnnfast.train"},
    "rnnfast.checkpoint": {
        "rnnfast._core",
        "rnnfast._arguments",
        "rnnfast._parameters",
        "rnnfast._sealed_files",
        "rnnfast.optimizer_state",
    },
    "rnnfast.constraints": {"rnnfast._core", "rnnfast._arguments", "rnnfast.text"},
    "rnnfast.generation_call": {
        "rnnfast._core",
        "rnnfast.constraints",
        "rnnfast._arguments",
        "rnnfast.text",
        "rnnfast.train",
        "rnnfast.state",
        "rnnfast.prompts",
        "rnnfast.sampling",
    },
    "rnnfast.scoring": {
        "rnnfast._arguments",
        "rnnfast._methods",
        "rnnfast.constraints",
        "rnnfast.generation_call",
        "rnnfast.prompts",
        "rnnfast.state",
        "rnnfast.train",
    },
    "rnnfast.session": {
        "rnnfast._core",
        "rnnfast._arguments",
        "rnnfast.generation_call",
        "rnnfast.prompts",
        "rnnfast.sampling",
        "rnnfast.state",
        "rnnfast.train",
    },
    "rnnfast.streaming": {
        "rnnfast._core",
        "rnnfast._arguments",
        "rnnfast._methods",
        "rnnfast.generation_call",
        "rnnfast.state",
        "rnnfast.train",
    },
    "rnnfast.generation": {
        "rnnfast._arguments",
        "rnnfast._methods",
        "rnnfast.generation_call",
        "rnnfast.state",
        "rnnfast.streaming",
        "rnnfast.train",
    },
    "rnnfast.model": {
        "rnnfast._core",
        "rnnfast._arguments",
        "rnnfast._parameters",
        "rnnfast._pickled",
        "rnnfast.text",
        "rnnfast.optimizer_state",
        "rnnfast.fitting",
        "rnnfast.train",
        "rnnfast.state",
        "rnnfast.generation",
        "rnnfast.scoring",
        "rnnfast.session",
        "rnnfast.streaming",
        "rnnfast.checkpoint",
    },
    "rnnfast.characters": {"rnnfast._files", "rnnfast.text", "rnnfast.model"},
    "rnnfast.sequence": {
        "rnnfast._core",
        "rnnfast._arguments",
        "rnnfast._interrupts",
        "rnnfast._methods",
        "rnnfast._parameters",
        "rnnfast._pickled",
        "rnnfast._sealed_files",
        "rnnfast.layers",
        "rnnfast.optim",
        "rnnfast.optimizer_state",
        "rnnfast.train",
        "rnnfast.progress",
    },
    "rnnfast.course.checking": {"rnnfast.reference"},
    "rnnfast.course": {
        "rnnfast._core",
        "rnnfast._arguments",
        "rnnfast.reference",
        "rnnfast.optim",
        "rnnfast.state",
        "rnnfast.model",
        "rnnfast.music",
    },
    "rnnfast.convert": {
        "rnnfast._files",
        "rnnfast.layers",
        "rnnfast.model",
        "rnnfast.sequence",
    },
    "rnnfast.music": {
        "rnnfast._files",
        "rnnfast.constraints",
        "rnnfast.text",
        "rnnfast.model",
        "rnnfast.LanguageModel",
    },
}


def part_of(name):
    return next((part for part in PARTS if within(name, part)), None)


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_no_module_imports_upward(path):
    part = part_of(module_name(path))
    if part is None:
        assert module_name(path) in ("rnnfast", "rnnfast.__main__") or within(
            module_name(path), "rnnfast.cli"
        )
        return
    for name in imports(path, type_checking=False):
        if within(name, "rnnfast") and name != "rnnfast" and not within(name, part):
            assert any(within(name, allowed) for allowed in PARTS[part]), f"{part} imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_the_compiled_core_stays_out_of_what_needs_none(path):
    without = (
        "rnnfast.music",
        "rnnfast.text",
        "rnnfast.names",
        "rnnfast.reference",
        "rnnfast.course.checking",
    )
    if part_of(module_name(path)) in without:
        assert not any(within(name, "rnnfast._core") for name in imports(path))


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_only_known_libraries_are_imported(path):
    name = module_name(path)
    allowed = {"numpy", "rnnfast", "__future__"}
    if part_of(name) != "rnnfast.reference":
        allowed |= set(sys.stdlib_module_names)
    else:
        allowed |= {"collections", "dataclasses", "math", "typing"}
    allowed |= {
        "rnnfast._sealed_files": {"safetensors"},
        "rnnfast.characters.plot": {"matplotlib"},
        "rnnfast.convert.hdf5": {"h5py"},
        "rnnfast.convert.onnx_reader": {"onnx", "google"},  # google: protobuf's errors
        "rnnfast.convert.onnx_writer": {"onnx"},
        "rnnfast.convert.torch_files": {"safetensors"},
        "rnnfast.progress": {"rich"},
        "rnnfast.music.midi": {"mido"},  # nowhere else
        "rnnfast.music.report_page": {"rich"},
        "rnnfast.music.roll_figure": {"matplotlib"},
        "rnnfast.music.sound.soundfont": {"symusic"},
    }.get(name, set())
    if within(name, "rnnfast.cli"):
        allowed.add("rich")
    assert {full.split(".")[0] for full in imports(path)} <= allowed


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_extras_are_imported_where_they_are_used(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:  # the top level alone
        if isinstance(node, ast.Import | ast.ImportFrom):
            top = {alias.name for alias in node.names} if isinstance(node, ast.Import) else {node.module}
            assert not {name.split(".")[0] for name in top} & {"matplotlib", "symusic", "h5py", "onnx"}


def files(*patterns):
    return sorted(path for pattern in patterns for path in CPP.rglob(pattern))


def includes(path):
    return re.findall(r'^\s*#\s*include\s*[<"]([^">]+)[">]', path.read_text(encoding="utf-8"), re.MULTILINE)


def cpp_id(path):
    return str(path.relative_to(CPP))


INTRINSICS = {"immintrin.h", "arm_neon.h", "x86intrin.h", "avx2intrin.h", "emmintrin.h"}
PUBLIC_TO_KERNELS = {"rnnfast/index.hpp", "rnnfast/loss_sums.hpp"}
PLAIN = {"cstddef", "cstdint", "cstring"}

# bindings -> model -> layers, sampling, optim -> core -> the table of kernels
MAY_INCLUDE = {
    "include": {"rnnfast"},
    "kernels": {"kernels"},
    "core": {"core", "rnnfast", "kernels/table.hpp"},
    "layers": {"layers", "core", "rnnfast"},
    "sampling": {"sampling", "core", "rnnfast"},
    "optim": {"optim", "core", "rnnfast"},
    "model": {"model", "layers", "core", "rnnfast"},
    "bindings": {"bindings.hpp", "rnnfast", "core/float_control.hpp", "pybind11"},
}


@needs_cpp
@pytest.mark.parametrize("path", files("*.hpp", "*.cpp"), ids=cpp_id)
def test_cpp_layers_include_downward_only(path):
    layer = cpp_id(path).split("/")[0]
    for name in includes(path):
        if ("/" not in name and name != "bindings.hpp") or name.startswith("sys/"):
            continue  # the standard library's, the system's
        if layer == "kernels" and name in PUBLIC_TO_KERNELS:
            continue
        assert any(name == allowed or name.startswith(f"{allowed}/") for allowed in MAY_INCLUDE[layer]), (
            f"{layer} includes {name}"
        )


@needs_cpp
@pytest.mark.parametrize("path", files("kernels/**/*"), ids=cpp_id)
def test_kernels_include_almost_nothing(path):
    """An inline function of the standard library, compiled with AVX flags, may end up in the whole program."""
    if path.suffix not in (".hpp", ".cpp"):
        return
    vec = path.parent.name == "vec"
    for name in includes(path):
        allowed = (
            name.startswith("kernels/") or name in PLAIN | PUBLIC_TO_KERNELS or (vec and name in INTRINSICS)
        )
        assert allowed, f"{cpp_id(path)} includes {name}"


@needs_cpp
@pytest.mark.parametrize("path", files("*.hpp", "*.cpp"), ids=cpp_id)
def test_intrinsics_stay_in_vec(path):
    """One exception: reading and writing the control register, which is no arithmetic."""
    found = {name for name in includes(path) if name.endswith("intrin.h") or name == "arm_neon.h"}
    if path.parent.name == "vec":
        return
    assert found <= ({"xmmintrin.h"} if cpp_id(path) == "core/float_control.cpp" else set())


@needs_cpp
@pytest.mark.parametrize("path", files("include/**/*.hpp"), ids=cpp_id)
def test_public_headers_know_no_python_and_no_instruction_set(path):
    text = path.read_text(encoding="utf-8")
    assert "#pragma once" in text
    for word in ("pybind11", "Python.h", "__AVX", "__FMA__", "__m256", "__m512", "kernels/", "core/"):
        assert word not in text, word


@needs_cpp
def test_bindings_compute_nothing():
    """No loop over floating-point arithmetic, and no standard mathematics."""
    for path in files("bindings/*.cpp", "bindings/*.hpp"):
        assert not {"cmath", "numeric"} & set(includes(path)), cpp_id(path)
        assert not re.search(r"std::(exp|log|sqrt|tanh|fma)\b", path.read_text(encoding="utf-8"))


def test_the_version_is_one():
    project = Path(__file__).parent.parent / "pyproject.toml"
    assert tomllib.loads(project.read_text())["project"]["version"] == rnnfast.__version__
