"""Which files a translation unit may consist of, told from the text alone: too many rather than too few."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include(?:_next)?[ \t]*[<"]([^>"\n]+)[>"]', re.MULTILINE)
_FOLDERS = ("arch/x86/include", "include", "arch/x86/include/uapi", "include/uapi", "arch/x86/kvm", "virt/kvm")
KVM = ("arch/x86/kvm/", "virt/kvm/")
"""What the paths of KVM's own files begin with, those of the interface with other parts of the kernel aside."""
_INTERFACE = (
    "include/linux/kvm",
    "include/uapi/linux/kvm",
    "arch/x86/include/asm/kvm",
    "arch/x86/include/uapi/asm/kvm",
)
"""And those of that interface."""
_ALWAYS = ("include/linux/compiler-version.h", "include/linux/kconfig.h", "include/linux/compiler_types.h")


class Included:
    """The files that the units of a tree may include, conditions left out of account.

    Args:
        root: the tree's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._direct: dict[str, tuple[str, ...]] = {}

    def reaches(self, unit: str, files: Collection[str]) -> bool:
        """Whether a unit is, or may include, one of some files; both are relative to the tree."""
        # KVM's own files are few, and most changes are there.
        if not self.of_kvm(unit).isdisjoint(files):
            return True
        wanted = set(files)
        return any(path in wanted for path in self._reached([unit, *_ALWAYS]))

    def of_kvm(self, unit: str, *, interface: bool = False) -> frozenset[str]:
        """The files of KVM's that a unit is, or may include by way of others of KVM's.

        Args:
            unit: the unit.
            interface: whether headers count in which KVM tells other parts of the kernel of itself.
        """
        return frozenset(self._reached([unit], KVM + _INTERFACE if interface else KVM))

    def _reached(self, todo: list[str], folders: tuple[str, ...] = ("",)) -> Iterator[str]:
        """Some files, and all that they may include by way of files in some folders, each once."""
        seen = set[str]()
        while todo:
            path = todo.pop()
            if path not in seen and path.startswith(folders):
                seen.add(path)
                yield path
                todo += self._included(path)

    def _included(self, path: str) -> tuple[str, ...]:
        if path not in self._direct:
            try:
                text = (self._root / path).read_text("utf-8", errors="replace")
            except OSError:
                text = ""
            self._direct[path] = tuple(each for name in _INCLUDE.findall(text) for each in self._found(path, name))
        return self._direct[path]

    def _found(self, path: str, name: str) -> Iterator[str]:
        for folder in (str(PurePosixPath(path).parent), *_FOLDERS):
            parts: list[str] = []
            for part in PurePosixPath(folder, name).parts:
                if part == "..":
                    parts = parts[:-1]
                else:
                    parts.append(part)
            yield "/".join(parts)
        if name.startswith("asm/"):
            # A header that is generated stands for the generic one.
            yield f"include/asm-generic/{name.removeprefix('asm/')}"
