"""Files made to harm: they are refused with a ValueError, and nothing has happened."""

from __future__ import annotations

import io
import json
import os
import pickle
import posix
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from rnnfast.convert import from_torch, unpickling

GOLDEN = Path(__file__).parent / "golden" / "torch"
STATE_DICT = (GOLDEN / "float.pt").read_bytes()


class Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def records(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, entries, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def with_pickle(path, data):
    entries = records(STATE_DICT)
    return write(path, [(name, data if name.endswith("data.pkl") else old) for name, old in entries.items()])


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """A function that checks that `path` is refused, that nothing ran, and that little memory was taken."""

    def harmed(*arguments, **keywords):
        raise AssertionError(f"called with {arguments}")

    monkeypatch.setattr(os, "system", harmed)
    monkeypatch.setattr(posix, "system", harmed)
    monkeypatch.setattr(pickle, "loads", harmed)
    monkeypatch.setattr(pickle, "load", harmed)

    def check(path, message):
        before = sorted(tmp_path.rglob("*"))
        tracemalloc.start()
        with pytest.raises(ValueError, match=message) as caught:
            from_torch(path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert str(path) in str(caught.value)
        assert peak < 20_000_000
        assert sorted(tmp_path.rglob("*")) == before

    return check


EVIL = [
    {"w": Call(os.system, "touch pwned")},
    {"w": Call(eval, "1")},
    {"w": Call(exec, "x = 1")},
    {"w": Call(getattr, "a", "upper")},
    [Path("a")],
    {"w": np.float64(3)},
    {"w": {1, 2}},
    {"w": print},
]
PICKLES = [pickle.dumps(value, protocol=protocol) for value in EVIL for protocol in range(6)]


@pytest.mark.parametrize("data", PICKLES, ids=range(len(PICKLES)))
def test_a_pickle_that_does_more_than_tensors_is_refused(tmp_path, refused, data):
    refused(with_pickle(tmp_path / "a.pt", data), "the pickle is refused")


@pytest.mark.parametrize("protocol", [2, 4])
def test_the_message_names_what_a_pickle_calls(tmp_path, refused, protocol):
    data = PICKLES[protocol]  # of the first of EVIL
    refused(
        with_pickle(tmp_path / "a.pt", data), "it calls posix.system, expected tensors and dictionaries only"
    )


def test_a_whole_module_is_refused(refused):
    refused(GOLDEN / "whole_module.pt", r"the pickle is refused.*save model.state_dict\(\)")


def rebuild(size, stride, storage="torch FloatStorage", key=b"0", length=b"\x70", offset=b"\x00"):
    """A pickle of one tensor, each part as we like it: its numbers are single bytes."""
    storage_name = b"c" + storage.replace(" ", "\n").encode() + b"\n"
    text = b"X" + struct.pack("<I", len(key)) + key
    identity = b"(X\x07\x00\x00\x00storage" + storage_name + text + b"X\x03\x00\x00\x00cpuK" + length + b"tQ"
    tuples = b"".join(b"(" + b"".join(part) + b"t" for part in (size, stride))
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + identity + b"K" + offset + tuples + b"\x89N" + b"tR"
    return b"\x80\x02}X\x06\x00\x00\x00weight" + tensor + b"s."


def one(n):
    return b"K" + bytes([n])


HUGE = b"\x8a\x06" + (2**40).to_bytes(6, "little")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            rebuild([one(200), one(200)], [one(0), one(0)]),
            "claim 40000 numbers, far more than the file holds",
        ),
        (rebuild([HUGE, HUGE], [one(0), one(0)]), "claim .* numbers, far more than the file holds"),
        (rebuild([one(20)], [one(1)], length=b"\x07"), r"claims a storage of 7 numbers, but \d+ are there"),
        (rebuild([one(7)], [one(200)]), "outside its storage of 112"),
        (
            rebuild([one(2)], [one(1)], key=b"../../../etc/passwd"),
            "has 0 records 'float/data/../../../etc/passwd'",
        ),
        (rebuild([one(2)], [one(1)], storage="torch QInt8Storage"), "weight is of a type that is not read"),
        (rebuild([one(2)], [one(1)], storage="os system"), "weight is of a type that is not read"),
        (rebuild([b"X\x01\x00\x00\x00a"], [one(1)]), "storage, size or stride makes no sense"),
        (rebuild([one(2), one(1)], [one(1)]), "storage, size or stride makes no sense"),
        (rebuild([b"G" + struct.pack(">d", 2.0)], [one(1)]), "storage, size or stride makes no sense"),
        (b"\x80\x02]q\x00h\x00a.", "holds a list, expected a state_dict"),
        (b"\x80\x02}(" + b"K\x01" * 3 + b"u.", "sets items of what is no dictionary"),
        (b"\x80\x02}" + b"(" * 100_000 + b"t" * 100_000 + b"K\x01s.", "neither text nor a whole number"),
        (b"\x80\x02" + b"(" * 1000 + b".", "it ends with 0 values"),
        (b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.", "in too many levels"),
        (b"\x80\x02cos\nsystem\n.", "gives the name os.system"),
        (b"\x80\x02cos\nsystem\n}b.", "sets the attributes of what is no dictionary"),
        (b"\x80\x02\x8a\x01", "the pickle is refused"),
        (b"\x80\x02r\xff\xff\xff\xff.", "the pickle is refused"),
        (b"\x80\x02X\xff\xff\xff\xffa.", "the pickle is refused"),
        (b"\x80\x04\x8d" + b"\xff" * 8 + b"a.", "the pickle is refused"),
        (b"", "the pickle is refused"),
    ],
    ids=range(22),
)
def test_a_pickle_that_lies_is_refused(tmp_path, refused, data, message):
    refused(with_pickle(tmp_path / "a.pt", data), message)


def test_dictionaries_that_multiply_are_refused(tmp_path, refused):
    """Each one holds the one before it ten times: a million entries in a few hundred bytes."""
    data = b"\x80\x02}"
    for level in range(7):
        items = b"".join(one(i) + b"h" + bytes([level - 1]) for i in range(10)) if level else b""
        data += one(level) + b"}q" + bytes([level]) + b"(" + items + b"us"
    refused(with_pickle(tmp_path / "a.pt", data + b"."), "too many dictionaries")


def test_archives_that_lie_are_refused(tmp_path, refused):
    entries = records(STATE_DICT)
    path = tmp_path / "a.pt"
    refused(write(path, entries.items(), compression=zipfile.ZIP_DEFLATED), "compressed, encrypted or longer")
    bomb = [(name, b"\0" * 10_000_000 if name.endswith("data/0") else data) for name, data in entries.items()]
    refused(write(path, bomb, compression=zipfile.ZIP_DEFLATED), "compressed, encrypted or longer")
    refused(
        write(path, [*entries.items(), ("float/data/../../../../etc/cron.d/x", b"x")][1:]),
        "none of torch.save",
    )
    with pytest.warns(UserWarning, match="Duplicate name"):
        write(path, [*entries.items(), ("float/data/0", b"1234")])
    refused(path, "has 2 records 'float/data/0', expected one")
    refused(write(path, [(n, d) for n, d in entries.items() if not n.endswith("data/1")]), "has 0 records")
    refused(write(path, [*entries.items(), ("float/constants.pkl", b"")]), "none of torch.save")
    refused(write(path, [("readme", b"")]), "none of torch.save")


def test_truncated_files_are_refused(tmp_path, refused):
    path = tmp_path / "a"
    for data in (STATE_DICT, (GOLDEN / "float16.safetensors").read_bytes()):
        for length in (0, 1, 5, 9, 40, 200, len(data) // 2, len(data) - 30, len(data) - 1):
            path.write_bytes(data[:length])
            refused(path, "it is neither|damaged")


def test_a_changed_byte_of_the_weights_is_noticed(tmp_path, refused):
    at = STATE_DICT.index(records(STATE_DICT)["float/data/0"])
    path = tmp_path / "a.pt"
    path.write_bytes(STATE_DICT[:at] + b"\xff" + STATE_DICT[at + 1 :])
    refused(path, "Bad CRC-32")


def header(entries, body=b"", length=None):
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def entry(shape, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}


@pytest.mark.parametrize(
    "data",
    [
        header({"weight": entry([2], 8)}, b"\0" * 8, length=2**32),
        header({"weight": entry([2], 8)}, b"\0" * 8, length=2**63),
        header({"weight": entry([2**30], 2**32)}),
        header({"weight": entry([2**40, 2**40], 8)}, b"\0" * 8),
        header({"weight": entry([3], 8)}, b"\0" * 8),
        header({"weight": entry([2], 8), "w": entry([2], 8)}, b"\0" * 8),
        header({"weight": entry([2], 8, "../../etc")}, b"\0" * 8),
        header({"weight": entry([-2], 8)}, b"\0" * 8),
        header({"weight": [[[[]]]]}),
        header([1, 2]),
        struct.pack("<Q", 100_000) + b"{" + b"[" * 99_999,
    ],
    ids=range(11),
)
def test_a_safetensors_header_that_lies_is_refused(tmp_path, refused, data):
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    refused(path, "damaged safetensors file|it is neither")


def test_a_type_that_is_not_read_is_named(tmp_path, refused):
    path = tmp_path / "a.safetensors"
    path.write_bytes(header({"weight": entry([8], 8, "F8_E4M3")}, b"\0" * 8))
    refused(path, "weight is of a type that is not read")


def test_files_that_are_none(tmp_path, refused):
    refused(GOLDEN / "before_1_6.pt", r"neither a safetensors file nor a zip file.*before 1.6")
    with pytest.raises(FileNotFoundError):
        from_torch(tmp_path / "missing.pt")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        from_torch(tmp_path)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.data())
def test_whatever_bytes_come_the_machine_refuses_or_gives_values(data):
    """Any program for the machine, and the real one with some bytes exchanged."""
    real = records(STATE_DICT)["float/data.pkl"]
    program = bytearray(data.draw(st.one_of(st.binary(max_size=60), st.just(real))))
    for _ in range(data.draw(st.integers(0, 3)) if program else 0):
        program[data.draw(st.integers(0, len(program) - 1))] = data.draw(st.integers(0, 255))
    kinds = (dict, list, tuple, str, int, float, type(None), unpickling.Tensor, unpickling.Storage)
    try:
        assert isinstance(unpickling.load(bytes(program)), kinds)
    except ValueError:
        event("refused")
