"""`mmuproof diff` over a real tree: small refactors that change nothing, and small changes that are none."""
# A pattern reads best on one line.

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from typer.testing import CliRunner

from mmuproof.cli.diff.judging import EPT, OTHER_TABLES, Judge
from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.cli.shared.process import RECURSION
from mmuproof.compare.claims import Change
from mmuproof.compare.encodings import CONSTANTS
from mmuproof.compare.versions import Pair, Pairing, Version
from mmuproof.compare.ways import Given, SetUp
from mmuproof.lift.parsing.printed import Printed
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.tree.changed import changed_tree
from mmuproof.lift.tree.stand_ins import clang_arguments, write_stand_ins
from mmuproof.model.lifted.unit_paths import MMU_UNITS, is_of_mmu
from tests.cli.telling.schema import valid

pytestmark = pytest.mark.kernel

KVM = "arch/x86/kvm"
SPTE_C, SPTE_H, MMU_C, TDP_C = (f"{KVM}/mmu/{name}" for name in ("spte.c", "spte.h", "mmu.c", "tdp_mmu.c"))
MMU_H, INTERNAL_H, PAGING_H = f"{KVM}/mmu.h", f"{KVM}/mmu/mmu_internal.h", f"{KVM}/mmu/paging_tmpl.h"
HOST_H = "arch/x86/include/asm/kvm_host.h"
EVERYWHERE = (SPTE_C, SPTE_H, MMU_C, TDP_C, MMU_H, INTERNAL_H, PAGING_H, HOST_H)

Edit = tuple[str, str, str]
"""A file, a regular expression that matches there, and what takes the place of all that it matches."""


def everywhere(pattern: str, replacement: str) -> tuple[Edit, ...]:
    """An edit of all files in which the pattern matches."""
    return tuple((file, pattern, replacement) for file in EVERYWHERE)


@dataclass(frozen=True, kw_only=True)
class Row:
    """An edit, and what has to be said of a function.

    Args:
        edits: what changes.
        function: the function, by its new name.
        verdict: what becomes of it, for each kind of masks or for all at once.
        notes: what has to be told of names and encodings.
        differs_in: what it differs in.
        condition: under which it is equal.
    """

    edits: tuple[Edit, ...]
    function: str
    verdict: str | tuple[str, ...]
    notes: tuple[str, ...] = ()
    differs_in: tuple[str, ...] = ()
    condition: str | None = None

    @property
    def verdicts(self) -> set[str]:
        """The verdict for each kind of masks, those for all at once alone."""
        return {self.verdict} if isinstance(self.verdict, str) else set(self.verdict)


#: What is done to the tree -> the function that has to be equal.
REFACTORS = {
    "a helper is split out of a function": Row(
        edits=(
            (
                SPTE_C,
                r"spte \|= (\(spte & SHADOW_ACC_TRACK_SAVED_BITS_MASK\) <<\s+SHADOW_ACC_TRACK_SAVED_BITS_SHIFT);",
                "spte |= saved(spte);",
            ),
            (
                SPTE_C,
                r"\nu64 mark_spte_for_access_track\(",
                r"\nstatic u64 saved(u64 spte) { return (spte & SHADOW_ACC_TRACK_SAVED_BITS_MASK) << SHADOW_ACC_TRACK_SAVED_BITS_SHIFT; }\g<0>",
            ),
        ),
        function="mark_spte_for_access_track",
        verdict="equal",
    ),
    "a helper is merged into its callers": Row(
        edits=(
            *everywhere(r"(?<!bool )\bsp_ad_disabled\((\w+)\)", r"\1->role.ad_disabled"),
            (SPTE_H, r"static inline bool sp_ad_disabled\([^}]*}", ""),
        ),
        function="make_spte",
        verdict="equal",
    ),
    "a parameter is renamed": Row(
        edits=(
            (SPTE_C, r"(?<=u64 )small_spte(, int level\)\n\{.*?)(?=\nu64 make_nonleaf)", r"child\1"),
            (SPTE_C, r"(?<=KVM_BUG_ON\(!is_shadow_present_pte\()small_spte", "child"),
            (SPTE_C, r"(?<=huge_spte = )small_spte", "child"),
        ),
        function="make_huge_spte",
        verdict="equal",
        notes=("its parameter child is what small_spte was",),
    ),
    "parameters change their order, and the arguments with them": Row(
        edits=(
            (SPTE_C, r"change_spte_executable\(u64 spte, u8 access\)", "change_spte_executable(u8 access, u64 spte)"),
            (SPTE_C, r"change_spte_executable\((\w+), (role\.access|0)\)", r"change_spte_executable(\2, \1)"),
        ),
        function="make_small_spte",
        verdict="equal",
    ),
    "a member is renamed": Row(
        edits=everywhere(r"\bhuge_page_disallowed\b", "no_huge_page"),
        function="kvm_mmu_hugepage_adjust",
        verdict="equal",
        notes=("fault->no_huge_page is what fault->huge_page_disallowed was",),
    ),
    "a member moves to another struct": Row(
        edits=(
            *everywhere(r"\b(mmu|context)->pkru_mask", r"\1->pkeys.pkru_mask"),
            (HOST_H, r"\tu32 pkru_mask;", "\tstruct { u32 pkru_mask; } pkeys;"),
        ),
        function="permission_fault",
        verdict="equal",
        notes=("mmu->pkeys.pkru_mask is what mmu->pkru_mask was",),
    ),
    "a condition is written by De Morgan": Row(
        edits=(
            (
                SPTE_C,
                r"!is_writable_pte\(spte\) && is_mmu_writable_spte\(spte\)",
                "!(is_writable_pte(spte) || !is_mmu_writable_spte(spte))",
            ),
        ),
        function="spte_needs_atomic_update",
        verdict="equal",
    ),
    "branches are turned round": Row(
        edits=((SPTE_C, r"if \(ad_disabled\)\n(\t\t.*;\n)\telse\n(\t\t.*;\n)", r"if (!ad_disabled)\n\2\telse\n\1"),),
        function="make_nonleaf_spte",
        verdict="equal",
    ),
    "a flag becomes a member": Row(
        edits=(
            (
                MMU_C,
                r"(struct kvm_mmu \*context), bool execonly(, int huge_page_level\)\n\{\n.*?reserved_gpa_bits, )execonly",
                r"\1\2context->execonly",
            ),
            (MMU_C, r"(reset_rsvds_bits_mask_ept\(vcpu, context), execonly, (?=huge_page_level)", r"\1, "),
            (HOST_H, r"\tu64 \*pml5_root;", r"\g<0>\n\tbool execonly;"),
        ),
        function="reset_rsvds_bits_mask_ept",
        verdict="equal",
        notes=("context->execonly is what execonly was",),
    ),
}

#: What is done to the tree -> what has to be said of it.
MOVES = {
    "bits of SPTEs move": Row(
        edits=((SPTE_H, r"(?<=define SPTE_TDP_AD_SHIFT\t\t)60", "57"),),
        function="spte_ad_enabled",
        verdict="equal",
        notes=("SPTE: the A/D type is in bits 57, 58 instead of bits 60, 61",),
    ),
    "bits of access masks move": Row(
        edits=(
            (MMU_H, r"(?<=define ACC_WRITE_MASK   )PT_WRITABLE_MASK", "8"),
            (MMU_H, r"(?<=define ACC_EXEC_MASK    )8", "PT_WRITABLE_MASK"),
        ),
        function="change_spte_executable",
        verdict="equal",
        notes=(
            "access: ACC_EXEC_MASK is in bit 1 instead of bit 3",
            "access: ACC_WRITE_MASK is in bit 3 instead of bit 1",
        ),
    ),
}

#: What is done to spte.c alone.
SPTE_CHANGES = {
    "a WARN is gone": Row(
        edits=((SPTE_C, r"WARN_ON\(mmio_value & shadow_nonpresent_or_rsvd_lower_gfn_mask\);", ""),),
        function="kvm_mmu_set_mmio_spte_mask",
        verdict="differs",
        differs_in=("a WARN",),
    ),
    "branches are swapped and the condition is not": Row(
        edits=((SPTE_C, r"if \(ad_disabled\)\n(\t\t.*;\n)\telse\n(\t\t.*;\n)", r"if (ad_disabled)\n\2\telse\n\1"),),
        function="make_nonleaf_spte",
        verdict="differs",
    ),
    "a shift is one off": Row(
        edits=((SPTE_C, r"gpa = gfn << PAGE_SHIFT;", "gpa = gfn << (PAGE_SHIFT - 1);"),),
        function="make_mmio_spte",
        verdict="differs",
    ),
    "a condition is one of two that it was": Row(
        edits=((SPTE_C, r"!is_writable_pte\(spte\) && is_mmu_writable_spte\(spte\)", "is_mmu_writable_spte(spte)"),),
        function="spte_needs_atomic_update",
        verdict="differs",
        differs_in=("a WARN", "the return value"),
        condition="!(spte & BIT(1))",
    ),
    "callers see to it that nothing changes": Row(
        edits=(
            (SPTE_C, r"(?<=\treturn )mask;\n\}\n\n(?=u64 make_mmio_spte)", "mask | (gen & BIT_ULL(63)) >> 5;\n}\n\n"),
        ),
        function="generation_mmio_spte_mask",
        verdict="equal if",
        condition="!(gen & BIT(63))",
    ),
}

#: What is done elsewhere.
OTHER_CHANGES = {
    "W is allowed where it was not": Row(
        edits=((SPTE_H, r"spte \|= saved_bits;", "spte |= saved_bits | PT_WRITABLE_MASK;"),),
        function="restore_acc_track_spte",
        verdict="new allows more",
        differs_in=("restore_acc_track_spte()",),
    ),
    "X is denied where it was not": Row(
        edits=((SPTE_C, r"shadow_user_mask \| shadow_xs_mask", "shadow_user_mask"),),
        function="make_nonleaf_spte",
        verdict=("new allows less", "equal"),
    ),
    "one state of 2^60 is allowed": Row(
        edits=(
            (
                MMU_H,
                r"fault = \(mmu->permissions\[index\] >> pte_access\) & 1;",
                r"\g<0>\n\tif (pte_access == 11 && access == PFERR_USER_MASK && pte_pkey == 13 && !mmu->pkru_mask) fault = 0;",
            ),
        ),
        function="permission_fault",
        verdict="new allows more",
        differs_in=("permission_fault()",),
    ),
    "a write is dropped": Row(
        edits=((MMU_C, r"mmu->pkru_mask = 0;", ""),),
        function="update_pkru_bitmask",
        verdict="differs",
        differs_in=("mmu->pkru_mask",),
    ),
    "a write is moved behind a call": Row(
        edits=(
            (
                MMU_C,
                r"(fault->max_level = PG_LEVEL_2M;\n\t)return direct_page_fault\(vcpu, fault\);",
                r"int r = direct_page_fault(vcpu, fault);\n\1return r;",
            ),
        ),
        function="nonpaging_page_fault",
        verdict="differs",
        differs_in=("fault->max_level when direct_page_fault() is called",),
    ),
    "a call has another argument": Row(
        edits=((MMU_C, r"(reset_ept_shadow_zero_bits_mask\(context, )execonly", r"\1!execonly"),),
        function="kvm_init_shadow_ept_mmu",
        verdict="differs",
    ),
    "a call has another condition": Row(
        edits=((MMU_C, r"if \(!is_cr0_pg\(mmu\)\)\n\t\treturn;\n\n(?=\treset_guest_rsvds)", ""),),
        function="reset_guest_paging_metadata",
        verdict="differs",
    ),
    "another member is read": Row(
        edits=((MMU_C, r"if \(fault->rsvd\)\n\t\treturn false;", "if (fault->user)\n\t\treturn false;"),),
        function="page_fault_can_be_fast",
        verdict="differs",
        differs_in=("the return value",),
    ),
    "one bit of a constant is another": Row(
        edits=((SPTE_H, r"(?<=\| )0x1a0ULL", "0x1a4ULL"),),
        function="is_frozen_spte",
        verdict="differs",
        differs_in=("the return value",),
    ),
}

#: What makes something possible that was not, and a warning as well.
WARNING_AS_WELL = Row(
    edits=((SPTE_C, r"small_spte \| PT_PAGE_SIZE_MASK;", "small_spte | PT_PAGE_SIZE_MASK | PT_WRITABLE_MASK;"),),
    function="make_huge_spte",
    verdict="new allows more",
)


class ComparedTrees:
    """What `mmuproof diff` says of a tree and one with some edits."""

    def __init__(self, folder: Path, base: Path, rows: Sequence[Row], functions: Sequence[str], *more: Edit) -> None:
        self._folder, self._base, self._functions = folder, base, functions
        self._edits = [*(edit for row in rows for edit in row.edits), *more]

    @cached_property
    def content(self) -> dict[str, Any]:
        """The results file; processes that share the tests share it, too."""
        results = self._folder / "results.json"
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not results.is_file():
                self._run(results)
        found: dict[str, Any] = json.loads(results.read_text())
        return found

    def _run(self, results: Path) -> None:
        texts: dict[str, str] = {}
        for file, pattern, replacement in self._edits:
            there = self._base / file
            text = texts.get(file) or (there.read_text() if there.is_file() else "")
            texts[file], count = re.subn(pattern, replacement, text, flags=re.DOTALL if ".*?" in pattern else 0)
            assert count or (file, pattern, replacement) in everywhere(pattern, replacement), pattern
        changes = {name: text.encode() for name, text in texts.items()}
        with TemporaryDirectory(dir=self._folder) as folder:
            changed_tree(self._base, changes, Path(folder))
            first = self._folder / "first.json"
            done = CliRunner().invoke(
                build_app(Installed()),
                ["diff", str(self._base), folder, *self._functions, "--json", str(first), "-j", "1"],
            )
        assert done.exit_code in (0, 1, 3), (done.output, done.exception)
        results.write_text(json.dumps({**valid(first.read_text()), "status": done.exit_code}))

    def results(self, function: str) -> list[dict[str, Any]]:
        """What it says of one function."""
        return [each for each in self.content["results"] if each["function"].split()[0] == function]


Compare = Callable[..., ComparedTrees]


@pytest.fixture(scope="module")
def compare(kernel_tree: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Compare:
    """Compare Linux 7.2 with what some rows make of it."""

    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    shared = tmp_path_factory.getbasetemp().parent / run if run else tmp_path_factory.mktemp("diff")

    def compared(name: str, rows: Sequence[Row], functions: Sequence[str] = (), *more: Edit) -> ComparedTrees:
        folder = shared / name
        folder.mkdir(parents=True, exist_ok=True)
        return ComparedTrees(folder, kernel_tree("7.2"), rows, functions, *more)

    return compared


def functions_of(rows: Sequence[Row]) -> list[str]:
    return [row.function for row in rows]


@pytest.fixture(scope="module")
def refactored(compare: Compare) -> ComparedTrees:
    rows = list(REFACTORS.values())
    comment = (SPTE_C, r"\nu64 make_mmio_spte", "\n/* Further down. */\n\n\nu64 make_mmio_spte")
    return compare("refactored", rows, [*functions_of(rows), "make_mmio_spte", "change_spte_executable"], comment)


@pytest.fixture(scope="module")
def renamed(compare: Compare) -> ComparedTrees:
    row = Row(edits=everywhere(r"\bis_frozen_spte\b", "spte_is_frozen"), function="spte_is_frozen", verdict="equal")
    return compare("renamed", [row], ["spte_is_frozen", "is_mmio_spte"])


@pytest.fixture(scope="module")
def moved(compare: Compare) -> ComparedTrees:
    rows = list(MOVES.values())
    return compare("moved", rows, [*functions_of(rows), "mark_spte_for_access_track", "is_access_allowed"])


@pytest.fixture(scope="module")
def spte_changed(compare: Compare) -> ComparedTrees:
    more = (f"{KVM}/cpuid.c", r"\Z", "extern int the_end;\n"), (f"{KVM}/mmu/new.c", r"\A", "int is_new;\n")
    return compare("spte changed", [*SPTE_CHANGES.values(), WARNING_AS_WELL], (), *more)


@pytest.fixture(scope="module")
def changed(compare: Compare) -> ComparedTrees:
    rows = list(OTHER_CHANGES.values())
    return compare("changed", rows, functions_of(rows))


def check(row: Row, compared: ComparedTrees) -> list[dict[str, Any]]:
    results = compared.results(row.function)
    assert {each["verdict"] for each in results} == row.verdicts, results
    for each in results:
        assert set(row.notes) <= {*each["relation"], *compared.content["renamed"]}
        assert set(row.differs_in) <= set(each["differs_in"])
        if row.condition is not None:
            assert each["condition"] == row.condition
        if each["verdict"] not in ("equal", "unknown", "not compared"):
            witness = each["witness"]
            assert witness["what"] in each["differs_in"]
            assert witness["old"] != witness["new"]
    return results


@pytest.mark.parametrize("row", REFACTORS.values(), ids=REFACTORS.keys())
def test_a_refactor_that_changes_nothing_is_equal(row: Row, refactored: ComparedTrees) -> None:
    check(row, refactored)


@pytest.mark.long
def test_a_function_that_is_only_renamed_is_found_again_and_has_not_changed(renamed: ComparedTrees) -> None:
    assert "spte_is_frozen() is what is_frozen_spte() was" in renamed.content["renamed"]
    assert renamed.content["results"] == []
    assert renamed.content["status"] == 0


def test_what_says_the_same_is_not_even_compared(refactored: ComparedTrees) -> None:
    assert not refactored.results("make_mmio_spte")
    assert refactored.content["unchanged"] >= 1


@pytest.mark.parametrize("row", MOVES.values(), ids=MOVES.keys())
def test_bits_that_move_are_a_relation_that_is_told(row: Row, moved: ComparedTrees) -> None:
    check(row, moved)


@pytest.mark.parametrize("row", SPTE_CHANGES.values(), ids=SPTE_CHANGES.keys())
def test_a_change_of_spte_c_is_found(row: Row, spte_changed: ComparedTrees) -> None:
    check(row, spte_changed)


@pytest.mark.parametrize("row", OTHER_CHANGES.values(), ids=OTHER_CHANGES.keys())
def test_a_change_is_found(row: Row, changed: ComparedTrees) -> None:
    check(row, changed)


def test_a_permission_that_is_new_is_told_although_a_warning_is_as_well(spte_changed: ComparedTrees) -> None:
    verdicts = {each["masks"]: each["verdict"] for each in spte_changed.results(WARNING_AS_WELL.function)}
    # With EPT what access tracking has saved stays behind as well, which is no permission.
    assert verdicts == {"amd, shadow": "new allows more", "intel": "differs"}


def test_a_condition_is_checked_where_the_function_is_called(spte_changed: ComparedTrees) -> None:
    (found,) = spte_changed.results("generation_mmio_spte_mask")
    assert [(each["caller"], each["guarantees"]) for each in found["callers"]] == [("make_mmio_spte", True)]


def test_both_versions_are_told_step_by_step(spte_changed: ComparedTrees) -> None:
    (found,) = spte_changed.results("generation_mmio_spte_mask")
    witness = found["witness"]
    assert witness["inputs"] == {"gen": "0x8000000000000000"}
    assert (witness["old"], witness["new"]) == ("0", "0x400000000000000")
    for side in ("old", "new"):
        steps = witness[f"{side}_steps"]
        assert [each["text"] for each in steps] == ["mask = 0", f"generation_mmio_spte_mask() = {witness[side]}"]
        assert all(each["at"].startswith(f"{SPTE_C}:") for each in steps)


def test_only_the_state_that_was_changed_is_the_witness(changed: ComparedTrees) -> None:
    (found,) = changed.results("permission_fault")
    inputs = found["witness"]["inputs"]
    assert (inputs["access"], inputs["pte_pkey"]) == ("4", "0xd")
    assert inputs["pte_access"] == "READ|WRITE|EXEC"
    assert found["witness"]["new"] == "0"


def test_a_run_says_what_it_has_not_looked_at(spte_changed: ComparedTrees, changed: ComparedTrees) -> None:
    assert spte_changed.content["status"] == changed.content["status"] == 1
    assert all("not_followed" in each for each in spte_changed.content["results"])
    (found,) = changed.results("reset_guest_paging_metadata")
    assert found["not_followed"]
    assert f"{KVM}/cpuid.c" in spte_changed.content["outside"]


def test_a_new_unit_of_the_mmu_is_told_as_not_looked_at(spte_changed: ComparedTrees) -> None:
    assert f"{KVM}/mmu/new.c" in spte_changed.content["outside"]


#: A file that no unit of the MMU reads, and whether it is one of KVM's.
NOT_READ = {f"{KVM}/cpuid.c": True, "include/linux/i8042.h": False}


@pytest.mark.parametrize(("file", "of_kvm"), NOT_READ.items())
def test_a_change_that_nobody_looks_at_is_told_and_not_green(
    file: str, of_kvm: bool, kernel_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    base, changed = kernel_tree("7.2"), tmp_path / "changed"
    changed.mkdir()
    changed_tree(base, {file: (base / file).read_bytes() + b"extern int the_end;\n"}, changed)
    done = CliRunner().invoke(build_app(Installed()), ["diff", str(base), str(changed), "-j", "1"])
    assert done.exit_code == 3, done.output
    whose = " of KVM's" if of_kvm else ""
    assert f"1 other file{whose} has changed and was not looked at: {file}" in " ".join(done.stdout.split())


@pytest.mark.long
def test_several_patches_are_applied_one_after_the_other(kernel_tree: Callable[[str], Path], tmp_path: Path) -> None:
    base, results, options = kernel_tree("7.2"), tmp_path / "results.json", list[str]()
    rows = [SPTE_CHANGES["a shift is one off"], OTHER_CHANGES["W is allowed where it was not"]]
    for number, (file, pattern, replacement) in enumerate(edit for row in rows for edit in row.edits):
        old = (base / file).read_text().splitlines(keepends=True)
        new = re.sub(pattern, replacement, "".join(old)).splitlines(keepends=True)
        patch = tmp_path / f"{number}.patch"
        patch.write_text("".join(unified_diff(old, new, f"a/{file}", f"b/{file}")))
        options += ["--patch", str(patch)]
    words = ["diff", str(base), *options, *functions_of(rows), "--json", str(results), "-j", "1"]
    done = CliRunner().invoke(build_app(Installed()), words)
    assert done.exit_code == 1, done.output
    found = valid(results.read_text())
    assert {each["function"] for each in found["results"]} == set(functions_of(rows))
    assert found["new"]["source"].endswith("+ 0.patch + 1.patch")


def test_a_patch_may_come_on_standard_input(kernel_tree: Callable[[str], Path]) -> None:
    base, row = kernel_tree("7.2"), SPTE_CHANGES["a shift is one off"]
    ((file, pattern, replacement),) = row.edits
    old = (base / file).read_text().splitlines(keepends=True)
    new = re.sub(pattern, replacement, "".join(old)).splitlines(keepends=True)
    patch = "".join(unified_diff(old, new, f"a/{file}", f"b/{file}"))
    words = ["diff", str(base), "--patch", "-", *functions_of([row]), "-j", "1"]
    done = CliRunner().invoke(build_app(Installed()), words, input=patch)
    assert done.exit_code == 1, done.output
    assert "+ standard input (Linux 7.2" in done.stdout


# A version against itself

COMMENTS = tuple((file, r"\A", "/* One line more. */\n") for file in EVERYWHERE)
#: Not understood, or nothing to be said of it.
UNDECIDED = ("not compared", "unknown")


@pytest.mark.long
def test_a_tree_is_equal_to_itself_whatever_its_comments_say(compare: Compare) -> None:
    compared = compare("comments", (), (), *COMMENTS)
    assert compared.content["results"] == []
    assert compared.content["unchanged"] > 500
    assert not compared.content["gone"]
    assert not compared.content["come"]
    assert compared.content["status"] == 0


@pytest.fixture(scope="module")
def version_72(kernel_tree: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Version:
    """Linux 7.2."""
    root = kernel_tree("7.2")
    made = write_stand_ins(root, tmp_path_factory.mktemp("stand-ins"))
    units = {path: Unit(root, path, clang_arguments(root, made, path), CONSTANTS) for path in MMU_UNITS}
    return Version({path: Printed(unit, is_of_mmu) for path, unit in units.items()})


def judged_against_itself(version: Version, pairs: Sequence[Pair]) -> list[tuple[str, str, str]]:
    """What is said of functions, nothing being taken for unchanged, where that is not that they are equal."""
    set_ups = [SetUp("", version.constants, version.constants)]
    set_ups += [SetUp(name, *[version.bits(ept=name == EPT)] * 2) for name in (EPT, OTHER_TABLES)]
    judge = Judge(
        old=version,
        new=version,
        given=Given({}, Pairing(tuple(pairs), (), (), ())),
        set_ups=tuple(set_ups),
        budget=400_000,
    )
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(RECURSION)
    try:
        found = [each for pair in pairs for each in judge.judge(pair)]
    finally:
        sys.setrecursionlimit(limit)
    assert all("comparing it failed" not in each.reason for each in found)
    return [
        (each.function, each.change.value, each.reason)
        for each in found
        if each.change is not Change.EQUAL and each.change.value not in UNDECIDED
    ]


def pairs_of(version: Version) -> tuple[Pair, ...]:
    return tuple(Pair(name, name, paths[0], paths[0]) for name, paths in version.functions.items())


@pytest.mark.long
def test_a_function_is_equal_to_itself(version_72: Version) -> None:
    assert judged_against_itself(version_72, pairs_of(version_72)[::10]) == []


@pytest.mark.long
@pytest.mark.parametrize("part", range(9))
def test_every_function_is_equal_to_itself(part: int, version_72: Version) -> None:
    pairs = [pair for index, pair in enumerate(pairs_of(version_72)) if index % 10]
    assert judged_against_itself(version_72, pairs[part::9]) == []
