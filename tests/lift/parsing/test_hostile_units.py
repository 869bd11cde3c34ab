"""Units of trees that strangers have written: clang sees nothing but the tree, and tells of nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.lift.errors import ParseFailed, SourceError
from mmuproof.lift.parsing import clang_run
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.tree.source import open_source
from mmuproof.lift.tree.stand_ins import clang_arguments, write_stand_ins

UNIT = "arch/x86/kvm/mmu/spte.c"
WORDS = ("abracadabra", "sesame")

READS = {
    "by an absolute path": '#include "{secret}"',
    "by a way out": '#include "../../../../../secret.txt"',
    "by a way out of a header's folder": "#include <linux/../../../secret.txt>",
    "by a name that a macro makes": '#define NAME "{secret}"\n#include NAME',
    "by words that make a name": "#define OUT ../../../../..\n#define NAME <OUT/secret.txt>\n#include NAME",
    "as the next of its name": '#include_next "{secret}"',
    "once": '#import "{secret}"',
    "under another name": '#pragma include_alias("alias.h", "{secret}")\n#include "alias.h"',
    "through a link": "#include <linux/door.h>",
    "through a link to a folder": "#include <linux/doors/secret.txt>",
    "through a link to a link": "#include <linux/second.h>",
    "below what is read": '#include "{private}"',
}
PROBES = {
    "by an absolute path": '__has_include("{secret}")',
    "by a way out": '__has_include("../../../../../secret.txt")',
    "as the next of its name": '__has_include_next("{secret}")',
    "through a link": "__has_include(<linux/door.h>)",
    "through a link to a folder": "__has_include(<linux/doors/secret.txt>)",
}
ASSEMBLY = {
    "a file that is included": 'void f(void) {{ __asm {{ .include "{secret}" }} }}',
    "one behind another word": 'void f(void) {{ _asm .include "{secret}"\n }}',
    "one in a macro": '#define ASK __asm {{ .include "{secret}" }}\nvoid f(void) {{ ASK }}',
}

Parse = Callable[[str], Unit]


@pytest.fixture
def parse(kernel: Path, tmp_path: Path) -> Parse:
    """Parse a unit with some text at its top, in a tree with links that lead out of it."""
    secret = tmp_path / "secret.txt"
    secret.write_text(f"{WORDS[0]} = {WORDS[1]}\njmp {WORDS[0]}\n")
    (kernel / "private.txt").write_text(" ".join(WORDS))
    linux = kernel / "include/linux"
    (linux / "door.h").symlink_to(secret)
    (linux / "doors").symlink_to(tmp_path)
    (linux / "second.h").symlink_to("door.h")

    def parsed(text: str) -> Unit:
        given = text.format(secret=secret, private=kernel / "private.txt")
        (kernel / UNIT).write_text(f"{given}\nint last;\n")
        with open_source(str(kernel)) as tree:
            headers = write_stand_ins(tree.root, tmp_path / "headers")
            return Unit(tree.root, UNIT, clang_arguments(tree.root, headers, UNIT))

    return parsed


def refusal(parse: Parse, text: str) -> str:
    with pytest.raises(ParseFailed) as refused:
        parse(text)
    told = "\n".join((refused.value.message, *refused.value.diagnostics))
    assert not any(word in told for word in WORDS), told
    return told


@pytest.mark.parametrize("text", READS.values(), ids=READS)
def test_no_file_outside_of_the_tree_is_read(text: str, parse: Parse) -> None:
    told = refusal(parse, text)
    assert f"{UNIT}:{text.count(chr(10)) + 1}: '" in told
    assert "file not found; only files of the tree are read" in told


@pytest.mark.parametrize("condition", PROBES.values(), ids=PROBES)
def test_nobody_is_told_whether_there_is_a_file_outside_of_the_tree(condition: str, parse: Parse) -> None:
    parse(f"#if {condition}\n#error it is there\n#endif")


def test_what_the_tree_has_is_found(parse: Parse) -> None:
    unit = parse('#include "../../include/asm/own.h"\n#if !__has_include(<asm/own.h>)\n#error it is not\n#endif')
    assert unit.has_variable("own")


@pytest.mark.parametrize("landlock", [True, False])
@pytest.mark.parametrize("text", ASSEMBLY.values(), ids=ASSEMBLY)
def test_clangs_own_assembler_tells_nothing(
    text: str, landlock: bool, parse: Parse, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not landlock:
        monkeypatch.setattr(clang_run, "read_only", lambda _paths: False)
    assert "inline assembly or a label that clang does not understand" in refusal(parse, text)


def test_a_name_that_a_line_directive_gives_is_not_opened(parse: Parse) -> None:
    assert "secret" not in refusal(parse, '#line 1 "{secret}"\nint x = nonsense;')


def test_a_thread_that_has_parsed_has_taken_no_rights_from_others(parse: Parse, tmp_path: Path) -> None:
    parse("")
    assert WORDS[0] in (tmp_path / "secret.txt").read_text()


@pytest.mark.parametrize("nested", ["(int)", "- "])
def test_what_is_nested_too_deeply_is_an_error(nested: str, parse: Parse) -> None:
    with pytest.raises(SourceError, match=f"clang cannot read {UNIT}, or has crashed on it"):
        parse(f"int f(int x) {{{{ return {nested * 100_000}x; }}}}")


def test_headers_that_include_each_other_are_an_error(kernel: Path, parse: Parse) -> None:
    (kernel / "include/linux/one.h").write_text("#include <linux/two.h>\n#include <linux/two.h>\n")
    (kernel / "include/linux/two.h").write_text("#include <linux/one.h>\n#include <linux/one.h>\n")
    assert "nested too deeply" in refusal(parse, "#include <linux/one.h>")


def test_a_pipe_is_no_file(kernel: Path, parse: Parse) -> None:
    os.mkfifo(kernel / "include/linux/pipe.h")
    assert "'linux/pipe.h' file not found" in refusal(parse, "#include <linux/pipe.h>")
