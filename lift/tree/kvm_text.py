"""What the text of KVM's own files says, without anything being parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_FOLDERS = ("arch/x86/kvm", "arch/x86/include", "include/linux", "virt/kvm")
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+((?:\\\n|[^\n])+)", re.MULTILINE)
_WITH_ARGUMENTS = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)\(", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*")


def macros_of_kvm(root: Path) -> Mapping[str, str]:
    """What macros without arguments stand for in a tree, by name; of several of one name, the last that is read."""
    found: dict[str, str] = {}
    for text in _texts(root):
        found |= {name: " ".join(body.replace("\\\n", " ").split()) for name, body in _DEFINE.findall(text)}
    return found


def defined_with_arguments(root: Path) -> frozenset[str]:
    """The macros with arguments that a tree defines."""
    return frozenset(name for text in _texts(root) for name in _WITH_ARGUMENTS.findall(text))


def words_of_kvm(root: Path) -> frozenset[str]:
    """Every word that stands in a tree's code, comments left out."""
    return frozenset(word for text in _texts(root) for word in _WORD.findall(text))


def files_of_kvm(root: Path) -> Iterator[str]:
    """The files of a tree that are KVM's or that KVM may be changed in, relative to it."""
    for folder in _FOLDERS:
        for file in sorted((root / folder).rglob("*.h")) + sorted((root / folder).rglob("*.c")):
            if folder != "include/linux" or "kvm" in file.name:
                yield file.relative_to(root).as_posix()


def _texts(root: Path) -> Iterator[str]:
    for file in files_of_kvm(root):
        yield _COMMENT.sub(" ", (root / file).read_text("utf-8", errors="replace"))
