"""`mmuproof coverage`: of which lines theorems speak, told for a reader and for a machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner
from typer.testing import Result as CliResult

from mmuproof.cli.coverage.reasons import REASONS
from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.lift.errors import Refused
from mmuproof.model.kvm import NotThere
from tests.cli.conftest import MMU, VMX, Cli, FakeCatalogue, raising, running
from tests.cli.telling.schema import valid

SPEAKING = {
    "spte.a": running(MMU, 10, 11, 12, 13, 99, cuts=["drop_spte"]),
    "spte.b": running(MMU, 13, 18, cuts=["drop_spte", "paging64_fetch"]),
    "exit.a": running(VMX, 71),
    "odd.lost": raising(NotThere(["is_new"])),
    "odd.refused": raising(Refused("asm goto", "mmu.c:12")),
    "odd.empty": running(MMU, 15, claims=()),
    "ok.not-there": running(MMU, 16),
}


@pytest.fixture
def cli(catalogue: FakeCatalogue) -> Cli:
    speaking = replace(catalogue, statements=SPEAKING)

    def run(*words: object) -> CliResult:
        return CliRunner().invoke(build_app(speaking), [str(word) for word in words], prog_name="mmuproof")

    return run


def test_every_function_is_listed_with_who_speaks_of_it(cli: Cli) -> None:
    ran = cli("coverage", "--kernel", "linux")
    assert ran.exit_code == 0, ran.stderr
    listed = "listed as not counting, and not in this kernel: "
    lines = [line for line in ran.stdout.splitlines() if not line.startswith(listed)]
    assert lines == [
        "arch/x86/kvm/mmu/mmu.c  4 of 11; 2 do not count",
        "     4/10   make_spte:10  spte.a, spte.b",
        "     0/2    kvm_update_page_stats:30  does not count: counters that nobody but a reader looks at",
        "     0/1    drop_spte:40  cut by spte.a, spte.b",
        "arch/x86/kvm/mmu/paging_tmpl.h  0 of 2",
        "     0/2    FNAME(fetch):50  cut by spte.b",
        "arch/x86/kvm/vmx/vmx.c  1 of 3",
        "     0/2    handle_ept_violation:60  none",
        "     1/1    vmx_load_eptp:70  exit.a",
        "not told: odd.lost intel: not defined: is_new",
        "not told: odd.refused intel: mmu.c:12: asm goto",
        "not told: arch/x86/kvm/vmx/tdx.c does not parse: 1 error",
        "30.8 % of the lines of arch/x86/kvm/mmu/*.c and paging_tmpl.h that count are spoken of, "
        "4 of 13; 2 do not count, on linux (Linux 7.2.12)",
    ]


def test_what_nobody_speaks_of_shows_by_line(cli: Cli) -> None:
    ran = cli("coverage", "--kernel", "linux", "--lines", "make_*", "paging64_fetch")
    assert [line.strip() for line in ran.stdout.splitlines()][:6] == [
        "arch/x86/kvm/mmu/mmu.c  4 of 10",
        "4/10   make_spte:10  spte.a, spte.b",
        "unspoken: 14-17, 19-20",
        "arch/x86/kvm/mmu/paging_tmpl.h  0 of 2",
        "0/2    FNAME(fetch):50  cut by spte.b",
        "unspoken: 52-54",
    ]
    assert "% of the lines" not in ran.stdout


def test_a_name_with_brackets_of_its_own_is_a_name(cli: Cli) -> None:
    assert "FNAME(fetch):50" in cli("coverage", "--kernel", "linux", "FNAME(fetch)").stdout


def test_only_some_theorems_may_be_asked_for(cli: Cli) -> None:
    ran = cli("coverage", "--kernel", "linux", "--by", "exit.*")
    assert "make_spte:10  none" in ran.stdout
    assert "not told: odd" not in ran.stdout


def test_the_file_says_all_of_it(cli: Cli, tmp_path: Path) -> None:
    assert cli("coverage", "--kernel", "linux", "--json", tmp_path / "c.json").exit_code == 0
    content = valid((tmp_path / "c.json").read_text())
    assert content["summary"] == {"mmu": {"counted": 13, "spoken": 4, "uncounted": 2}}
    assert content["files"][VMX] == {"counted": 3, "spoken": 1, "uncounted": 0}
    assert content["functions"][0] == {
        "function": "make_spte",
        "names": ["make_spte"],
        "file": MMU,
        "first": 10,
        "last": 21,
        "lines": 10,
        "spoken": 4,
        "unspoken": [[14, 17], [19, 20]],
        "theorems": {"spte.a": [11, 12, 13], "spte.b": [13, 18]},
        "cut_by": [],
        "uncounted": None,
    }
    assert content["functions"][1]["uncounted"] == "statistics"
    assert "make_mmu_pages_available" in content["uncounted_and_gone"]
    assert "kvm_update_page_stats" not in content["uncounted_and_gone"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "--kernel"),
        (["--kernel", "garbage"], "it has no arch/x86/kvm"),
        (["--kernel", "linux", "--by", "exit.b"], "did you mean exit.a"),
        (["--kernel", "linux", "make_sptes"], "did you mean make_spte"),
        (["--kernel", "linux", "vmx_set_rflags"], "no function that is listed is called"),
        (["--kernel", "linux", "--json", "missing/c.json"], "there is no folder"),
    ],
)
def test_wrong_usage_is_told(cli: Cli, words: list[str], told: str) -> None:
    ran = cli("coverage", *words)
    assert ran.exit_code == 2
    assert told in ran.stderr


def test_no_function_has_two_reasons_not_to_count() -> None:
    names = [name for these in REASONS.values() for name in these]
    assert len(names) == len(set(names))


@pytest.mark.kernel
@pytest.mark.long
def test_lines_of_a_real_tree(kernel_tree: Callable[[str], Path], tmp_path: Path) -> None:
    words = ["coverage", "--kernel", str(kernel_tree("7.2")), "--by", "acc.gpte-access", "--json", str(tmp_path / "c")]
    ran = CliRunner().invoke(build_app(Installed()), words)
    assert ran.exit_code == 0, ran.stderr
    content = valid((tmp_path / "c").read_text())
    by_name = {each["function"]: each for each in content["functions"]}
    access = by_name["FNAME(gpte_access)"]
    assert access["names"] == ["ept_gpte_access", "paging32_gpte_access", "paging64_gpte_access"]
    assert list(access["theorems"]) == ["acc.gpte-access"]
    assert access["unspoken"] == []
    # Parsed all the same, and not run.
    assert by_name["FNAME(fetch)"]["spoken"] == by_name["make_spte"]["spoken"] == 0
    assert by_name["__vmx_handle_ept_violation"]["theorems"] == {}
    assert "vmx_set_rflags" not in by_name
    assert 0 < content["summary"]["mmu"]["spoken"] < 100 < content["summary"]["mmu"]["uncounted"]
