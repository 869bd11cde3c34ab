"""Where trees are made that nobody keeps."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree import changed
from mmuproof.lift.tree.workplace import filled_folder


def refused(number: int) -> SourceError:
    error = SourceError("it cannot be laid out")
    error.__cause__ = OSError(number, "no")
    return error


def test_where_the_cache_has_no_room_another_folder_is_filled(tmp_path: Path) -> None:
    tried: list[Path] = []

    def fill(folder: Path) -> None:
        tried.append(folder)
        (folder / "half").write_text("")
        if folder.is_relative_to(tmp_path):
            raise refused(errno.ENOSPC)

    with filled_folder(tmp_path, "a tree", fill) as folder:
        assert not folder.is_relative_to(tmp_path)
        assert [each.name for each in folder.iterdir()] == ["half"]
        assert [each.is_relative_to(tmp_path) for each in tried] == [True, False]
    assert not any(each.exists() for each in tried)


def test_what_fails_for_another_reason_fails(tmp_path: Path) -> None:
    def fill(_folder: Path) -> None:
        raise refused(errno.EACCES)

    with pytest.raises(SourceError, match="cannot be laid out"), filled_folder(tmp_path, "a tree", fill):
        pass


def test_a_patched_tree_needs_no_room_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()

    def full(base: str, into: str) -> None:
        if Path(into).is_relative_to(cache):
            raise OSError(errno.ENOSPC, "no room", into)
        Path(into).write_bytes(Path(base).read_bytes())

    monkeypatch.setattr(changed, "_link_file", full)
    (tmp_path / "tree/arch/x86").mkdir(parents=True)
    (tmp_path / "tree/arch/x86/a.c").write_text("a")
    with filled_folder(cache, "x", lambda into: changed.changed_tree(tmp_path / "tree", {}, into)) as folder:
        assert (folder / "arch/x86/a.c").read_text() == "a"
