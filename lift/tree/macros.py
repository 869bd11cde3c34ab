"""The macros that the text of KVM's own files defines, without anything being parsed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

_FOLDERS = ("arch/x86/kvm", "arch/x86/include", "include/linux", "virt/kvm")
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+((?:\\\n|[^\n])+)", re.MULTILINE)
_NAMES = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def macros_of_kvm(root: Path, unless: Collection[str] = ()) -> Mapping[str, str]:
    """What macros without arguments stand for in a tree, by name; of several of one name, the last that is read.

    Args:
        root: the tree.
        unless: if all of these are defined they are all that is told, each without what it stands for: nobody looks
            for another name of theirs.
    """
    texts = list(_texts(root))
    if unless and set(unless) <= {name for text in texts for name in _NAMES.findall(text)}:
        return dict.fromkeys(unless, "")
    found: dict[str, str] = {}
    for text in texts:
        bodies = _DEFINE.findall(_COMMENT.sub(" ", text))
        found |= {name: " ".join(body.replace("\\\n", " ").split()) for name, body in bodies}
    return found


def _texts(root: Path) -> Iterator[str]:
    for folder in _FOLDERS:
        for file in sorted((root / folder).rglob("*.h")) + sorted((root / folder).glob("*.c")):
            if folder != "include/linux" or "kvm" in file.name:
                yield file.read_text("utf-8", errors="replace")
