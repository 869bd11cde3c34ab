"""The kernel tree and the git repository that a folder is part of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_OF_A_TREE = ("Makefile", "arch/x86/kvm/mmu/mmu.c", "include/linux", "virt/kvm")


def tree_around(folder: Path) -> Path | None:
    """The root of the kernel tree that a folder is in, or is itself; None if it is in none."""
    return next((each for each in _upwards(folder) if all((each / part).exists() for part in _OF_A_TREE)), None)


def repository_around(folder: Path) -> Path:
    """The top of the git repository that a folder is in, or is itself; the folder if it is in none."""
    return next((each for each in _upwards(folder) if _is_repository(each)), folder)


def is_bare_repository(folder: Path) -> bool:
    """Whether a folder is in a git repository that has no work tree, or is one."""
    return _is_bare(repository_around(folder))


def _upwards(folder: Path) -> Iterator[Path]:
    whole = folder.resolve()
    # What the user has typed is told as it was typed.
    yield folder
    yield from whole.parents


def _is_repository(folder: Path) -> bool:
    return (folder / ".git").exists() or _is_bare(folder)


def _is_bare(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir()
