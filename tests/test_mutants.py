"""Mistakes are small, are made where something is decided, and what a theorem speaks of is noticed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.mutants import mistakes_in

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("line", "how", "wrong"),
    [
        ("\tput_table(kvm, sp);", "left out", "\t;"),
        ("\tsp->role.level = level;", "left out", "\t;"),
        ("\tdue |= takes_away(kvm, sp);", "|= is =", "\tdue = takes_away(kvm, sp);"),
        ("\tif (is_leaf(spte) && level > 1)", "without level > 1", "\tif (is_leaf(spte))"),
        ("\tif (is_leaf(spte) && level > 1)", "&& is ||", "\tif (is_leaf(spte) || level > 1)"),
        ("\tif (is_leaf(spte) && level > 1) {", "never", "\tif (0 && (is_leaf(spte) && level > 1)) {"),
        ("\t} else if (is_leaf(spte))", "always", "\t} else if (1 || (is_leaf(spte)))"),
        ("\tfor (i = 0; i < count; i++)", "< is <=", "\tfor (i = 0; i <= count; i++)"),
        ("\treturn is_set(a) || is_set(b);", "without is_set(a)", "\treturn is_set(b);"),
        ("\treturn gfn + 1;", "+ 1 is left out", "\treturn gfn;"),
    ],
    ids=lambda value: str(value).strip(),
)
def test_a_mistake_is_one_of_a_reviewer_s(line: str, how: str, wrong: str) -> None:
    assert (how, wrong) in list(mistakes_in(line))


@pytest.mark.parametrize(
    "line",
    [
        "\tWARN_ON_ONCE(level > 1);",
        "\ttrace_kvm_mmu_set_spte(level, gfn, sptep);",
        "\tvcpu->stat.pf_fixed++;",
        "\twrite_lock(&kvm->mmu_lock);",
        "\tlockdep_assert_held(&kvm->mmu_lock);",
    ],
    ids=str.strip,
)
def test_what_only_tells_or_locks_is_left_alone(line: str) -> None:
    assert not list(mistakes_in(line))


@pytest.mark.parametrize(
    "line", ["\tu64 spte = 0;", "\tstruct kvm *kvm = vcpu->kvm;", "\treturn;", "\tbreak;", "}"], ids=str.strip
)
def test_nothing_is_left_out_that_would_not_compile_without(line: str) -> None:
    assert "left out" not in [how for how, _ in mistakes_in(line)]


@pytest.mark.parametrize("line", ["\tif (is_leaf(spte) && level > 1)", "\treturn is_set(a) || b == c;"], ids=str.strip)
def test_parentheses_stay_balanced(line: str) -> None:
    made = list(mistakes_in(line))
    assert made
    assert all(wrong.count("(") == wrong.count(")") for _, wrong in made)


@pytest.mark.kernel
@pytest.mark.long
def test_mistakes_of_a_function_that_is_spoken_of_are_told(kernel_tree: Callable[[str], Path]) -> None:
    command = [
        sys.executable,
        "-m",
        "tools.mutants",
        "layout.frozen",
        "spte.flush",
        "--kernel",
        str(kernel_tree("7.2")),
    ]
    ended = subprocess.run(
        [*command, "--only", "spte.h", "--count", "4", "--seed", "3"], cwd=ROOT, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) == 5
    assert all(
        re.match(r"(noticed  |UNNOTICED)  arch/x86/kvm/mmu/spte\.h:\d+  \w+\(\)  .+:  .+", each) for each in lines[:-1]
    )
    assert re.match(r"\d of 4 noticed; \d+ could be made$", lines[-1])
