"""Writing files whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from rnnfast._files import atomic_drafts, atomic_write


def test_a_file_is_replaced_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o600)
    with atomic_write(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert os.listdir(target.parent) == ["target"]


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for path in (pipe, tmp_path / "link"):
        with (
            pytest.raises(OSError, match="pipe' is a device, pipe or socket, expected a file"),
            atomic_write(path),
        ):
            pass
    assert pipe.is_fifo()
    with pytest.raises(ValueError, match="path is ''"), atomic_write(""):
        pass


def test_errors_name_the_file_and_leave_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(OSError, match=r"No space left on device: .*/a'"), atomic_write(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_drafts_are_put_in_place_together(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    with atomic_drafts(paths) as drafts:
        for draft in drafts:
            draft.write_text(draft.name)
    assert [path.read_text() for path in paths] == ["a", "b"]
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_of_several_files_all_are_written_or_none(tmp_path: Path) -> None:
    def fill_the_disk(drafts: list[Path]) -> None:
        drafts[0].write_text("a")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(drafts[1]))

    paths = [tmp_path / "a", tmp_path / "b"]
    with pytest.raises(OSError, match="/b'"), atomic_drafts(paths) as drafts:
        fill_the_disk(drafts)
    assert os.listdir(tmp_path) == []
