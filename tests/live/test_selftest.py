"""A described guest as a test of KVM's selftests: it compiles against their headers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mmuproof.cli.shared.caching import kernels_folder
from mmuproof.live.descriptions.reading import parsed_description, read_description
from mmuproof.live.descriptions.selftest import NoSelftestError, gives_l2_a_stack, selftest_text
from mmuproof.live.tries.described import FOLDER

BY_ITSELF = """
says = "Accesses of every kind."
machine = ["amd", "intel"]
host.tdp = false
access = [
    { do = "read", at = 0x60_0000, right = { is = "done", frame = 0x60_0000 } },
    { do = "write", at = 0x60_0000, right = { is = "page fault", code = "P W" } },
    { do = "fetch", at = 0x4000_0000, right = { is = "page fault", code = "P F" } },
    { do = "outs", at = 0x8000_0000, right = { is = "page fault", code = "P RSVD" } },
]
[guest]
paging = "4-level"
cr0 = "WP"
efer = "NX"
maxphyaddr = 40
memory = [{ at = 0x1_0000_0000, size = 0x20_0000 }]
entry = [
    { of = 0x60_0000, level = 2, bits = "P U A" },
    { of = 0x60_0000, level = 1, to = 0x60_0000, bits = "P W U A D" },
    { of = 0x4000_0000, level = 2, to = 0x1_0000_0000, bits = "P W U A D PS NX" },
    { of = 0x8000_0000, level = 3, bits = "P U 40" },
    { of = 0x8000_0000, level = 1, to = 0x61_0000, bits = "P W U A D" },
]
"""
BY_EPT = """
says = "An L2 with MBEC."
machine = "intel"
[guest]
paging = "4-level"
entry = [{ of = 0x4000_0000, level = 1, to = 0x60_0000, bits = "P W U A D" }]
[l1]
stage = "EPT"
mbec = true
entry = [{ of = 0x60_0000, level = 1, to = 0x60_0000, bits = "R XU MT=6" }]
[[access]]
do = "write"
at = 0x4000_0000
right = { is = "EPT violation", code = "WRITE", mask = 2, address = 0x60_0000 }
[[access]]
do = "read"
at = 0x4000_0000
"""
BY_NPT = (
    BY_EPT.replace("intel", "amd")
    .replace("EPT violation", "nested page fault")
    .replace("WRITE", "W")
    .replace('stage = "EPT"\nmbec = true', 'stage = "NPT"')
    .replace("R XU MT=6", "P U A D")
)
TEXTS = {"by-itself": BY_ITSELF, "by-ept": BY_EPT, "by-npt": BY_NPT}


def selftests_of(series: str) -> Path:
    cache = kernels_folder()
    folder = cache / f"selftests-{series}"
    if not folder.is_dir():
        pytest.skip(f"needs {folder.name}: tools/fetch-live.sh --selftests")
    if not shutil.which("gcc"):
        pytest.skip("needs gcc (on Debian: apt install gcc libc6-dev)")
    return folder


def compiled(text: str, root: Path, folder: Path) -> str:
    """What the compiler says against it, with the options of the selftests' own makefile."""
    source, tools = folder / "test.c", root / "tools"
    kvm = tools / "testing/selftests/kvm"
    source.write_text(text)
    folders = (
        tools / "include",
        tools / "arch/x86/include",
        tools / "include/uapi",
        kvm / "include",
        kvm / "include/x86",
        kvm.parent,
    )
    options = ("-Wall", "-Werror", "-std=gnu99", "-O2", "-D_GNU_SOURCE=", "-DCONFIG_64BIT", "-march=x86-64-v2")
    command = ("gcc", "-c", "-o", str(folder / "test.o"), *options, *(f"-I{each}" for each in folders), str(source))
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("series", ["7.2", "7.3"])
@pytest.mark.parametrize("name", TEXTS)
def test_a_described_guest_compiles_against_the_selftests_headers(name: str, series: str, tmp_path: Path) -> None:
    root = selftests_of(series)
    assert (
        compiled(
            selftest_text(parsed_description(TEXTS[name], name), with_stack=gives_l2_a_stack(root)), root, tmp_path
        )
        == ""
    )


def test_the_compiler_would_tell_a_mistake(tmp_path: Path) -> None:
    root = selftests_of("7.2")
    text = selftest_text(parsed_description(BY_ITSELF, "g"), with_stack=False).replace(
        "vm_install_exception_handler(vm, PF", "no_such(vm, PF"
    )
    assert "no_such" in compiled(text, root, tmp_path)


def test_addresses_where_the_selftests_have_their_own_pages_are_moved_up() -> None:
    text = selftest_text(parsed_description(BY_ITSELF, "g"), with_stack=False)
    assert "{ 0x1000600000ull, 1, false, 0x1000600067ull }," in text
    assert "{ 0x1000600000ull, 2, true, 0x25ull }," in text
    assert "{ 0x40000000ull, 2, false, 0x80000001000000e7ull }," in text
    assert "{ 0x80000000ull, 3, true, 0x10000000005ull }," in text
    assert re.search(r"GUEST_ASSERT_EQ\(met_vector, PF_VECTOR\);\n\tGUEST_ASSERT_EQ\(met_code, 0x3ull\);", text)
    assert "TEST_REQUIRE(is_forced_emulation_enabled);" in text
    assert "kvm_intel.ept=0 or kvm_amd.npt=0" in text


def test_what_l1_is_told_is_asked_for() -> None:
    text = selftest_text(parsed_description(BY_EPT, "g"), with_stack=False)
    assert "GUEST_ASSERT_EQ(vmreadz(VM_EXIT_REASON), EXIT_REASON_EPT_VIOLATION);" in text
    assert "GUEST_ASSERT_EQ(vmreadz(EXIT_QUALIFICATION) & 0x2ull, 0x2ull);" in text
    assert "BIT(22)" in text
    assert "BIT(22)" not in selftest_text(parsed_description(BY_EPT.replace("mbec = true", ""), "g"), with_stack=False)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('paging = "4-level"', 'paging = "PAE"', "the selftests' guests have 4-level paging, and not 'PAE'"),
        ('do = "write"', 'do = "write"\nby = "user"', "no accesses of CPL 3"),
        ('paging = "4-level"', 'paging = "4-level"\ncr4 = "SMEP"', "neither SMEP nor SMAP"),
        (
            'paging = "4-level"',
            'paging = "4-level"\nmemory = [{ at = 0x100_0000, size = 0x1000, read_only = true }]',
            "the memory of the selftests' guests can be written",
        ),
        ("of = 0x4000_0000", "of = 0x4_0000", "which the selftests have elsewhere"),
    ],
)
def test_what_cannot_be_a_selftest_is_refused_with_the_reason(old: str, new: str, why: str) -> None:
    with pytest.raises(NoSelftestError, match=why):
        selftest_text(parsed_description(BY_EPT.replace(old, new, 1), "g"), with_stack=False)


def test_an_l2_without_paging_is_one_whose_pages_are_mapped_to_themselves() -> None:
    text = selftest_text(read_description(FOLDER / "9.toml"), with_stack=False)
    assert "{ 0x1000600000ull, 1, false, 0x1000600067ull }," in text
    assert "EXIT_REASON_EPT_MISCONFIG" in text


def test_a_tree_without_selftests_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoSelftestError, match=r"vmx\.h: No such file"):
        gives_l2_a_stack(tmp_path)
