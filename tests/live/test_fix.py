"""A KVM that is built with findings put right does not show them, and still shows others."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.live.building import BuildError, patched_kernel
from mmuproof.live.judging import TryOutcome
from mmuproof.live.kernels import BuiltKernel, NoKernelError
from mmuproof.live.session import run_tries
from mmuproof.live.trial import Emulated
from mmuproof.live.tries.catalogue import TRIES
from tests.live.test_known import kernel_of, need_emulator
from tests.refactors.refactor import Refactor, edit, refactored

MENDS = (
    # Whether the old SPTE is present is asked as well: finding 17.
    (
        "arch/x86/kvm/mmu/spte.c",
        r"\(!is_last_spte\(old_spte, level\)",
        "(!is_shadow_present_pte(old_spte) || !is_last_spte(old_spte, level)",
    ),
    # Two pages are in one huge page if they are when rounded down: finding 23.
    (
        "arch/x86/kvm/mmu/mmu.c",
        r"ALIGN(\(start << PAGE_SHIFT, PMD_SIZE\) !=\s+)ALIGN(\(end << PAGE_SHIFT, PMD_SIZE\))",
        r"ALIGN_DOWN\1ALIGN_DOWN\2",
    ),
    # A table is write-protected in the other address space too: finding 26.
    (
        "arch/x86/kvm/mmu/mmu.c",
        r"(?=\n\t/\* the non-leaf shadow pages are keeping readonly\. \*/\n\tif \(sp->role\.level > PG_LEVEL_4K\)\n"
        r"\t\treturn __kvm_write_track_add_gfn)",
        """
	if (kvm_arch_nr_memslot_as_ids(kvm) > 1) {
		struct kvm_memory_slot *other = __gfn_to_memslot(__kvm_memslots(kvm, !sp->role.smm), gfn);

		if (other && kvm_mmu_slot_gfn_write_protect(kvm, other, gfn, PG_LEVEL_4K))
			kvm_flush_remote_tlbs_gfn(kvm, gfn, PG_LEVEL_4K);
	}
""",
    ),
)
#: By finding, the theorem that is proved of a source in which it is put right.
PROVED_THEN = {23: "slot.logging-again", 26: "slot.shadowed-table"}


def patch_of(tree: Path, file: str, pattern: str, by: str) -> str:
    """An edit by pattern as a patch."""
    before = (tree / file).read_text("utf-8")
    after, count = re.subn(pattern, by, before)
    assert count == 1
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{file}", f"b/{file}")
    return "".join(lines)


def test_a_patch_changes_the_copy_and_leaves_what_it_does_not_touch_as_it_was(tmp_path: Path) -> None:
    cache, patch = tmp_path / "cache", tmp_path / "right.patch"
    kernel = small_kernel(cache)
    copy = cache / "headers-7.2/usr/src/linux-headers-7.2-common/arch/x86/kvm"
    copy.mkdir(parents=True)
    (copy / "b.c").write_text("int b;\n")
    (cache / "linux-7.2/arch/x86/kvm/b.c").write_text("int b;\n")
    before = (copy / "b.c").stat().st_mtime_ns
    patch.write_text("--- a/arch/x86/kvm/a.c\n+++ b/arch/x86/kvm/a.c\n@@ -1 +1 @@\n-int a;\n+int c;\n")
    with pytest.raises(BuildError, match="cannot be built"):
        patched_kernel(kernel, patch, tmp_path / "made")
    assert (copy / "a.c").read_text() == "int c;\n"
    assert (copy / "b.c").stat().st_mtime_ns == before
    assert (cache / "linux-7.2/arch/x86/kvm/a.c").read_text() == "int a;\n"


@pytest.mark.kernel
@pytest.mark.emulator
@pytest.mark.long
def test_findings_that_are_put_right_are_absent(kernel_tree: Callable[[str], Path], tmp_path: Path) -> None:
    kernel = kernel_of("7.2")
    need_emulator(kernel, Emulated.AMD)
    patch = tmp_path / "mend.patch"
    patch.write_text("".join(patch_of(kernel_tree("7.2"), *mend) for mend in MENDS))
    try:
        mended = patched_kernel(kernel, patch, tmp_path / "mended")
    except NoKernelError as error:
        pytest.skip(str(error))
    trials = [trial for trial in TRIES if trial.name in ("17", "23", "23-shadow", "26", "4", "25")]
    outcomes = {each.trial.name: each.outcome for each in run_tries(mended, Emulated.AMD, trials, tmp_path).results}
    put_right = dict.fromkeys(("17", "23", "23-shadow", "26"), TryOutcome.ABSENT)
    assert outcomes == {**put_right, "4": TryOutcome.SHOWS, "25": TryOutcome.SHOWS}


@pytest.mark.kernel
@pytest.mark.long
def test_of_a_source_in_which_findings_are_put_right_their_theorems_are_proved(
    kernel_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    mends = tuple(edit(pattern, by, file) for file, pattern, by in MENDS)
    mended = refactored(kernel_tree("7.2"), Refactor(edits=mends), tmp_path)
    done = CliRunner().invoke(build_app(Installed()), ["prove", *PROVED_THEN.values(), "--kernel", str(mended)])
    assert done.exit_code == 0, done.output


def small_kernel(cache: Path) -> BuiltKernel:
    """A cache with a source of one line, and headers that lack all else."""
    for folder in ("linux-7.2/arch/x86/kvm", "linux-7.2/virt/kvm", "built-7.2"):
        (cache / folder).mkdir(parents=True)
    for package in ("amd64", "common"):
        (cache / f"headers-7.2/usr/src/linux-headers-7.2-{package}").mkdir(parents=True)
    (cache / "linux-7.2/arch/x86/kvm/a.c").write_text("int a;\n")
    return BuiltKernel("7.2", "7.2.13-1", cache / "built-7.2", cache)


def test_a_patch_that_does_not_apply_is_told_before_anything_is_built(tmp_path: Path) -> None:
    patch = tmp_path / "wrong.patch"
    patch.write_text("--- a/arch/x86/kvm/a.c\n+++ b/arch/x86/kvm/a.c\n@@ -1 +1 @@\n-int b;\n+int c;\n")
    with pytest.raises(BuildError, match=r"wrong\.patch does not apply"):
        patched_kernel(small_kernel(tmp_path / "cache"), patch, tmp_path / "made")


def test_a_patch_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"no\.patch: there is no such file"):
        patched_kernel(small_kernel(tmp_path / "cache"), tmp_path / "no.patch", tmp_path / "made")


def test_a_patch_does_not_reach_outside_of_the_copy(tmp_path: Path) -> None:
    patch = tmp_path / "out.patch"
    patch.write_text("--- /dev/null\n+++ b/../../../x\n@@ -0,0 +1 @@\n+x\n")
    with pytest.raises(BuildError, match="does not apply"):
        patched_kernel(small_kernel(tmp_path / "cache"), patch, tmp_path / "made")


def test_without_headers_the_user_is_told_how_to_get_them(tmp_path: Path) -> None:
    kernel = BuiltKernel("7.2", "7.2.13-1", tmp_path, tmp_path)
    with pytest.raises(
        NoKernelError, match=r'headers-7\.2 is not in the cache: make live-kernels ARGS="--headers 7\.2"'
    ):
        patched_kernel(kernel, tmp_path / "p", tmp_path)
