"""Saved models: all that is needed to go on, nothing half written, and no file that is trusted."""

from __future__ import annotations

import copy
import errno
import json
import os
import pickle
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from rnnfast import Adam, LanguageModel, RMSprop

from .cases import assert_same_bits, assert_same_parameters, assert_same_state, samples, snapshot
from .optimizers import OPTIMIZERS

V, H = 5, 6
FORMAT_1 = Path(__file__).parent / "saved" / "format_1.safetensors"
KINDS = r"damaged|of another kind|of a newer format"


def make(**options):
    return LanguageModel(V, H, **{"num_layers": 2, "seed": 3, "vocabulary": "abcdé"} | options)


def trained(optimizer=Adam(0.01), **options):  # noqa: B008 (frozen)
    X, Y = samples()
    model = make(**options)
    model.fit(X, Y, epochs=3, batch_size=3, optimizer=optimizer)
    return model


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.safetensors"
    trained().save(path)
    return path


def read(path):
    """The tensors of a file, and what it says of itself."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return safetensors.numpy.load(data), json.loads(data[8 : 8 + length])["__metadata__"]


def rewrite(path, *, facts=None, tensors=None, reseal=True):
    """Change a file as somebody would who knows the format."""
    from rnnfast import _sealed_files

    old_tensors, metadata = read(path)
    new_tensors = old_tensors | (tensors or {})
    new_tensors = {name: value for name, value in new_tensors.items() if value is not None}
    new_facts = json.loads(metadata["rnnfast"])
    for key, value in (facts or {}).items():
        target = new_facts
        *outer, last = key.split(".")
        for part in outer:
            target = target[part]
        target[last] = value
    seal = new_facts.pop("sha256")
    new_facts["sha256"] = _sealed_files.digest(new_facts, new_tensors) if reseal else seal
    path.write_bytes(safetensors.numpy.save(new_tensors, metadata={"rnnfast": json.dumps(new_facts)}))


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_round_trip(tmp_path, dtype, optimizer):
    model = trained(optimizer, dtype=dtype)
    model.save(tmp_path / "model")
    loaded = LanguageModel.load(tmp_path / "model")
    assert_same_parameters(loaded, model)
    assert loaded.config == model.config
    assert loaded.vocabulary == model.vocabulary
    assert loaded._native.snapshot()[2] == 3
    assert_same_state(loaded._native.snapshot()[1], model._native.snapshot()[1])
    np.testing.assert_array_equal(loaded.generate(20, seed=1), model.generate(20, seed=1))


@pytest.mark.parametrize(
    "again",
    [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, copy.copy],
    ids=["pickle", "deepcopy", "copy"],
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_pickles_and_copies_are_models_of_their_own(dtype, optimizer, again):
    model, (X, Y) = trained(optimizer, dtype=dtype), samples()
    before, twin = snapshot(model), again(model)
    assert twin.config == model.config
    assert twin.vocabulary == model.vocabulary
    assert twin.history == model.history
    twin.fit(X, Y, epochs=2, batch_size=3, optimizer=optimizer)
    assert_same_parameters(model, before)
    model.fit(X, Y, epochs=2, batch_size=3, optimizer=optimizer)
    assert_same_parameters(twin, model)
    assert_same_state(twin._native.snapshot()[1], model._native.snapshot()[1])
    assert len(twin.history.loss) == 2


class Named(LanguageModel):
    """A subclass with a constructor and an attribute of its own."""

    def __init__(self, name):
        super().__init__(V, H)
        self.name = name


def test_a_pickle_keeps_what_a_subclass_adds():
    named = Named("Lester")
    named.notes = [1, 2]
    for twin in (pickle.loads(pickle.dumps(named)), copy.deepcopy(named)):
        assert isinstance(twin, Named)
        assert (twin.name, twin.notes) == ("Lester", [1, 2])
        assert twin.notes is not named.notes
        assert_same_parameters(twin, named)


def test_a_model_never_trained_and_without_vocabulary(tmp_path):
    model = make(vocabulary=None)
    model.save(tmp_path / "model")
    loaded = LanguageModel.load(str(tmp_path / "model"))
    assert_same_parameters(loaded, model)
    assert loaded.vocabulary is None
    X, Y = samples()
    for m in (model, loaded):
        m.fit(X, Y, epochs=2)
    assert_same_parameters(loaded, model)


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for k in range(8):
        trained().save(tmp_path / str(k))
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_the_file_is_an_ordinary_safetensors_file(saved):
    tensors, _ = read(saved)
    for name, value in trained().parameters.items():
        assert_same_bits(tensors[name], value)


def test_a_file_of_format_1_is_read(tmp_path):
    """Written when Adam and SGD were all there was: three epochs of three batches with Adam(0.01)."""
    tensors, metadata = read(FORMAT_1)
    assert json.loads(metadata["rnnfast"])["format"] == 1
    model = LanguageModel.load(FORMAT_1)
    assert (model.vocab_size, model.hidden_size, model.vocabulary) == (5, 2, tuple("abcdé"))
    _, (kind, steps, *powers, slots), epochs_begun = model._native.snapshot()
    assert (kind, steps, epochs_begun) == ("adam", 9, 3)
    assert powers == pytest.approx([0.9**9, 0.999**9], rel=1e-14)
    for name, value in model.parameters.items():
        assert_same_bits(value, tensors[name])
        for slot in ("m", "v"):
            assert_same_bits(slots[slot][name], tensors[f"optimizer.{slot}.{name}"])
    model.save(tmp_path / "today")
    again = LanguageModel.load(tmp_path / "today")
    assert_same_state(again._native.snapshot()[1], model._native.snapshot()[1])


def test_steps_that_another_optimiser_took_are_forgotten(tmp_path):
    """One with other slots starts afresh, from a file as from memory."""
    X, Y = samples()
    plain, centered = RMSprop(0.01), RMSprop(0.01, centered=True)
    model = trained(plain)
    model.save(tmp_path / "model")
    loaded, fresh = LanguageModel.load(tmp_path / "model"), make()
    fresh.set_parameters(model.parameters)
    for m in (model, loaded, fresh):
        m.fit(X, Y, epochs=2, shuffle=False, optimizer=centered)
        assert m._native.snapshot()[1][1] == 2
    assert_same_parameters(loaded, fresh)
    assert_same_parameters(model, fresh)


def assert_refused(path, message=KINDS):
    with pytest.raises(ValueError, match=message) as caught:
        LanguageModel.load(path)
    assert repr(str(path)) in str(caught.value)


def test_every_truncation_is_refused(saved):
    data = saved.read_bytes()
    for length in {*range(32), *range(32, len(data), 97), len(data) - 1}:
        saved.write_bytes(data[:length])
        assert_refused(saved)


def test_bytes_too_many_are_refused(saved):
    saved.write_bytes(saved.read_bytes() + b"\0")
    assert_refused(saved)


def test_every_flipped_byte_is_refused(saved):
    data = saved.read_bytes()
    places = {*range(0, len(data), 53), *range(300), len(data) - 1}
    for place in places:
        for mask in (0x01, 0xFF):
            damaged = bytearray(data)
            damaged[place] ^= mask
            saved.write_bytes(damaged)
            assert_refused(saved)


OTHER = {
    "empty": (b"", "damaged, or no safetensors file"),
    "text": (b"# A song\n" * 50, "damaged, or no safetensors file"),
    "pickle": (pickle.dumps({"weights": [1.0] * 100}), "damaged, or no safetensors file"),
    "zip": (b"PK\3\4" + bytes(500), "damaged, or no safetensors file"),
    "zeros": (bytes(1000), "damaged, or no safetensors file"),
    "claims 4 GB": (struct.pack("<Q", 2**32) + b"{}" + bytes(100), "damaged, or no safetensors file"),
    "claims 2^63": (struct.pack("<Q", 2**63) + b"{}", "damaged, or no safetensors file"),
    "tensor of 2^60 bytes": (
        (lambda h: struct.pack("<Q", len(h)) + h)(
            json.dumps({"a": {"dtype": "F32", "shape": [2**58], "data_offsets": [0, 2**60]}}).encode()
        ),
        "damaged, or no safetensors file",
    ),
    "plain safetensors": (
        safetensors.numpy.save({"layers.0.W": np.zeros((V, 4 * H), np.float32)}),
        "of another kind: a safetensors file, but no saved rnnfast.LanguageModel",
    ),
    "other metadata": (
        safetensors.numpy.save({"a": np.zeros(1)}, metadata={"rnnfast": "hello"}),
        "of another kind: a safetensors file, but no saved rnnfast.LanguageModel",
    ),
    "a list for facts": (
        safetensors.numpy.save({"a": np.zeros(1)}, metadata={"rnnfast": "[1, 2]"}),
        "of another kind: a safetensors file, but no saved rnnfast.LanguageModel",
    ),
    "deeply nested facts": (
        safetensors.numpy.save({"a": np.zeros(1)}, metadata={"rnnfast": "[" * 200_000}),
        "of another kind: a safetensors file, but no saved rnnfast.LanguageModel",
    ),
}


@pytest.mark.parametrize(("content", "message"), OTHER.values(), ids=OTHER)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "other"
    path.write_bytes(content)
    assert_refused(path, message)


FACTS = {
    "newer": ({"format": 3}, "of a newer format: 3, written by rnnfast .*which reads formats up to 2"),
    "format of another type": ({"format": "1"}, "damaged: its format is '1', expected 1"),
    "format of no sense": ({"format": 0}, "damaged: its format is 0, expected 1"),
    "another model": ({"kind": "rnnfast.Tagger"}, "of another kind: 'rnnfast.Tagger', expected"),
    "another dtype": ({"config.dtype": "float64"}, "damaged: .*is float32 .*expected float64"),
    "unknown dtype": ({"config.dtype": "complex64"}, "damaged"),
    "more layers": ({"config.num_layers": 3}, "damaged: .*layers.2.W is missing"),
    "fewer layers": ({"config.num_layers": 1}, "damaged"),
    "a billion layers": ({"config.num_layers": 10**9}, "damaged"),
    "a huge hidden size": ({"config.hidden_size": 10**9}, "damaged"),
    "a negative size": ({"config.hidden_size": -6}, "damaged"),
    "a size of another type": ({"config.hidden_size": "6"}, "damaged"),
    "an unknown setting": ({"config.colour": "red"}, "damaged"),
    "another cell": ({"config.cell": "gru"}, "damaged: .*expected float"),
    "a cell that is none": ({"config.cell": "tcn"}, "damaged: .*cell is 'tcn'"),
    "layers that are not there": ({"config.num_layers": 2**24}, "damaged: .*num_layers is 16777216"),
    "a seed that is none": ({"config.seed": -1}, "damaged: .*seed is -1"),
    "no settings": ({"config": None}, "damaged"),
    "a short vocabulary": ({"vocabulary": ["a"]}, "damaged: .*vocabulary has 1 entries"),
    "a vocabulary of numbers": ({"vocabulary": [1, 2, 3, 4, 5]}, "damaged"),
    "an unknown optimiser": ({"optimizer.kind": "lion"}, "damaged: .*kind is 'lion'"),
    "an optimiser of another type": ({"optimizer.kind": ["adam"]}, "damaged"),
    "another optimiser's slots": (
        {"optimizer.kind": "sgd"},
        "damaged: .*optimizer.m.* is no part of what sgd",
    ),
    "negative steps": ({"optimizer.steps": -5}, "damaged: .*steps"),
    "a power that is none": ({"optimizer.beta1_power": "nan"}, "damaged: .*beta1_power"),
    "a power above one": ({"optimizer.beta2_power": "0x1.8p1"}, "damaged: .*beta2_power"),
    "a power of another type": ({"optimizer.beta1_power": 0.5}, "damaged"),
    "negative epochs": ({"epochs_begun": -1}, "damaged"),
    "epochs of another type": ({"epochs_begun": "3"}, "damaged"),
    **{
        f"epochs {epochs!r}": (
            {"epochs_begun": epochs},
            f"epochs_begun is {epochs!r}, expected at least 0, below",
        )
        for epochs in (True, 1.5, 2**63)
    },
}


@pytest.mark.parametrize(("facts", "message"), FACTS.values(), ids=FACTS)
def test_facts_that_do_not_fit_are_refused(saved, facts, message):
    rewrite(saved, facts=facts)
    assert_refused(saved, message)


TENSORS = {
    "missing": ({"layers.0.R": None}, "damaged: .*layers.0.R is missing"),
    "shape": ({"dense.W": np.zeros((V, H), np.float32)}, r"damaged: .*dense.W is float32 \(5, 6\), expected"),
    "dtype": ({"dense.W": np.zeros((H, V))}, "damaged: .*dense.W is float64"),
    "integers": ({"dense.b": np.zeros(V, np.int32)}, "damaged: .*dense.b is int32"),
    "nan": (
        {"dense.b": np.full(V, np.nan, np.float32)},
        "damaged: .*dense.b has numbers that are not finite",
    ),
    "infinite moment": (
        {"optimizer.m.dense.b": np.full(V, np.inf, np.float32)},
        "damaged: .*optimizer.m.dense.b is not finite",
    ),
    "moment missing": ({"optimizer.v.dense.b": None}, "damaged: .*optimizer.v.dense.b is missing"),
    "one moment missing": (
        {f"optimizer.v.{name}": None for name in make().parameters},
        "damaged: .*optimizer.v is missing, expected what adam remembers",
    ),
    "no moments": (
        {f"optimizer.{slot}.{name}": None for slot in "mv" for name in make().parameters},
        "damaged: .*optimizer.m is missing, expected what adam remembers",
    ),
    "negative squares": (
        {"optimizer.v.dense.b": np.full(V, -1, np.float32)},
        "damaged: .*optimizer.v.dense.b has negative numbers",
    ),
    "moment shape": ({"optimizer.v.dense.b": np.zeros(2, np.float32)}, "damaged: .*optimizer.v.dense.b"),
    "another slot": (
        {"optimizer.momentum.dense.b": np.zeros(V, np.float32)},
        "damaged: .*momentum.* is no part of what adam",
    ),
    "something more": ({"layers.9.W": np.zeros(3)}, "damaged: .*layers.9.W"),
}


@pytest.mark.parametrize(("tensors", "message"), TENSORS.values(), ids=TENSORS)
def test_tensors_that_do_not_fit_are_refused(saved, tensors, message):
    rewrite(saved, tensors=tensors)
    assert_refused(saved, message)


def test_a_rewritten_file_that_fits_is_read(saved):
    """So that the refusals above are for their own reasons."""
    bias = np.arange(V, dtype=np.float32)
    rewrite(saved, facts={"config.seed": 8}, tensors={"dense.b": bias})
    loaded = LanguageModel.load(saved)
    assert loaded.config["seed"] == 8
    assert_same_bits(loaded.parameters["dense.b"], bias)


def test_a_rewritten_file_without_a_new_digest_is_refused(saved):
    rewrite(saved, tensors={"dense.b": np.zeros(V, np.float32)}, reseal=False)
    assert_refused(saved, "damaged")


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        LanguageModel.load(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError, match=r"is a folder, expected a saved rnnfast.LanguageModel"):
        LanguageModel.load(tmp_path)
    model = make()
    with pytest.raises(FileNotFoundError, match=r"folder .* does not exist"):
        model.save(tmp_path / "no" / "such")
    with pytest.raises(IsADirectoryError, match="is a folder, expected a file to write"):
        model.save(tmp_path)


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=repr
)
def test_a_save_that_fails_leaves_the_old_file(saved, monkeypatch, step, error):
    before, model = saved.read_bytes(), make(seed=9)

    def fail(*args):
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)):
        model.save(saved)
    monkeypatch.undo()
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_a_folder_that_is_read_only():
    nobody, is_root = 65534, os.geteuid() == 0  # root may write anywhere, so it steps down
    with tempfile.TemporaryDirectory() as name:
        saved = Path(name) / "model"
        make().save(saved)
        before = saved.read_bytes()
        model = make(seed=1)
        saved.parent.chmod(0o555)
        if is_root:
            os.seteuid(nobody)
        try:
            with pytest.raises(PermissionError):
                model.save(saved)
        finally:
            if is_root:
                os.seteuid(0)
            saved.parent.chmod(0o755)
        assert saved.read_bytes() == before
        assert os.listdir(name) == ["model"]


def test_saving_replaces_and_keeps_the_permissions(saved):
    saved.chmod(0o640)
    model = make(seed=9)
    model.save(saved)
    assert_same_parameters(LanguageModel.load(saved), model)
    assert saved.stat().st_mode & 0o777 == 0o640


def test_saving_changes_nothing():
    model = trained()
    before = snapshot(model)
    with pytest.raises(FileNotFoundError):
        model.save("/no/such/folder/model")
    assert_same_parameters(model, before)
