"""What the text of KVM's own files says, without anything being parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_FOLDERS = ("arch/x86/kvm", "arch/x86/include", "include/linux", "virt/kvm")
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+((?:\\\n|[^\n])+)", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*")


def macros_of_kvm(root: Path) -> Mapping[str, str]:
    """What macros without arguments stand for in a tree, by name; of several of one name, the last that is read."""
    found: dict[str, str] = {}
    for text in _texts(root):
        found |= {name: " ".join(body.replace("\\\n", " ").split()) for name, body in _DEFINE.findall(text)}
    return found


def words_of_kvm(root: Path) -> frozenset[str]:
    """Every word that stands in a tree's code, comments left out."""
    return frozenset(word for text in _texts(root) for word in _WORD.findall(text))


def _texts(root: Path) -> Iterator[str]:
    for folder in _FOLDERS:
        for file in sorted((root / folder).rglob("*.h")) + sorted((root / folder).rglob("*.c")):
            if folder != "include/linux" or "kvm" in file.name:
                yield _COMMENT.sub(" ", file.read_text("utf-8", errors="replace"))
