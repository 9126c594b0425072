"""The command line, as a user types it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnfast import LanguageModel, available_isas, music
from rnnfast.cli import main
from rnnfast.cli.solo import MAX_BARS
from rnnfast.music import improvisation
from rnnfast.music.midi import read_midi, write_midi
from rnnfast.music.score import Note, Part, Score
from rnnfast.music.tunes import bundled_tune

QUICK = ["--epochs", "3", "--hidden", "8"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rnnfast", *words]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )


def test_solo_writes_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solo", *QUICK, "--wav", "--plot", "--save-model", "tune.model"]) == 0
    said = capsys.readouterr().out
    for name in ("solo.mid", "solo.wav", "solo.png", "tune.model"):
        assert Path(name).stat().st_size > 0
        assert name in said
    for fact in ("forget_gate_blues.mid", "values", "epochs: loss from", "bars", " s"):
        assert fact in said
    assert sorted(os.listdir()) == ["solo.mid", "solo.png", "solo.wav", "tune.model"]
    assert read_midi("solo.mid").parts


def test_default_training_is_the_exercises(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solo", "-o", "full.mid"]) == 0
    said = capsys.readouterr().out
    loss = float(said.split("loss from")[1].split("to")[1].split()[0])
    assert loss < 20
    corpus = music.Corpus.from_midi(bundled_tune())
    assert f"{len(corpus.measures)} bars" in said


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solo", *QUICK, "--quiet", "--bars", "4"]) == 0
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_no_progress_bar_off_a_terminal() -> None:
    finished = run("solo", *QUICK)
    assert finished.returncode == 0
    assert finished.stderr == ""
    assert "\x1b" not in finished.stdout


def test_the_seed_decides_every_byte_on_every_instruction_set() -> None:
    files = {}
    for isa in available_isas():
        if isa == "scalar":  # rounds differently, and says so
            continue
        for hash_seed in ("1", "2"):
            name = f"{isa}-{hash_seed}"
            words = ("solo", *QUICK, "--seed", "5", "-o", f"{name}.mid", "--save-model", f"{name}.model")
            finished = run(*words, RNNFAST_ISA=isa, PYTHONHASHSEED=hash_seed)
            assert finished.returncode == 0, finished.stderr
            files[name] = Path(f"{name}.mid").read_bytes(), Path(f"{name}.model").read_bytes()
    assert len(files) >= 4
    assert len(set(files.values())) == 1
    assert main(["solo", *QUICK, "--seed", "6", "-o", "other.mid"]) == 0
    assert Path("other.mid").read_bytes() != next(iter(files.values()))[0]


def test_freely_is_the_model_without_the_rules() -> None:
    assert main(["solo", *QUICK, "--save-model", "m"]) == 0
    assert main(["solo", "--model", "m", "--freely", "-o", "free.mid"]) == 0
    model, corpus = LanguageModel.load("m"), music.Corpus.from_midi(bundled_tune())
    music.improvise(model, corpus, freely=True).save("again.mid")
    assert Path("free.mid").read_bytes() == Path("again.mid").read_bytes() != Path("solo.mid").read_bytes()


def test_a_saved_model_gives_the_same_solo() -> None:
    assert main(["solo", *QUICK, "--save-model", "m"]) == 0
    assert main(["solo", "--model", "m", "-o", "again.mid"]) == 0
    assert Path("again.mid").read_bytes() == Path("solo.mid").read_bytes()
    assert LanguageModel.load("m").hidden_size == 8


def test_existing_files_are_kept_without_force(capsys: pytest.CaptureFixture[str]) -> None:
    Path("solo.mid").write_text("mine")
    assert main(["solo", *QUICK]) == 2
    assert Path("solo.mid").read_text() == "mine"
    assert capsys.readouterr().err.strip() == "rnnfast: error: 'solo.mid' exists; --force overwrites it"
    assert main(["solo", *QUICK, "--force"]) == 0
    assert Path("solo.mid").read_bytes().startswith(b"MThd")


@pytest.mark.parametrize("name", ["tune.mid", "./tune.mid", "link.mid"])
def test_what_is_read_is_not_overwritten(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    tune = bundled_tune().read_bytes()
    Path("tune.mid").write_bytes(tune)
    Path("link.mid").symlink_to("tune.mid")
    assert main(["solo", "tune.mid", *QUICK, "-o", name, "--force"]) == 2
    assert "is read and would be overwritten" in capsys.readouterr().err
    assert Path("tune.mid").read_bytes() == tune


def test_a_model_that_is_read_is_not_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solo", *QUICK, "--save-model", "m"]) == 0
    assert main(["solo", "--model", "m", "--save-model", "m", "--force"]) == 2
    assert "'m' is read and would be overwritten" in capsys.readouterr().err


def test_all_outputs_are_written_or_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rnnfast.music.sound.sounding.MAX_SECONDS", 1)
    assert main(["solo", *QUICK, "--wav", "--save-model", "m"]) == 2
    assert "to render" in capsys.readouterr().err
    assert os.listdir() == []


def test_the_longest_solo_is_improvises() -> None:
    assert MAX_BARS == improvisation.MAX_BARS


def test_a_tune_with_little_to_learn_is_said_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solo", *QUICK, "--bars", "1"]) == 0
    said = capsys.readouterr().out
    assert "solo.mid: 1 bar, " in said
    assert "note  " not in said
    assert main(["solo", "solo.mid", *QUICK, "-o", "next.mid"]) == 0
    said = capsys.readouterr().out
    assert "solo.mid: 1 bar, " in said
    assert "note      little to learn from" in said
    assert main(["inspect", "solo.mid"]) == 0
    said = capsys.readouterr().out
    assert "1 bar, " in said
    assert "1 bar with " in said


def test_a_tune_too_short_to_learn_from_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    notes = (Note(0, 960, 60), Note(960, 1920, 62))
    write_midi(Score(480, (Part(0, 0, "Tune", None, notes),)), "short.mid")
    assert main(["solo", "short.mid", *QUICK, "-q"]) == 2
    assert "short.mid: the corpus has 2 tokens" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["solo", "missing.mid"], "No such file or directory: 'missing.mid'"),
        (["solo", "."], "'.'"),
        (["solo", "text.mid"], "text.mid"),
        (["solo", "-o", "no/such/folder.mid"], "the folder 'no/such' does not exist"),
        (["solo", "--model", "text.mid"], "damaged, or no safetensors file"),
        (["solo", "--melody", "99"], "99"),
        (["solo", "--melody", "Kazoo"], "Kazoo"),
        (["solo", "-o", "a.mid", "--save-model", "a.mid"], "two outputs have the same name"),
        (["solo", "-o", "a.mid", "--save-model", "./a.mid"], "two outputs have the same name"),
        (["solo", "-o", ""], "-o '': expected a name that ends in .mid or .midi"),
        (["solo", "-o", "a.wav"], "-o 'a.wav': expected a name that ends in .mid or .midi"),
        (["solo", "--save-model", ""], "--save-model '': expected the name of a file"),
        (
            ["solo", "--model", "text.mid", "--epochs", "3", "--hidden", "8"],
            "--model and --epochs and --hidden",
        ),
        (["solo", "--faithful", "--freely"], "--faithful and --freely exclude each other"),
        (
            ["solo", "--faithful", "--bars", "3", "--temperature", "1"],
            "--faithful and --bars and --temperature",
        ),
        (["solo", "drums.mid"], "drums.mid: the file has only drums"),
        (["inspect", "drums.mid"], "drums.mid: the file has only drums"),
        (["inspect", str(bundled_tune()), "--tune", "drums.mid"], "drums.mid: the file has only drums"),
        (["inspect", "missing.mid"], "No such file or directory: 'missing.mid'"),
        (["inspect", "text.mid"], "text.mid"),
    ],
)
def test_errors_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.mid").write_text("not music")
    drums = tuple(Note(480 * i, 480 * i + 240, 38, channel=9) for i in range(8))
    write_midi(Score(480, (Part(0, 0, "Drums", None, drums),)), "drums.mid")
    assert main([*words, *(QUICK if words[0] == "solo" and "--model" not in words else [])]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("rnnfast: error: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert sorted(os.listdir()) == ["drums.mid", "text.mid"]


@pytest.mark.parametrize(
    "words",
    [
        ["solo", "--epochs", "0"],
        ["solo", "--temperature", "nan"],
        ["solo", "--seed", "-1"],
        ["solo", "--bars", "many"],
        ["solo", "--bars", str(MAX_BARS + 1)],
        ["dance"],
        [],
    ],
)
def test_bad_options_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_another_tunes_model_is_refused(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solo", *QUICK, "--save-model", "m"]) == 0
    assert main(["solo", str(data_dir / "midi" / "foster_jeanie.mid"), "--model", "m", "-o", "b.mid"]) == 2
    assert "was trained on another tune" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["midi/foster_jeanie", "midi/joplin_maple_leaf_rag", "midi/nottingham_cuckoos_nest", "metheny"]
)
def test_real_files_need_no_options(data_dir: Path, name: str) -> None:
    assert main(["solo", str(data_dir / f"{name}.mid"), *QUICK]) == 0
    assert read_midi("solo.mid").parts
    assert main(["inspect", str(data_dir / f"{name}.mid")]) == 0
    assert main(["inspect", "solo.mid"]) == 0


def test_faithful_is_the_exercise(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solo", str(data_dir / "midi" / "foster_jeanie.mid"), "--faithful", *QUICK]) == 0
    assert "solo.mid" in capsys.readouterr().out
    tempos = read_midi("solo.mid").tempos
    assert [tempo for _, tempo in tempos] == [461_538]  # 130 beats a minute


@pytest.mark.parametrize("words", [["--help"], ["solo", "--help"], ["inspect", "--help"], ["--version"]])
def test_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 0
    assert capsys.readouterr().out


def test_ctrl_c_while_commands_are_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnfast.cli.parser", interrupt)
    assert main(["solo"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_ctrl_c_writes_nothing() -> None:
    words = [sys.executable, "-m", "rnnfast", "solo", "--epochs", "1000000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("tune")  # it is about to train
        import signal
        import time

        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in error
    assert os.listdir() == []
