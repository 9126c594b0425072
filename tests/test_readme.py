"""The README's code runs, and its commands are the ones that are tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_there_is_code() -> None:
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_code_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(README), "exec"), {})


@pytest.mark.parametrize("name", ["solo", "test"])
def test_command_is_found_by_its_mark(name: str) -> None:
    assert re.search(rf"^<!-- {name} -->\n```bash\n.+?^```", README.read_text(), re.MULTILINE | re.DOTALL)


def test_main_command_is_a_command() -> None:
    from rnnfast.cli import parser

    words = re.search(r"bin/rnnfast (solo .*)", README.read_text())
    assert words is not None
    assert parser().parse_args(words[1].split()).wav
