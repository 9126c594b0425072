"""``rnnfast names`` and ``rnnfast text``, as a user types them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rnnfast import LanguageModel
from rnnfast.cli import main

POEM = "the cat sat on the mat, and that was that: the rat had a hat.\n" * 40
QUICK = ["--hidden", "16", "--epochs", "3", "--rate", "0.01"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("poem.txt").write_text(POEM, encoding="utf-8")


def test_names_of_dinosaurs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["names", *QUICK, "--plot", "loss.png"]) == 0
    said = capsys.readouterr().out
    assert "907" in said
    assert said.count("bits a character, held back") == 3
    assert Path("loss.png").read_bytes().startswith(b"\x89PNG")
    model = LanguageModel.load("names.model")
    assert model.vocabulary == ("\n", *"abcdefghijklmnopqrstuvwxyz")
    assert main(["names", "--model", "names.model", "--count", "3", "--begin", "tyr"]) == 0
    invented = capsys.readouterr().out.splitlines()
    assert len(invented) == 3
    assert all(name.startswith("tyr") for name in invented)


def test_names_of_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("towns.txt").write_bytes("\ufeffWien\r\nGraz\r\n\r\nLinz\r\nWels\r\nKrems\r\nWien\r\n".encode())
    assert main(["names", "towns.txt", *QUICK, "--validation", "0", "-o", "towns.model"]) == 0
    assert "towns.txt: 5, " in capsys.readouterr().out


def test_text_is_learnt_sampled_and_scored(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--epochs", "25", "--rate", "0.03", "--streams", "8", "--steps", "20", "--plot", "loss.png"]
    assert main(["text", "train", "poem.txt", *QUICK, *words]) == 0
    assert Path("loss.png").read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr().out
    bits = [float(found) for found in re.findall(r"held back ([\d.]+) ", said)]
    assert bits[-1] < 1 < bits[0]
    assert (
        main(["text", "sample", "text.model", "--prompt", "the c", "--length", "40", "--temperature", "0"])
        == 0
    )
    written = capsys.readouterr().out
    assert written.startswith("the cat sat on")
    assert len(written) == 46
    assert main(["text", "score", "text.model", "poem.txt"]) == 0
    assert float(re.search(r"([\d.]+) bits a character", capsys.readouterr().out).group(1)) < 1  # type: ignore[union-attr]


def test_the_same_seed_gives_the_same_model() -> None:
    for name in ("a", "b"):
        assert main(["text", "train", "poem.txt", *QUICK, "-q", "--dropout", "0.2", "-o", name]) == 0
    assert Path("a").read_bytes() == Path("b").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["text", "train", "none.txt"], "No such file"),
        (["text", "train", "latin.txt"], r"latin.txt: byte 3 \(0xe9\) is not UTF-8"),
        (["text", "train", "short.txt"], "5 characters, expected at least 102"),
        (["text", "train", "poem.txt", "-o", "poem.txt"], "'poem.txt' is read and would be overwritten"),
        (["text", "train", "poem.txt", "-o", "short.txt"], "'short.txt' exists; --force"),
        (["text", "train", "poem.txt", "-o", "x", "--plot", "x"], "same name"),
        (["text", "train", "poem.txt", "--dropout", "1"], "dropout is 1"),
        (["text", "sample", "poem.txt"], "damaged, or no safetensors"),
        (
            ["text", "sample", "good.model", "--prompt", "Ωt"],
            "text has 'Ω', which the vocabulary does not have",
        ),
        (["text", "score", "good.model", "short.txt"], "which the vocabulary does not have"),
        (["names", "one.txt"], "one.txt: 1 names, expected at least 2"),
        (["names", "--model", "abc.model"], "no line's end"),
        (["names", "one.txt", "--model", "good.model"], "exclude each other"),
        (["names", "--begin", "Ω"], "--begin is 'Ω', with 'Ω', which no name has$"),
        (
            ["names", "--begin", "Tri"],
            "--begin is 'Tri', with 'T', which no name has: they are in lower case",
        ),
        (["names", "--model", "good.model", "--begin", "Hat"], "--begin is 'Hat', with 'H', .* lower case"),
    ],
)
def test_bad_input_is_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("latin.txt").write_bytes(b"caf\xe9" * 100)
    Path("short.txt").write_text("Quick", encoding="utf-8")
    Path("one.txt").write_text("one\n", encoding="utf-8")
    LanguageModel(5, 2, vocabulary="\nhate").save("good.model")
    LanguageModel(3, 2, vocabulary="abc").save("abc.model")
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    assert main(words) == 2
    captured = capsys.readouterr()
    assert re.search(message, captured.err)
    assert captured.err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


def test_ctrl_c_leaves_the_best_model(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "rnnfast",
        "text",
        "train",
        "poem.txt",
        "--epochs",
        "1000000",
        "--patience",
        "1000000",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as run:
        deadline = time.monotonic() + 60
        while not Path("text.model").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "interrupted; the best model so far is in text.model" in errors
    assert LanguageModel.load("text.model").vocabulary is not None
