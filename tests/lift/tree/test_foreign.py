"""What stands in a folder of the user's and is no part of the tree is not read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree import foreign
from mmuproof.lift.tree.foreign import foreign_entries
from mmuproof.lift.tree.source import open_source

HEADERS = "include/linux"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with a file in it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "token.h").write_text("abracadabra\n")
    return folder


def test_links_that_lead_out_and_what_is_no_text_are_found(
    kernel: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "_LARGEST", 1 << 20)
    headers = kernel / HEADERS
    (headers / "file.h").symlink_to(outside / "token.h")
    (headers / "folder").symlink_to(outside)
    (headers / "nowhere").symlink_to(outside / "nothing.h")
    (headers / "chain.h").symlink_to("file.h")
    (headers / "rest").symlink_to("../../Documentation")
    os.mkfifo(headers / "pipe.h")
    with (headers / "huge.h").open("wb") as file:
        file.truncate(1 << 40)
    with (headers / "huge.o").open("wb") as file:
        file.truncate(1 << 40)
    names = ("chain.h", "file.h", "folder", "huge.h", "nowhere", "pipe.h", "rest")
    assert sorted(foreign_entries(kernel)) == [f"{HEADERS}/{name}" for name in names]


def test_links_inside_the_tree_belong_to_it(kernel: Path) -> None:
    headers = kernel / HEADERS
    (headers / "own.h").symlink_to("../../arch/x86/include/asm/own.h")
    (headers / "absolute.h").symlink_to(kernel / "arch/x86/include/asm/own.h")
    (headers / "text.h").symlink_to("../../Documentation/index.rst")
    (headers / "folder").symlink_to(kernel / "include/asm-generic")
    (headers / "lost.h").symlink_to("lost")
    assert not list(foreign_entries(kernel))
    with open_source(str(kernel)) as tree:
        assert tree.root == kernel.resolve()


def test_a_tree_behind_a_link_is_that_tree(kernel: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(kernel)
    assert not list(foreign_entries(tmp_path / "link"))


def test_a_tree_is_opened_without_them_and_stays_as_it_is(kernel: Path, outside: Path) -> None:
    door = kernel / "arch/x86/kvm/door.h"
    door.symlink_to(outside / "token.h")
    with open_source(str(kernel)) as tree:
        assert not os.path.lexists(tree.root / "arch/x86/kvm/door.h")
        assert (tree.root / "arch/x86/kvm/Kconfig").is_file()
        assert tree.description == str(kernel)
    assert door.is_symlink()


@pytest.mark.parametrize("name", ["Makefile", "include", "arch", "arch/x86/kvm", "arch/x86/kvm/mmu/spte.c"])
def test_a_tree_of_which_a_part_lies_elsewhere_is_told(name: str, kernel: Path, outside: Path) -> None:
    (kernel / name).rename(outside / "moved")
    (kernel / name).symlink_to(outside / "moved")
    with pytest.raises(SourceError, match=rf"{name} leads out of the tree, and is not read"), open_source(str(kernel)):
        pass
