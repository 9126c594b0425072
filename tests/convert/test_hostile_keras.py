"""Keras files made to harm or damaged: refused with a ValueError, and no other file is read."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnnfast.convert import from_keras
from rnnfast.convert.keras_files import read_layers

h5py = pytest.importorskip("h5py")

GOLDEN = Path(__file__).parent / "golden" / "keras"
WEIGHTS = GOLDEN / "language_model.weights.h5"
KERNEL = "layers/lstm/cell/vars/0"


@pytest.fixture
def changed(tmp_path):
    """A function that writes a copy of a file whose kernel is replaced by what `put` does."""

    def make(put):
        path = tmp_path / "a.weights.h5"
        path.write_bytes(WEIGHTS.read_bytes())
        with h5py.File(path, "r+") as file:
            del file[KERNEL]
            put(file)
        return path

    return make


def external_data(file):
    shape = 3, 16
    file.create_dataset(KERNEL, shape, "f4", external=[("/etc/passwd", 0, 192)])


def virtual_data(file):
    layout = h5py.VirtualLayout((3, 16), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "a", (3, 16))
    file.create_virtual_dataset(KERNEL, layout)


def put(path, value):
    def change(file):
        file[path] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put(KERNEL, h5py.ExternalLink("/etc/passwd", "/a")), "is a link to another place"),
        (put(KERNEL, h5py.SoftLink("/layers/lstm/cell/vars/1")), "is a link to another place"),
        (external_data, "stored elsewhere"),
        (virtual_data, "stored elsewhere"),
        (
            lambda file: file.create_dataset(KERNEL, (2**15, 2**15), "f4"),
            "is compressed, incomplete or stored",
        ),
        (lambda file: file.create_dataset(KERNEL, data=np.zeros((999, 999)), compression=9), "is compressed"),
        (lambda file: file.create_dataset(KERNEL, (3, 16), "f4", chunks=(1, 1)), "is compressed, incomplete"),
        (put(KERNEL, "text"), "expected floating-point weights"),
        (put(KERNEL, np.zeros((3, 16), int)), "is int64, expected floating-point weights"),
        (put(KERNEL, h5py.Empty("f4")), "expected floating-point weights"),
        (lambda file: file.create_group(KERNEL), "vars/0 is missing, expected an array"),
        (lambda file: None, "vars/0 is missing"),
        (put(KERNEL, np.full((3, 16), np.nan)), "not finite"),
        (
            lambda file: file.move("layers/lstm", "layers/conv1d"),
            "conv1d is of a class that rnnfast does not know",
        ),
    ],
    ids=range(14),
)
def test_weights_that_lie_or_live_elsewhere_are_refused(changed, change, message):
    path = changed(change)
    with pytest.raises(ValueError, match=message) as caught:
        from_keras(path, assume_defaults=True)
    assert str(path) in str(caught.value)


def test_groups_that_contain_themselves_are_read_once(changed):
    def loop(file):
        file["layers/lstm/cell/vars/0"] = np.zeros((3, 16), "f4")
        file["layers/lstm/layers"] = file["layers"]

    assert len(read_layers(changed(loop))) == 4


@pytest.mark.parametrize("name", ["language_model.keras", "language_model.weights.h5", "language_model.h5"])
def test_truncated_files_are_refused(tmp_path, name):
    data = (GOLDEN / name).read_bytes()
    path = tmp_path / name
    for length in (0, 3, 8, 100, 2000, len(data) // 2, len(data) - 3000, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"path '.*': (it is neither|its|the archive)"):
            from_keras(path)


def archive(path, **changes):
    with zipfile.ZipFile(GOLDEN / "language_model.keras") as source:
        entries = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w") as target:
        for name, data in (entries | changes).items():
            if data is not None:
                target.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config.json": None}, "has 0 records 'config.json', expected one"),
        ({"model.weights.h5": None}, "has 0 records 'model.weights.h5'"),
        ({"config.json": b"["}, "its configuration is damaged"),
        ({"config.json": b"[" * 100_000}, "its configuration is damaged"),
        ({"config.json": b"\xff\xfe\xfd"}, "its configuration is damaged"),
        ({"config.json": b"{}"}, "its configuration makes no sense"),
        ({"config.json": b'{"class_name": "Sequential", "config": {"layers": 3}}'}, "makes no sense"),
        ({"model.weights.h5": b"PK"}, "its HDF5 part is damaged"),
        ({"model.weights.h5": b"\x89HDF\r\n\x1a\n" + b"\xff" * 500}, "its HDF5 part is damaged"),
    ],
    ids=range(9),
)
def test_archives_that_lie_are_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        from_keras(archive(tmp_path / "a.keras", **changes))


def test_zip_bombs_and_paths_are_refused(tmp_path):
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("config.json", b" " * 50_000_000)
    with pytest.raises(ValueError, match="compressed, encrypted or longer than the file"):
        from_keras(path)
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("config.json", b" " * 1000, compress_type=zipfile.ZIP_DEFLATED)
        target.writestr("padding", b" " * 2000)
    with pytest.raises(ValueError, match="compressed, encrypted or longer than the file"):
        from_keras(path)
    archive(path, **{"../../outside": b"x"})
    assert len(read_layers(path)) == 7
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_are_none(tmp_path):
    path = tmp_path / "a.h5"
    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        root["a"] = np.zeros(3)
    path.write_bytes(file.getvalue())
    with pytest.raises(ValueError, match="it has no groups of layers"):
        from_keras(path)
    path.write_bytes(b"hello, world")
    with pytest.raises(ValueError, match=r"it is neither a \.keras file nor an HDF5 file"):
        from_keras(path)
    with pytest.raises(FileNotFoundError):
        from_keras(tmp_path / "missing.keras")


def test_without_h5py_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"this needs h5py: pip install 'rnnfast\[keras\]'"):
        from_keras(WEIGHTS)
