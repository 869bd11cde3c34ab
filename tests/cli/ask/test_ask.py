"""`mmuproof ask`, over a kernel of a few lines and over real ones."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner
from typer.testing import Result as CliResult

from mmuproof.cli.ask.properties import HEADER
from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.lift.tree.changed import changed_tree
from mmuproof.questions.situations import SITUATIONS
from tests.cli.telling.schema import valid
from tests.hangs import HANGS
from tests.lift.conftest import FILES
from tests.long_run import kernels

SPTE_C = """\
#include <asm/bug.h>
typedef unsigned long long u64;
struct kvm { int nr; u64 mask; };
struct kvm_vcpu { struct kvm *kvm; union { unsigned word; struct { unsigned level:4, direct:1; }; } role; };
#define PT_PRESENT 1ULL
#define PT_WRITABLE 2ULL
static u64 shadow_mask;
static const int table[4] = { 1, 2, 4, 8 };
int is_present(u64 spte) { return !!(spte & PT_PRESENT); }
int is_writable(u64 spte) { return is_present(spte) && (spte & PT_WRITABLE); }
int is_masked(struct kvm *kvm, u64 spte) { u64 masked = spte & kvm->mask; return masked == kvm->mask; }
int is_shadowed(u64 spte) { return spte & shadow_mask; }
u64 checked(u64 spte) { if (WARN_ON_ONCE(spte & 0xf0)) spte |= 0x100; return spte; }
u64 never(u64 spte) { BUG_ON(spte & 1); return spte; }
int entry(unsigned index) { return table[index]; }
int defined_in_mmu(u64 spte);
int through(u64 spte) { return defined_in_mmu(spte); }
int deepest(u64 spte) { asm("nop"); return 1; }
void make(u64 *made, u64 spte) { *made = spte | PT_PRESENT; }
int level(struct kvm_vcpu *vcpu) { return vcpu->role.level; }
int endless(u64 spte) { BUG(); }
int forgetful(u64 spte) { }
"""
MMU_C = """\
typedef unsigned long long u64;
int defined_in_mmu(u64 spte) { return spte > 0xff; }
int through(u64 spte);
static inline int in_header(u64 spte) { return through(spte); }
"""

Ask = Callable[..., CliResult]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "linux"
    files = {**FILES, "arch/x86/kvm/mmu/spte.c": SPTE_C, "arch/x86/kvm/mmu/mmu.c": MMU_C}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        os.utime(folder / name, (1_000_000_000, 1_000_000_000))
    return folder


@pytest.fixture
def ask(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Run `mmuproof ask` on the small kernel."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: object) -> CliResult:
        arguments = ["ask", "--kernel", str(tree), *map(str, words)]
        return CliRunner().invoke(build_app(Installed()), arguments, prog_name="mmuproof")

    return run


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["is_writable(s)"], 0, "POSSIBLE"),
        (["is_writable(s) && !is_present(s)"], 1, "IMPOSSIBLE"),
        (["--prove", "!is_writable(s) || is_present(s)"], 0, "ALWAYS"),
        (["--prove", "is_writable(s) || is_present(s)"], 1, "NOT ALWAYS"),
        (["u64 s: is_writable(s) && !(s & PT_PRESENT)"], 1, "IMPOSSIBLE"),
        (["shadow_mask == 3 && is_shadowed(s) && s == 4"], 1, "IMPOSSIBLE"),
        (["({ make(&out, s); !is_present(out); })"], 1, "IMPOSSIBLE"),
        (["level(v) == 16"], 1, "IMPOSSIBLE"),
        (["level(v) == 15"], 0, "POSSIBLE"),
        (["--assume", "is_present(s)", "--prove", "u64 s: s & 1"], 0, "ALWAYS"),
        (["--assume", "u64 s: s != 1", "--assume", "u64 s: s != 3", "u64 s: s & 1 && s < 4"], 1, "IMPOSSIBLE"),
        (["--assume", "u64 s: s < 4", "--assume", "s > 4", "is_present(s)"], 3, "VACUOUS"),
        (
            ["u64 a, u64 b, u64 c: a * b * c == 0x123456789abcdef1 && a > 0xffff && b > a", "--budget", "2000"],
            3,
            "UNKNOWN",
        ),
        (["deepest(s)"], 3, "ERROR"),
    ],
)
def test_answers_and_exit_statuses(ask: Ask, words: list[str], status: int, says: str) -> None:
    done = ask(*words)
    assert done.exit_code == status, done.output
    assert done.stdout.splitlines()[-1].startswith(says)


def test_an_example_in_the_kernels_words(ask: Ask) -> None:
    shown = ask("is_masked(kvm, s) && kvm->mask == 0x10 && s != 0x10").stdout.splitlines()
    assert shown[:5] == [
        "POSSIBLE  is_masked(kvm, s) && kvm->mask == 0x10 && s != 0x10  any masks",
        "    s=0x11   kvm->mask=0x10   (everything else: any value)",
        "    arch/x86/kvm/mmu/spte.c:11   masked = 0x10",
        "    arch/x86/kvm/mmu/spte.c:11   is_masked() = 1",
        "  Evaluated on these numbers, it is true.",
    ]
    assert "free: struct kvm *kvm, as is_masked() takes it" in shown
    assert "free: u64 s, as is_masked() takes it" in shown


def test_bit_fields_are_told_by_their_names(ask: Ask) -> None:
    assert "v->role.level=3   (everything" in ask("level(v) == 3").stdout


def test_assumptions_are_printed_and_a_contradiction_names_them(ask: Ask) -> None:
    done = ask("--assume", "u64 s: s < 4", "--assume", "s > 4", "--assume", "s & 1", "is_present(s)")
    assert "VACUOUS" in done.stdout
    assert "the assumptions contradict each other: u64 s: s < 4 (--assume); s > 4 (--assume)" in done.stdout
    assert "s & 1 (--assume)" in done.stdout


def test_a_warn_on_the_way_is_told_but_only_where_it_cannot_be_avoided(ask: Ask) -> None:
    avoidable = ask("checked(s) & 0x100")
    assert avoidable.exit_code == 0
    assert "WARN" not in avoidable.stdout
    needed = ask("checked(s) & 0x100 && !(s & 0x100)")
    assert needed.exit_code == 0
    assert "the WARN at arch/x86/kvm/mmu/spte.c:13 fires on the way" in needed.stdout


def test_a_bug_ends_the_question_and_is_told(ask: Ask) -> None:
    done = ask("never(s) & 1")
    assert done.exit_code == 1
    assert "the BUG at arch/x86/kvm/mmu/spte.c:14 does not fire: the kernel would stop there" in done.stdout


def test_undefined_behaviour_refutes_always_and_is_no_example(ask: Ask) -> None:
    always = ask("--prove", "entry(i) <= 8")
    assert always.exit_code == 1
    assert "Undefined behaviour at arch/x86/kvm/mmu/spte.c:15" in always.stdout
    never = ask("entry(i) > 8")
    assert never.exit_code == 1
    assert "nothing on the way is undefined in C" in never.stdout
    assert "but for other inputs C leaves the behaviour undefined: at arch/x86/kvm/mmu/spte.c:15" in never.stdout
    assert ask("--prove", "--assume", "unsigned i: i < 4", "entry(i) <= 8").exit_code == 0


def test_what_is_undefined_for_certain_has_no_answer(ask: Ask) -> None:
    assert ask("entry(7) == 8").exit_code == 3
    done = ask("--prove", "entry(7) == 8")
    assert done.exit_code == 1
    assert "whatever the inputs" in done.stdout


@pytest.mark.parametrize(
    ("question", "ends"),
    [
        ("s ? endless(s) : endless(1)", "a BUG"),
        ("s ? forgetful(s) : forgetful(1)", "undefined behaviour"),
        ("s ? forgetful(s) : endless(1)", "a BUG or in undefined behaviour"),
    ],
)
def test_a_question_without_a_value_says_why(question: str, ends: str, ask: Ask) -> None:
    done = ask(f"u64 s: {question}")
    assert done.exit_code == 3
    told = " ".join(done.stdout.split())
    assert f"the question has no value: every path to it ends in {ends}" in told


def test_the_unit_is_the_one_that_has_the_bodies(ask: Ask) -> None:
    assert "in arch/x86/kvm/mmu/spte.c" in ask("is_present(s)").stdout
    assert "in arch/x86/kvm/mmu/mmu.c" in ask("defined_in_mmu(s)").stdout
    # spte.c has a body of through(), but not of what that calls.
    refused = ask("through(s)")
    assert refused.exit_code == 3
    assert "call of defined_in_mmu(): neither lifted nor on the list of cuts" in refused.stdout
    assert ask("--unit", "arch/x86/kvm/mmu/mmu.c", "defined_in_mmu(s)").exit_code == 0
    wrong = ask("--unit", "arch/x86/kvm/mmu/none.c", "is_present(s)")
    assert (wrong.exit_code, wrong.stderr) == (2, "mmuproof: the tree has no arch/x86/kvm/mmu/none.c\n")


def test_a_free_variable_is_not_taken_for_the_kernels_own_of_that_name(ask: Ask) -> None:
    assert ask("u64 shadow_mask: shadow_mask == 1 && !is_shadowed(1)").exit_code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["is_presentt(s)"],
            [
                "mmuproof: the expression, column 1: there is no function or macro is_presentt() (as part of",
                "  is_presentt(s)",
                "  ^~~~~~~~~~~",
                "  did you mean is_present?",
            ],
        ),
        (["u64 s: s & PT_WRITEABLE"], ["column 12: 'PT_WRITEABLE' is not declared", "  did you mean PT_WRITABLE?"]),
        (["s & 1"], ["as a free variable it needs a type, unless it is an argument of a function: 'u64 s: …'"]),
        (["struct kvm *k: k->maks"], ["no member named 'maks'", "                    ^~~~", "  did you mean mask?"]),
        (["u64 s: is_present(s) && s = 3"], ["column 27: this is an assignment; did you mean '=='?", "      ^"]),
        (["u64 s: s |= 3"], ["column 11: this is an assignment"]),
        (
            ["u64 s: is_present(s)", "--in", "wolk"],
            ["--in wolk: there is no such situation; did you mean walk", "vmcs02"],
        ),
        (["is_present(s)) || (1"], ["column 14: nothing is open that this ')' closes", "               ^"]),
        (["--assume", "is_presentt(s)", "is_present(s)"], ["mmuproof: the assumption, column 1: there is no"]),
        (["is_present(s)", "--vendor", "intell"], ["no vendor is called 'intell'; did you mean intel?"]),
        ([], ["ask takes an expression, or a --file of properties"]),
        (["is_present(s)", "--file", "x.c"], ["ask takes an expression, or a --file of properties"]),
        (["--file", "x.c", "--prove"], ["no --prove or --assume"]),
        (["--file", "nowhere.c"], ["nowhere.c cannot be read: No such file or directory"]),
        (["void *p: p"], []),
    ],
)
def test_a_question_that_cannot_be_asked(ask: Ask, words: list[str], says: list[str]) -> None:
    done = ask(*words)
    if says:
        assert (done.exit_code, done.stdout) == (2, "")
        for each in says:
            assert each in done.stderr
    else:
        assert done.exit_code == 3
        assert "'p' cannot be free" in done.stdout


def test_without_a_kernel_there_is_no_c() -> None:
    done = CliRunner().invoke(build_app(Installed()), ["ask", "1"])
    assert (done.exit_code, done.stderr) == (
        2,
        "mmuproof: ask needs C, which the reference model has not: run it in a kernel tree, or give a --kernel\n",
    )


PROPERTIES = """\
#include "mmuproof.h"

bool writable_is_present(u64 spte)
{
	assume(is_writable(spte));
	return is_present(spte);
}

static bool odd(u64 spte) { return spte & 1; }

must_be_possible bool can_be_odd(u64 spte) { return odd(spte); }
must_be_impossible bool masked_by_nothing(struct kvm *kvm, u64 spte)
{
	return kvm->mask == 0 && !is_masked(kvm, spte);
}
"""


@pytest.fixture
def properties(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        (tmp_path / "props.c").write_text("typedef _Bool bool;\n" + text)
        return tmp_path / "props.c"

    return write


def test_a_file_of_properties(ask: Ask, properties: Callable[[str], Path]) -> None:
    file = properties(PROPERTIES)
    done = ask("--file", file)
    assert done.exit_code == 0, done.output
    rows = [line.split()[:2] for line in done.stdout.splitlines() if line.endswith(" s")]
    assert rows[:3] == [
        ["ALWAYS", "writable_is_present"],
        ["POSSIBLE", "can_be_odd"],
        ["IMPOSSIBLE", "masked_by_nothing"],
    ]
    assert f"Assumes assume(is_writable(spte)); ({file}:6)" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("3 yes  on ")


def test_a_property_that_is_not_as_it_is_to_be(ask: Ask, properties: Callable[[str], Path]) -> None:
    file = properties(PROPERTIES.replace("must_be_impossible", "").replace("return odd(spte)", "return 0"))
    done = ask("--file", file)
    assert done.exit_code == 1
    assert "NOT ALWAYS  masked_by_nothing" in done.stdout
    assert "wanted: possible" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 yes, 2 no  on ")


def test_one_property_that_cannot_be_decided_does_not_keep_the_others(
    ask: Ask, properties: Callable[[str], Path]
) -> None:
    done = ask("--file", properties(PROPERTIES + "bool deep(u64 spte) { return deepest(spte); }\n"))
    assert done.exit_code == 3
    assert "arch/x86/kvm/mmu/spte.c:18: inline assembly" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("3 yes, 1 ERROR  on ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "props.c has no property: a function that is not static"),
        ("static bool one(u64 s) { return s; }\n", "props.c has no property"),
        ("void one(u64 s) { }\n", "props.c:2: one() returns no truth value; a helper is static"),
        ('#include "mmuproof.h"\nset_up_for(arm) bool one(u64 s) { return s; }\n', "masks are set up for intel, amd"),
        (
            '#include "mmuproof.h"\nmust_be_possible must_be_impossible bool one(u64 s) { return s; }\n',
            "one() is to be possible and impossible",
        ),
        ("bool one(u64 s) { return is_presentt(s); }\n", "props.c:2:26: there is no function or macro is_presentt()"),
        ('#include "nowhere.h"\n', "'nowhere.h' file not found"),
        ("bool is_present(u64 s) { return s; }\n", "props.c:2:6: conflicting types for 'is_present'"),
    ],
)
def test_a_file_that_states_nothing_or_nonsense(
    ask: Ask, properties: Callable[[str], Path], text: str, says: str
) -> None:
    done = ask("--file", properties(text))
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr


def test_the_header_can_be_had() -> None:
    done = CliRunner().invoke(build_app(Installed()), ["ask", "--header"])
    assert (done.exit_code, done.stdout) == (0, HEADER)


def test_the_results_file(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    assert ask("is_writable(s) && s != 3", "--json", file).exit_code == 0
    content = valid(file.read_text())
    assert content["schema"] == 1
    assert content["kernel"]["version"] == "7.2.12-test"
    assert len(content["kernel"]["digest"]) == 64
    assert content["summary"] == {"yes": 1, "no": 0, "VACUOUS": 0, "UNKNOWN": 0, "ERROR": 0}
    assert content["free"] == ["free: u64 s, as is_writable() takes it"]
    (result,) = content["results"]
    assert (result["question"], result["wanted"]) == ("is_writable(s) && s != 3", "possible")
    assert (result["answer"], result["yes"], result["verdict"]) == ("possible", True, "REFUTED")
    assert result["vendor"] is None
    assert int(result["example"]["inputs"]["s"], 16) & 3 == 3
    assert {"at": "arch/x86/kvm/mmu/spte.c:9", "text": "is_present() = 1"} in result["example"]["steps"]
    before = file.read_text()
    assert ask("is_writablee(s)", "--json", file).exit_code == 2
    assert file.read_text() == before


def test_the_cache_can_be_seen_and_cleared(ask: Ask, tmp_path: Path) -> None:
    ask("is_present(s)")
    units = tmp_path / "cache/mmuproof/units"
    assert list(units.glob("*.ast"))

    def cache(*words: str) -> str:
        done = CliRunner().invoke(build_app(Installed()), ["cache", *words])
        assert done.exit_code == 0
        return done.stdout

    assert str(units) in cache()
    assert "removed from" in cache("--clear")
    assert not units.exists()
    assert ask("is_present(s)").exit_code == 0


def test_a_cache_that_cannot_be_written_changes_no_answer(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert ask("is_present(s)").exit_code == 0
    assert (tmp_path / "cache").read_text() == "a file"


@pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN, reason="SIGINT is ignored here, as in the background of a script"
)
def test_a_signal_ends_a_question_at_once(tree: Path, tmp_path: Path) -> None:
    # To answer it is to factor a product of two large primes.
    hard = f"u64 a, u64 b: a * b == {0xFFFFFFFB * 0xFFFFFFEF}ULL && a > 1 && b > 1 && a < (1ULL << 33) && b < a"
    words = [
        sys.executable,
        "-m",
        "mmuproof.cli.main",
        "ask",
        "--kernel",
        str(tree),
        "--json",
        str(tmp_path / "r.json"),
    ]
    process = subprocess.Popen(
        [*words, hard],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not list(tmp_path.glob("cache/mmuproof/units/*.sum")):
        time.sleep(0.01)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=HANGS) == ("", "mmuproof: interrupted\n")
    assert process.returncode == 130
    assert not (tmp_path / "r.json").exists()


# -- real kernels ------------------------------------------------------------------------------------


@pytest.fixture
def real(
    kernel_tree: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., CliResult]:
    """Run `mmuproof ask` on a real kernel; the cache is shared by the tests of a process."""
    # Where the kernels are depends on the cache folder as well.
    monkeypatch.setenv("MMUPROOF_KERNELS", str(kernel_tree("7.2").parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "units of real kernels"))

    def run(version: str, *words: object) -> CliResult:
        tree = version if "/" in version else str(kernel_tree(version))
        arguments = ["ask", "--kernel", tree, *map(str, words)]
        return CliRunner().invoke(build_app(Installed()), arguments, prog_name="mmuproof")

    return run


FROZEN = {
    "6.1": "is_removed_spte(spte) && is_mmio_spte(spte)",
    "6.12": "is_frozen_spte(spte) && is_mmio_spte(kvm, spte)",
}


@pytest.mark.kernel
@pytest.mark.parametrize("version", kernels("7.2", "6.12", "6.1"))
def test_the_examples_of_the_manual_page(real: Callable[..., CliResult], version: str) -> None:
    frozen = real(version, FROZEN.get(version, FROZEN["6.12"]), "--vendor", "intel", "--vendor", "amd")
    assert frozen.exit_code == 1, frozen.output
    assert "2 no  on" in frozen.stdout
    tracked = "u64 s: !is_access_track_spte(s) || !(s & VMX_EPT_RWX_MASK)"
    assert real(version, "--prove", tracked, "--vendor", "intel").exit_code == 0
    # Without the masks as EPT sets them up, this is not so.
    free = real(version, "--prove", tracked)
    assert free.exit_code == 1
    assert "shadow_acc_track_mask=0" in free.stdout


@pytest.mark.parametrize(
    "compares", ["s == 3", "s != 3", "s <= 3", "s >= 3", "({ u64 t = s; t == 3; })", "({ s |= 3; s; })"]
)
def test_what_compares_is_no_assignment(ask: Ask, compares: str) -> None:
    assert ask(f"u64 s: {compares}").exit_code == 0


def test_a_frame_is_mmio_or_is_not(ask: Ask, tree: Path) -> None:
    spte_c = tree / "arch/x86/kvm/mmu/spte.c"
    spte_c.write_text(SPTE_C + "_Bool kvm_is_mmio_pfn(u64 pfn);\nint once(u64 pfn) { return kvm_is_mmio_pfn(pfn); }\n")
    assert ask("once(a) != once(a)").exit_code == 1
    assert ask("u64 a, u64 b: once(a) != once(b)").exit_code == 0
    assert "kvm_is_mmio_pfn() says the same of the same frame" in ask("once(a) != once(a)").stdout


VMX_C = """\
typedef unsigned long long u64;
struct kvm_vcpu { u64 efer; };
struct vcpu_vmx { struct kvm_vcpu vcpu; int fail; };
static struct vcpu_vmx *to_vmx(struct kvm_vcpu *vcpu)
{ return (struct vcpu_vmx *)((char *)vcpu - __builtin_offsetof(struct vcpu_vmx, vcpu)); }
int fails(struct kvm_vcpu *vcpu) { return to_vmx(vcpu)->fail; }
int long_mode(struct kvm_vcpu *vcpu) { return vcpu->efer & 1; }
"""


@pytest.mark.parametrize(
    ("question", "shown"),
    [
        ("fails(vcpu)", "to_vmx(vcpu)->fail=1"),
        ("long_mode(vcpu)", "vcpu->efer=1"),
        ("long_mode(vcpu) && fails(vcpu)", "to_vmx(vcpu)->vcpu.efer=1"),
    ],
)
def test_a_vcpu_is_in_a_vendors_struct_where_code_goes_there(ask: Ask, tree: Path, question: str, shown: str) -> None:
    vmx_c = tree / "arch/x86/kvm/vmx/vmx.c"
    vmx_c.parent.mkdir(exist_ok=True)
    vmx_c.write_text(VMX_C)
    asked = ask(question)
    assert asked.exit_code == 0, asked.output
    assert shown in asked.stdout


OF_THEOREMS = {
    "reserved-bits": "struct kvm_vcpu *vcpu, u64 gpte, int level: level >= 1 && level <= 5 && "
    "__is_rsvd_bits_set(&vcpu->arch.mmu->guest_rsvd_check, gpte, level)",
    "exit": "struct kvm_vcpu *vcpu: npf_interception(vcpu) == 1",
    "vmcb02": "struct vcpu_svm *svm: ({ nested_vmcb02_prepare_control(svm); "
    "svm->nested.vmcb02.ptr->control.misc_ctl & SVM_MISC_ENABLE_GMET; })",
    "walk": "struct kvm_vcpu *vcpu: vcpu->arch.mmu == &vcpu->arch.root_mmu && is_cr0_wp(vcpu->arch.mmu)",
    "nested-ept": "struct kvm_vcpu *vcpu: vcpu->arch.mmu == &vcpu->arch.guest_mmu",
    "set-up": "({ kvm_init_mmu(vcpu); vcpu->arch.mmu->root_role.direct; })",
    # Neither is among the calls of the theorems about roles.
    "role": "u64 *sptep, union kvm_cpu_role r, struct kvm_vcpu *vcpu: "
    "kvm_calc_tdp_mmu_root_page_role(vcpu, r).direct && kvm_mmu_child_role(sptep, true, 7).direct",
}


@pytest.mark.kernel
@pytest.mark.parametrize("setting", OF_THEOREMS)
def test_a_question_has_the_situation_of_theorems(real: Callable[..., CliResult], setting: str) -> None:
    asked = real("7.2", "--in", setting, OF_THEOREMS[setting])
    assert asked.exit_code == 0, asked.output


@pytest.mark.kernel
@pytest.mark.parametrize(("vendor", "status"), [("intel", 1), ("amd", 1), ("shadow", 0)])
def test_a_whole_set_up_can_be_asked_about(real: Callable[..., CliResult], vendor: str, status: int) -> None:
    paging = "--assume", "vcpu->arch.cr0 & X86_CR0_PG"
    question = "({ kvm_init_mmu(vcpu); !vcpu->arch.mmu->root_role.direct; })"
    asked = real("7.2", "--in", "set-up", "--vendor", vendor, *paging, question)
    assert asked.exit_code == status, asked.output
    assert "the host does not encrypt memory" in asked.stdout


#: Questions that go from a member to what holds it, with the exit status.
HELD = {
    "struct list_head *head: container_of(head, struct kvm_mmu_page, link)->role.invalid": ((), 0),
    "struct list_head *head: &list_entry(head, struct kvm_mmu_page, link)->link == head": (("--prove",), 0),
    "struct hlist_node *n: hlist_entry(n, struct kvm_mmu_page, hash_link)->role.invalid": (("--prove",), 1),
    "struct kvm_vcpu *vcpu: container_of(vcpu, struct vcpu_svm, vcpu)->nested.vmcb12_gpa == 8": ((), 0),
}


@pytest.mark.kernel
@pytest.mark.parametrize("question", HELD)
def test_a_pointer_leads_to_what_holds_it_where_a_question_goes_there(
    real: Callable[..., CliResult], question: str
) -> None:
    options, status = HELD[question]
    asked = real("7.2", *options, question)
    assert asked.exit_code == status, asked.output
    assert "undefined" not in asked.stdout.lower().replace("nothing on the way is undefined in c", "")


@pytest.mark.parametrize("name", SITUATIONS)
def test_situations_are_documented(name: str) -> None:
    assert f"`{name}`" in (Path(__file__).parents[3] / "docs/ask.md").read_text("utf-8")


#: Questions about code that calls what stands in another unit, or is written in assembly; with options.
ACROSS = {
    "u64 *sptep, u64 spte: ({ *sptep = spte; spte_write_protect(sptep, true); !is_writable_pte(*sptep); })": (
        "--prove",
    ),
    "struct kvm_vcpu *vcpu, u64 e, u64 a: kvm_handle_page_fault(vcpu, e, a, NULL, 0) == 1": ("--in", "exit"),
}


@pytest.mark.kernel
@pytest.mark.parametrize("question", ACROSS)
def test_what_a_unit_cannot_follow_has_any_answer(real: Callable[..., CliResult], question: str) -> None:
    asked = real("7.3", *ACROSS[question], question)
    assert asked.exit_code == 0, asked.output


@pytest.mark.kernel
def test_mbec_of_l2_needs_ept_of_l1(real: Callable[..., CliResult]) -> None:
    with_mbec = "struct kvm_vcpu *vcpu, struct vmcs12 *v: !nested_vmx_check_mode_based_ept_exec_controls(vcpu, v)"
    wants = "nested_cpu_has2(v, SECONDARY_EXEC_MODE_BASED_EPT_EXEC)"
    assert real("7.2", "--in", "vmcs02", f"{with_mbec} && {wants}").exit_code == 0
    assert real("7.2", "--in", "vmcs02", f"{with_mbec} && {wants} && !nested_cpu_has_ept(v)").exit_code == 1


@pytest.mark.kernel
@pytest.mark.parametrize("version", kernels("7.2", "6.12"))
def test_functions_of_another_unit_and_ones_that_macros_make(real: Callable[..., CliResult], version: str) -> None:
    made = real(version, "ept_gpte_access(gpte) == ACC_ALL")
    assert made.exit_code == 0, made.output
    assert "in arch/x86/kvm/mmu/mmu.c" in made.stdout
    # permission_fault() stands in a header, but what it calls is in mmu.c.
    fault = real(
        version,
        "struct kvm_mmu *m: permission_fault(vcpu, m, pte_access, pkey, access) && !(m->pkru_mask)",
        "--assume",
        "struct kvm_mmu *m: !m->permissions[0]",
        "--vendor",
        "intel",
    )
    assert fault.exit_code == 0, fault.output
    assert "permission_fault() = " in fault.stdout
    assert "tdp_enabled" not in fault.stdout


@pytest.mark.kernel
def test_masks_that_are_set_up_in_one_unit_hold_in_another(real: Callable[..., CliResult]) -> None:
    question = "u64 s: is_access_track_spte(s) && (s & VMX_EPT_READABLE_MASK)"
    words = ("--unit", "arch/x86/kvm/mmu/mmu.c", question)
    assert real("7.2", *words, "--vendor", "intel").exit_code == 1
    assert real("7.2", *words).exit_code == 0


@pytest.mark.long
@pytest.mark.kernel
def test_a_mistake_in_the_tree_changes_the_answer(
    kernel_tree: Callable[[str], Path], real: Callable[..., CliResult], tmp_path: Path
) -> None:
    whole, edited = kernel_tree("7.2"), tmp_path / "edited"
    edited.mkdir()
    changed_tree(whole, {}, edited)
    shutil.rmtree(edited / "arch/x86/kvm")
    shutil.copytree(whole / "arch/x86/kvm", edited / "arch/x86/kvm")
    question = ("--vendor", "intel", "is_frozen_spte(spte) && is_mmio_spte(kvm, spte)")
    assert real(str(edited), *question).exit_code == 1
    header = edited / "arch/x86/kvm/mmu/spte.h"
    text, count = re.subn(r"(?<=return spte )==(?= FROZEN_SPTE;)", "&", header.read_text())
    assert count == 1
    header.write_text(text)
    found = real(str(edited), *question)
    assert found.exit_code == 0, found.output
    assert "POSSIBLE" in found.stdout


@pytest.mark.kernel
def test_a_whole_process_answers_twice_the_same(kernel_tree: Callable[[str], Path], tmp_path: Path) -> None:
    words = [sys.executable, "-m", "mmuproof.cli.main", "ask", "--kernel", str(kernel_tree("7.2")), "--prove"]
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    told = [
        subprocess.run([*words, "u64 s: !is_frozen_spte(s) || s"], env=env, capture_output=True, text=True, check=False)
        for _ in range(2)
    ]
    assert [each.returncode for each in told] == [0, 0], told
    assert [each.stderr for each in told] == ["", ""]
