import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from clang.cindex import CursorKind, Diagnostic, Index, TranslationUnit

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.conditions import evaluate
from mmuproof.lift.tree.configuration import base_config, configuration, parse_config
from mmuproof.lift.tree.stand_ins import clang_arguments, write_stand_ins
from tests.long_run import kernels

MMU = "arch/x86/kvm/mmu/mmu.c"
UNITS = [
    f"arch/x86/kvm/{name}.c"
    for name in (
        *("mmu/mmu", "mmu/spte", "mmu/tdp_mmu"),
        *("vmx/vmx", "vmx/nested", "vmx/main", "svm/svm", "svm/nested", "x86"),
    )
]


def parse(root: Path, into: Path, unit: str = MMU) -> TranslationUnit:
    stand_ins = write_stand_ins(root, into)
    return Index.create().parse(str(root / unit), args=clang_arguments(root, stand_ins, unit))


def errors(parsed: TranslationUnit) -> list[str]:
    return [str(each) for each in parsed.diagnostics if each.severity >= Diagnostic.Error]


def calls(parsed: TranslationUnit, function: str) -> Counter[str]:
    for cursor in parsed.cursor.get_children():
        if cursor.spelling == function and cursor.is_definition():
            return Counter(each.spelling for each in cursor.walk_preorder() if each.kind == CursorKind.CALL_EXPR)
    raise AssertionError(f"{function} is not defined")


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in root.rglob("*") if path.is_file()}


def generated(kernel: Path, into: Path, name: str) -> str:
    write_stand_ins(kernel, into)
    (found,) = (path for path in into.rglob(Path(name).name) if path.as_posix().endswith(name))
    return found.read_text()


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("A", True),
        ("B", False),
        ("!B", True),
        ("!!A", True),
        ("A && B", False),
        ("B || A", True),
        ("B && A || A", True),
        ("A || A && B", True),
        ("(A || A) && B", False),
        ("!(A && B)", True),
        ("N > 4", True),
        ("N > 5", False),
        ("N >= 5 && N <= 5", True),
        ("N < 0x10", True),
        ("N = 5", True),
        ("N != 5", False),
        ("UNSET > 2", False),
        ("UNSET < 2", False),
        ("B != n", False),
        ("B = n && A = y", True),
        ('N = "5"', True),
        ("A # && B", True),
    ],
)
def test_a_condition_means_what_kconfig_says(condition: str, holds: bool) -> None:
    assert evaluate(condition, {"A": "y", "N": "5"}) is holds


@pytest.mark.parametrize("condition", ["", "A &&", "(A", "A B", "$(x)", "A >", "A !", "&& A"])
def test_a_condition_that_cannot_be_read_is_refused(condition: str) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        evaluate(condition, {"A": "y"})


def test_a_configuration_file_may_hold_comments_and_blank_lines() -> None:
    assert parse_config("# why\n\nSMP=y\n NR_CPUS=64 \n") == {"SMP": "y", "NR_CPUS": "64"}


@pytest.mark.parametrize("line", ["SMP", "=y", "SMP=", "CONFIG SMP=y", "smp=y"])
def test_a_configuration_line_that_sets_nothing_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        parse_config(f"A=y\n{line}\n")


def test_kvms_own_assertions_are_part_of_the_configuration() -> None:
    assert base_config()["KVM_PROVE_MMU"] == "y"


@pytest.mark.parametrize(
    ("symbol", "reason"),
    [
        ("ALWAYS", "it is selected"),
        ("CHAINED", "what selects it is itself selected"),
        ("WIDE", "its condition, over two lines, holds"),
        ("X86_REQUIRED_FEATURE_LM", "the CPU feature's dependencies hold"),
        ("X86_DISABLED_FEATURE_OLD", "what would enable it is off"),
    ],
)
def test_a_symbol_is_on_because(kernel: Path, symbol: str, reason: str) -> None:
    assert configuration(kernel).values.get(symbol) == "y", reason


@pytest.mark.parametrize(
    ("symbol", "reason"),
    [
        ("NEVER", "its condition does not hold"),
        ("UNLESS", "a later line turns on what it must not see"),
        ("NOT_A_SELECT", "it stands in a help text"),
        ("FROM_OFF", "what selects it is off"),
        ("X86_DISABLED_FEATURE_LM", "the CPU feature is required"),
    ],
)
def test_a_symbol_is_off_because(kernel: Path, symbol: str, reason: str) -> None:
    assert symbol not in configuration(kernel).values, reason


def test_the_configuration_is_reported_sorted_and_whole(kernel: Path, tmp_path: Path) -> None:
    config = write_stand_ins(kernel, tmp_path / "out").configuration.lines
    names = [line.partition("=")[0] for line in config]
    assert names == sorted(set(names))
    assert {"ALWAYS=y", "PGTABLE_LEVELS=5", "X86_64=y"} <= set(config)


def test_an_unbuilt_tree_parses_and_is_not_written_to(kernel: Path, tmp_path: Path) -> None:
    before = snapshot(kernel)
    assert errors(parse(kernel, tmp_path / "out")) == []
    assert snapshot(kernel) == before


def test_a_missing_header_is_an_error(kernel: Path, tmp_path: Path) -> None:
    (kernel / MMU).write_text("#include <linux/none.h>\n")
    assert len(errors(parse(kernel, tmp_path / "out"))) == 1


def test_a_failing_static_assertion_is_an_error(kernel: Path, tmp_path: Path) -> None:
    (kernel / MMU).write_text('_Static_assert(sizeof(long) == 4, "");\n_Static_assert(sizeof(long) == 8, "");\n')
    assert len(errors(parse(kernel, tmp_path / "out"))) == 1


def test_more_errors_than_clang_shows_by_default_are_all_reported(kernel: Path, tmp_path: Path) -> None:
    (kernel / MMU).write_text("".join(f"int f{n} = g{n};\n" for n in range(50)))
    assert len(errors(parse(kernel, tmp_path / "out"))) == 50


def test_each_warning_macro_becomes_a_call(kernel: Path, tmp_path: Path) -> None:
    assert calls(parse(kernel, tmp_path / "out"), "warn") == {"__mmuproof_warn": 4}


def test_each_bug_macro_becomes_a_call(kernel: Path, tmp_path: Path) -> None:
    assert calls(parse(kernel, tmp_path / "out"), "bug") == {"__mmuproof_bug": 2, "__mmuproof_build_bug": 2}


@pytest.mark.parametrize("macro", ["get_user", "__get_user"])
def test_a_read_of_user_memory_becomes_a_call(kernel: Path, tmp_path: Path, macro: str) -> None:
    header = kernel / "arch/x86/include/asm/uaccess.h"
    header.write_text("#define get_user(x, p) unseen(p)\n#define __get_user(x, p) unseen(p)\n")
    text = f"int read(short *p) {{ short x; int r = {macro}(x, p); return r ? r : x; }}\n"
    (kernel / MMU).write_text(f"#include <asm/uaccess.h>\n{text}")
    assert calls(parse(kernel, tmp_path / "out"), "read") == {"__mmuproof_get_user": 1}


@pytest.mark.parametrize("header", ["asm/bug.h", "asm-generic/bug.h"])
def test_the_macros_are_ours_whichever_header_they_come_through(kernel: Path, tmp_path: Path, header: str) -> None:
    (kernel / MMU).write_text(f"#include <{header}>\nint warn(int a) {{ return WARN_ON_ONCE(a); }}\n")
    assert calls(parse(kernel, tmp_path / "out"), "warn") == {"__mmuproof_warn": 1}


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("asm/unistd_64.h", "#define __NR_close 3"),
        ("asm/unistd_64.h", "#define __NR_syscalls 4"),
        ("asm/unistd_x32.h", "#define __NR_act (__X32_SYSCALL_BIT + 512)"),
        ("asm/unistd_64_x32.h", "#define __NR_x32_syscalls 513"),
        ("asm/unistd_32_ia32.h", "#define __NR_ia32_restart 0"),
        ("linux/version.h", f"#define LINUX_VERSION_CODE {0x07020C}"),
        ("asm/cpufeaturemasks.h", "#define REQUIRED_MASK1 0x20000000U"),
        ("asm/cpufeaturemasks.h", "#define DISABLED_MASK0 0x00000020U"),
        ("asm/cpufeaturemasks.h", "#define DISABLED_MASK1 0x00000000U"),
        ("generated/autoconf.h", "#define CONFIG_X86_64 1"),
        ("generated/autoconf.h", "#define CONFIG_PGTABLE_LEVELS 5"),
        ("generated/bounds.h", "#define NR_CPUS_BITS 6"),
        ("asm/early.h", "#include <asm-generic/early.h>"),
        ("uapi/asm/shared.h", "#include <asm-generic/shared.h>"),
    ],
)
def test_a_generated_header_says(kernel: Path, tmp_path: Path, file: str, line: str) -> None:
    assert line in generated(kernel, tmp_path / "out", file).splitlines()


@pytest.mark.parametrize(
    ("name", "reason"), [("own.h", "the tree has its own"), ("made.h", "the build makes it in another way")]
)
def test_no_wrapper_is_made_because(kernel: Path, tmp_path: Path, name: str, reason: str) -> None:
    write_stand_ins(kernel, tmp_path / "out")
    assert not list((tmp_path / "out").rglob(name)), reason


def test_a_tree_without_feature_masks_gets_none(kernel: Path, tmp_path: Path) -> None:
    (kernel / "arch/x86/include/asm/Kbuild").write_text("generic-y += early.h\n")
    write_stand_ins(kernel, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("cpufeaturemasks.h"))


@pytest.mark.parametrize(
    "name", ["arch/x86/Kconfig", "arch/x86/entry/syscalls/syscall_64.tbl", "include/asm-generic/Kbuild", "Makefile"]
)
def test_a_tree_without_a_file_that_is_needed_is_refused_by_name(kernel: Path, tmp_path: Path, name: str) -> None:
    (kernel / name).unlink()
    with pytest.raises(SourceError, match=re.escape(Path(name).name)):
        write_stand_ins(kernel, tmp_path / "out")


def test_a_unit_that_the_tree_lacks_is_refused(kernel: Path, tmp_path: Path) -> None:
    stand_ins = write_stand_ins(kernel, tmp_path / "out")
    with pytest.raises(SourceError, match=r"vmx/main\.c"):
        clang_arguments(kernel, stand_ins, "arch/x86/kvm/vmx/main.c")


@pytest.mark.kernel
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("version", kernels("7.3", "7.2", "6.12", "6.1"))
def test_a_real_kernel_parses_without_an_error(
    kernel_tree: Callable[[str], Path], tmp_path: Path, version: str, unit: str
) -> None:
    root = kernel_tree(version)
    if unit.endswith("vmx/main.c") and not (root / unit).exists():
        pytest.skip(f"linux-{version} has no {unit}")
    assert errors(parse(root, tmp_path, unit)) == []


HOSTILE = (
    "include/generated/autoconf.h",
    "include/generated/bounds.h",
    "include/generated/timeconst.h",
    "include/generated/uapi/linux/version.h",
    "include/generated/utsrelease.h",
    "arch/x86/include/generated/asm/cpufeaturemasks.h",
    "arch/x86/include/generated/asm/kmap_size.h",
    "arch/x86/include/generated/uapi/asm/unistd_64.h",
)


@pytest.mark.kernel
def test_what_a_build_has_left_in_a_tree_is_not_read(kernel_tree: Callable[[str], Path], tmp_path: Path) -> None:
    whole, built = kernel_tree("7.2"), tmp_path / "built"
    shutil.copytree(whole, built)
    for name in HOSTILE:
        (built / name).parent.mkdir(parents=True, exist_ok=True)
        (built / name).write_text("#error another configuration\n")
    assert errors(parse(built, tmp_path / "stand-ins", "arch/x86/kvm/mmu/spte.c")) == []


@pytest.mark.kernel
@pytest.mark.parametrize("version", kernels("7.3", "7.2", "6.12", "6.1"))
def test_a_real_kernels_assertions_are_calls_and_none_is_left_as_it_was(
    kernel_tree: Callable[[str], Path], tmp_path: Path, version: str
) -> None:
    parsed = parse(kernel_tree(version), tmp_path, "arch/x86/kvm/mmu/spte.c")
    assert calls(parsed, "make_spte")["__mmuproof_warn"] == 3
    used = {each.spelling for each in parsed.cursor.walk_preorder() if each.kind == CursorKind.CALL_EXPR}
    assert {"__mmuproof_warn", "__mmuproof_bug", "__mmuproof_build_bug"} <= used
    assert not {"__warn_printk", "warn_slowpath_fmt", "__WARN_trap", "__SCT__WARN_trap"} & used


@pytest.mark.kernel
@pytest.mark.parametrize("version", kernels("7.3", "7.2", "6.12", "6.1"))
def test_a_real_kernels_walks_read_by_a_call(kernel_tree: Callable[[str], Path], tmp_path: Path, version: str) -> None:
    parsed = parse(kernel_tree(version), tmp_path)
    for entries in ("paging64", "paging32", "ept"):
        assert calls(parsed, f"{entries}_walk_addr_generic")["__mmuproof_get_user"] == 1


@pytest.mark.kernel
@pytest.mark.parametrize("version", kernels("7.3", "7.2", "6.12"))
def test_a_real_kernels_mmu_assertions_are_switched_on(
    kernel_tree: Callable[[str], Path], tmp_path: Path, version: str
) -> None:
    parsed = parse(kernel_tree(version), tmp_path, "arch/x86/kvm/mmu/spte.c")
    assert calls(parsed, "spte_ad_enabled") == {"is_shadow_present_pte": 1, "__mmuproof_warn": 1}


def test_headers_that_cannot_be_written_are_told(kernel: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be written: "):
        write_stand_ins(kernel, tmp_path / "file")
