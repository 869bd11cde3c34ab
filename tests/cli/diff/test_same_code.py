"""Which files that have changed say the same all the same: nothing else is known of those that are not compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from mmuproof.cli.diff.same_code import say_the_same

KVM, X86 = "arch/x86/kvm", "arch/x86/kvm/x86.c"
FILES = {
    X86: '#include "regs.h"\n#include "mmu/in.h"\nint a; /* one */\n',
    f"{KVM}/vmx/vmx.c": '#include "../regs.h"\nint b;\n',
    f"{KVM}/svm/svm.c": "#include <regs.h>\nint c;\n",
    f"{KVM}/regs.h": "#define R 1\n",
    f"{KVM}/mmu/in.h": "#define IN 1\n",
    f"{KVM}/mmu/other.h": "#define OTHER 1\n",
    f"{KVM}/Makefile": "a := b // c\n",
}


def laid(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def same(tmp_path: Path, after: Mapping[str, str | None], *edits: tuple[str, str, str]) -> set[str]:
    """The files that say the same after some files have another text or none, and some edits in others."""
    files = {**FILES, **after}
    for name, old, new in edits:
        text = files[name]
        assert text is not None
        assert old in text
        files[name] = text.replace(old, new)
    there = {name: text for name, text in files.items() if text is not None}
    changed = {name for name in FILES.keys() | there.keys() if FILES.get(name) != there.get(name)}
    return set(say_the_same(laid(tmp_path / "old", FILES), laid(tmp_path / "new", there), changed))


@pytest.mark.parametrize("text", ["/* two\n\n * lines */", "", "// one", "\n\n"])
def test_a_comment_and_an_empty_line_say_nothing(tmp_path: Path, text: str) -> None:
    assert same(tmp_path, {}, (X86, "/* one */", text)) == {X86}


@pytest.mark.parametrize("text", ["/* */ int d;", '"/* one */"', ";"])
def test_anything_else_does(tmp_path: Path, text: str) -> None:
    assert same(tmp_path, {}, (X86, "/* one */", text)) == set()


def test_what_is_no_c_is_not_read_as_such(tmp_path: Path) -> None:
    assert same(tmp_path, {f"{KVM}/Makefile": "a := b // d\n"}) == set()


REGS, NAMED = f"{KVM}/regs.h", f"{KVM}/vcpu_regs.h"
MOVED = {REGS: None, NAMED: FILES[REGS]}
FOLLOWED = tuple(
    (name, "regs.h", "vcpu_regs.h") for name in (X86, f"{KVM}/vmx/vmx.c", f"{KVM}/svm/svm.c")
)  # by each way in which a header can be named


def test_a_header_may_be_called_otherwise_where_all_follow(tmp_path: Path) -> None:
    assert same(tmp_path, MOVED, *FOLLOWED) == {REGS, NAMED, *(name for name, _, _ in FOLLOWED)}


def test_a_remark_in_the_header_is_none_either(tmp_path: Path) -> None:
    after = {REGS: None, NAMED: "/* Registers */\n" + FILES[REGS]}
    assert same(tmp_path, after, *FOLLOWED) == {REGS, NAMED, *(name for name, _, _ in FOLLOWED)}


def test_who_includes_another_header_than_the_one_that_was_renamed_does_not_say_the_same(tmp_path: Path) -> None:
    assert same(tmp_path, MOVED, (X86, "mmu/in.h", "mmu/other.h")) == {REGS, NAMED}


def test_who_does_more_than_follow_does_not_say_the_same(tmp_path: Path) -> None:
    assert same(tmp_path, MOVED, (X86, "regs.h", "vcpu_regs.h"), (X86, "int a", "long a")) == {REGS, NAMED}


@pytest.mark.parametrize(
    "after",
    {
        "it says something else": {REGS: None, NAMED: "#define R 2\n"},
        "it is in another folder, where other headers are": {REGS: None, f"{KVM}/mmu/vcpu_regs.h": FILES[REGS]},
        "another header has that name already": {REGS: None, f"{KVM}/other.h": FILES[REGS]},
        "it may be either of two": {REGS: None, NAMED: FILES[REGS], f"{KVM}/b.h": FILES[REGS]},
        "it is no header": {REGS: None, f"{KVM}/regs.c": FILES[REGS]},
        "it is gone": {REGS: None},
    }.items(),
    ids=lambda each: each[0],
)
def test_a_header_is_another_if(tmp_path: Path, after: tuple[str, Mapping[str, str | None]]) -> None:
    assert same(tmp_path, after[1], *FOLLOWED) == set()
