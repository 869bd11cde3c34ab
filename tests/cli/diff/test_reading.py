"""Which units are begun with before all is known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from clang.cindex import TranslationUnit

from mmuproof.cli.diff import reading
from mmuproof.cli.diff.reading import ReadTree, first_units, is_affected
from mmuproof.lift.parsing import joined, unit
from mmuproof.lift.tree.source import KernelTree
from mmuproof.model.lifted.unit_paths import MMU_C, MMU_UNITS, SPTE_C, TDP_MMU_C
from tests.lift.machine.conftest import CLANG


def tree(folder: Path, *, tdp: str = "", header: str = "", kconfig: str = "") -> ReadTree:
    """A tree in which make_spte() is in spte.c, tdp() in tdp_mmu.c, and mmu.c includes a header."""
    texts = {
        SPTE_C: "bool make_spte(int x)\n{\n}\n",
        TDP_MMU_C: f"int tdp(int x)\n{{ return make_spte(x); {tdp}\n}}\n",
        MMU_C: '#include "mmu.h"\n',
        "arch/x86/kvm/mmu/mmu.h": header,
        "arch/x86/Kconfig": "",
        "arch/x86/kvm/Kconfig": kconfig,
        "virt/kvm/Kconfig": "",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return ReadTree(KernelTree(root=folder, description=folder.name, version="7.2"), folder / "stand-ins")


ALL = {MMU_C, *MMU_UNITS}
#: What is asked for -> the functions, and the units that are begun with in the old tree alone and in both.
FIRST = {
    "a function": (("tdp",), {SPTE_C, TDP_MMU_C}, {SPTE_C, TDP_MMU_C}),
    "two functions": (("tdp", "make_spte"), {SPTE_C, TDP_MMU_C}, {SPTE_C, TDP_MMU_C}),
    "a function that no text shows": (("tdp", "made_by_a_macro"), ALL, ALL),
    "a pattern": (("make_*",), ALL, ALL),
    "everything": ((), {SPTE_C}, ALL),
}


@pytest.mark.parametrize(("functions", "alone", "both"), FIRST.values(), ids=FIRST.keys())
def test_what_is_needed_in_any_case_is_begun_with(
    functions: tuple[str, ...], alone: set[str], both: set[str], tmp_path: Path
) -> None:
    old, new = tree(tmp_path / "old"), tree(tmp_path / "new")
    assert set(first_units(functions, old)) == alone
    assert set(first_units(functions, old, new)) == both


def test_the_largest_unit_comes_first(tmp_path: Path) -> None:
    old, new = tree(tmp_path / "old"), tree(tmp_path / "new")
    assert first_units((), old, new)[0] == MMU_C


def test_where_its_own_text_tells_the_trees_are_not_compared(tmp_path: Path) -> None:
    def compared() -> frozenset[str]:
        raise AssertionError("the trees have been compared")

    old, new = tree(tmp_path / "old"), tree(tmp_path / "new", tdp="/* new */")
    assert is_affected(old, new, TDP_MMU_C, compared)


@pytest.mark.parametrize("changed", [True, False])
def test_else_what_a_unit_includes_tells(changed: bool, tmp_path: Path) -> None:
    old, new = tree(tmp_path / "old"), tree(tmp_path / "new", header="int x;\n" if changed else "")
    files = frozenset({"arch/x86/kvm/mmu/mmu.h"} if changed else ())
    assert is_affected(old, new, MMU_C, lambda: files) is changed
    assert not is_affected(old, new, SPTE_C, lambda: files)


def test_what_the_configuration_turns_on_is_in_no_file_that_a_unit_includes(tmp_path: Path) -> None:
    old, new = tree(tmp_path / "old"), tree(tmp_path / "new", kconfig="config KVM_ANEW\n\tdef_bool y\n")
    assert is_affected(old, new, SPTE_C, frozenset)


@pytest.mark.parametrize(
    ("apart", "disturbs", "together"), [(False, "", True), (False, "#undef X", False), (True, "", False)]
)
def test_units_are_parsed_together_if_none_disturbs_another_and_nobody_minds(
    apart: bool, disturbs: str, together: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = (SPTE_C, TDP_MMU_C)
    read = tree(tmp_path)
    (tmp_path / SPTE_C).write_text(f"{disturbs}\nint make_spte(int x)\n{{ return x; }}\n")
    (tmp_path / TDP_MMU_C).write_text("int make_spte(int x);\nint tdp(int x)\n{ return make_spte(x); }\n")
    monkeypatch.setattr(ReadTree, "stand_ins", None)
    monkeypatch.setattr(reading, "clang_arguments", lambda *_: list(CLANG))
    texts: list[str] = []
    parse_text = unit.parse_text

    def counted(root: Path, path: str, *rest: Any) -> TranslationUnit:
        texts.append(path)
        return parse_text(root, path, *rest)

    for module in (unit, joined):
        monkeypatch.setattr(module, "parse_text", counted)
    with ThreadPoolExecutor(1) as pool:
        read.start(paths, pool, every=True, apart=apart)
        found = read.units(paths)
    assert [*found[SPTE_C].unit.definitions] == ["make_spte"]
    assert [*found[TDP_MMU_C].unit.definitions] == ["tdp"]
    assert len(texts) == (1 if together else 2)
