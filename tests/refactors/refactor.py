"""What an honest refactor is: edits by pattern that leave a kernel what it was, and what has to be said of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from mmuproof.lift.tree.changed import changed_tree

KVM = "arch/x86/kvm"
SPTE_C, SPTE_H, MMU_C, TDP_C = (f"{KVM}/mmu/{name}" for name in ("spte.c", "spte.h", "mmu.c", "tdp_mmu.c"))
MMU_H, INTERNAL_H, PAGING_H = f"{KVM}/mmu.h", f"{KVM}/mmu/mmu_internal.h", f"{KVM}/mmu/paging_tmpl.h"
VMX_C, NESTED_VMX_C, SVM_C, NESTED_SVM_C = (
    f"{KVM}/{name}.c" for name in ("vmx/vmx", "vmx/nested", "svm/svm", "svm/nested")
)
HOST_H, VMX_H = "arch/x86/include/asm/kvm_host.h", "arch/x86/include/asm/vmx.h"
_EVERYWHERE = (f"{KVM}/**/*.[ch]", "arch/x86/include/asm/kvm*.h", VMX_H)


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")


@cache
def _names(root: Path, pattern: str) -> tuple[str, ...]:
    return tuple(path.relative_to(root).as_posix() for path in sorted(root.glob(pattern)))


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Replace all that a regular expression matches; it has to match somewhere.

    Args:
        pattern: as `re` has it; ``^`` and ``$`` match at every line, and ``.`` does not match a line's end.
        replacement: may refer to groups.
        files: paths or shell patterns.
        inside: the function in whose definition alone it is done, as its text names it; anywhere if it is empty.
    """

    pattern: str
    replacement: str
    files: tuple[str, ...]
    inside: str = ""

    def apply(self, root: Path, texts: dict[str, str]) -> None:
        """Put it into the texts of a tree, by path below its root; files that are not among them are read."""
        found = 0
        for name in dict.fromkeys(name for each in self.files for name in _names(root, each)):
            before = texts[name] if name in texts else _text(root / name)
            text, count = self._changed(before)
            if count:
                texts[name], found = text, found + count
        assert found, f"nothing matches {self.pattern} in {self.inside or ', '.join(self.files)}"

    def _changed(self, text: str) -> tuple[str, int]:
        if not self.inside:
            return re.subn(self.pattern, self.replacement, text, flags=re.MULTILINE)
        definition = re.search(
            rf"^(?:\w[^\n;#]*\n)?[^\n;#]*\b{re.escape(self.inside)}\([^;{{]*\)\n\{{\n(?s:.*?)^\}}", text, re.MULTILINE
        )
        if definition is None:
            return text, 0
        body, count = re.subn(self.pattern, self.replacement, definition[0], flags=re.MULTILINE)
        return text[: definition.start()] + body + text[definition.end() :], count


@dataclass(frozen=True, kw_only=True)
class MoveText:
    """Move what a regular expression matches to another file; both have to match once.

    Args:
        pattern: what is moved, as `Edit.pattern`.
        source: the file in which it stands.
        target: the file to which it goes.
        before: what it comes to stand before.
        begins: what is put before it.
    """

    pattern: str
    source: str
    target: str
    before: str
    begins: str = ""

    def apply(self, root: Path, texts: dict[str, str]) -> None:
        """See `Edit.apply`."""
        source, target = (texts[each] if each in texts else _text(root / each) for each in (self.source, self.target))
        (moved,) = re.finditer(self.pattern, source, re.MULTILINE)
        (place,) = re.finditer(self.before, target, re.MULTILINE)
        texts[self.source] = source[: moved.start()] + source[moved.end() :]
        texts[self.target] = f"{target[: place.start()]}{self.begins}{moved[0]}{target[place.start() :]}"


def edit(pattern: str, replacement: str, *files: str, inside: str = "") -> Edit:
    """An edit of some files, or of all of KVM."""
    return Edit(pattern=pattern, replacement=replacement, files=files or _EVERYWHERE, inside=inside)


def renamed(old: str, new: str, *files: str, inside: str = "") -> Edit:
    """A name is another one wherever it stands."""
    return edit(rf"\b{old}\b", new, *files, inside=inside)


@dataclass(frozen=True, kw_only=True)
class Refactor:
    """A refactor, and what has to be said of it.

    Args:
        edits: what is done to the tree, one after the other.
        functions: the functions of the MMU that it touches, by their new names: `diff` is asked for them.
        trees: the series that it fits.
        relation: what `diff` has to name.
        names: what has another name or place, by what it was; some of what is lost has to tell both.
        lost: the theorems that may be lost for it, as shell patterns; all others keep their verdicts.
    """

    edits: tuple[Edit | MoveText, ...]
    functions: tuple[str, ...] = ()
    trees: tuple[str, ...] = ("7.2", "7.3")
    relation: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    lost: tuple[str, ...] = ()

    def changes(self, root: Path) -> dict[str, bytes | None]:
        """The files of a tree that are others with it, by path."""
        texts: dict[str, str] = {}
        for each in self.edits:
            each.apply(root, texts)
        return {name: text.encode() for name, text in texts.items()}


def refactored(root: Path, how: Refactor, into: Path) -> Path:
    """Lay the tree at ``root`` with a refactor in it in the empty folder ``into``."""
    changed_tree(root, how.changes(root), into)
    return into
