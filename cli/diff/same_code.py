"""Files that have changed and say the same: in comments, in blanks, and in what a header that they include is called.

Of a file whose functions are not compared nothing else is known.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from mmuproof.lift.parsing.bodies import uncommented
from mmuproof.lift.tree.included import KVM

_INCLUDE = re.compile(rb'^#[ \t]*include[ \t]*(["<])([^">\n]+)[">]$')
_HEADER = ".h"
_OF_C = (".c", _HEADER)


def say_the_same(old: Path, new: Path, changed: Collection[str]) -> frozenset[str]:
    """Those of the files that have changed which say the same in both trees.

    A header of KVM's that is called otherwise counts as the same if nothing else of that name could be found where it
    is now.  Then files are the same that include it by its new name where they included it by the old one.

    Args:
        old: the folder of the old tree.
        new: the folder of the new one.
        changed: the files that are not the same in both, relative to the trees.
    """
    files = _Changed(old, new, [name for name in changed if name.endswith(_OF_C)])
    same = {name for name in files.in_both if files.before[name] == files.after[name]}
    moved = files.moved_headers()
    if moved:
        left = (name for name in files.in_both if name not in same)
        same |= {name for name in left if _under_new_names(name, files.before[name], moved) == files.after[name]}
    return frozenset((*same, *moved, *moved.values()))


class _Changed:
    """What files say that have changed, line by line.

    ``before`` and ``after`` have those that the old and the new tree hold.
    """

    def __init__(self, old: Path, new: Path, changed: Collection[str]) -> None:
        self._old = old
        self.before, self.after = ({name: _lines(root / name) for name in changed} for root in (old, new))
        self.in_both = [name for name in changed if self.before[name] is not None and self.after[name] is not None]

    def moved_headers(self) -> Mapping[str, str]:
        """The headers that are gone, with what they are called now."""
        gone = [name for name, lines in self.before.items() if lines is not None and self.after[name] is None]
        come = [name for name, lines in self.after.items() if lines is not None and self.before[name] is None]
        moved: dict[str, str] = {}
        for name in filter(_is_header_of_kvm, gone):
            alike = [other for other in come if _is_header_of_kvm(other) and self._is_moved(name, other)]
            if len(alike) == 1 and alike[0] not in moved.values() and not self._hides_another(alike[0]):
                moved[name] = alike[0]
        return moved

    def _is_moved(self, name: str, other: str) -> bool:
        # What a header includes is looked for in its own folder first.
        beside = PurePosixPath(name).parent == PurePosixPath(other).parent
        return beside and self.before[name] == self.after[other]

    def _hides_another(self, header: str) -> bool:
        """Whether a file that included another header of this name may find this one now."""
        name = PurePosixPath(header).name
        return any(True for folder in KVM for _ in (self._old / folder).rglob(name)) or any(
            name == PurePosixPath(other).name for other in self.after if other != header
        )


def _is_header_of_kvm(name: str) -> bool:
    return name.startswith(KVM) and name.endswith(_HEADER)


def _lines(file: Path) -> list[bytes] | None:
    """A file's lines without comments and blanks around them; None if it is not there."""
    return uncommented(file.read_bytes()).split(b"\n") if file.is_file() else None


def _under_new_names(file: str, lines: list[bytes] | None, moved: Mapping[str, str]) -> list[bytes]:
    return [_include_under(file, line, moved) for line in lines or []]


def _include_under(file: str, line: bytes, moved: Mapping[str, str]) -> bytes:
    """A line; one that includes a header which is called otherwise now, as it would include that."""
    found = _INCLUDE.match(line)
    if found is None:
        return line
    path = found[2].decode("utf-8", errors="surrogateescape")
    folders = [str(PurePosixPath(file).parent)] if found[1] == b'"' else []
    for folder in (*folders, *(each.rstrip("/") for each in KVM)):
        now = moved.get(_joined(folder, path))
        if now is not None:
            called = str(PurePosixPath(path).with_name(PurePosixPath(now).name))
            return line.replace(found[2], called.encode("utf-8", errors="surrogateescape"))
    return line


def _joined(folder: str, path: str) -> str:
    parts: list[str] = []
    for part in PurePosixPath(folder, path).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)
