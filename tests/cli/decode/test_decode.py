from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner
from typer.testing import Result as CliResult

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from tests.cli.telling.schema import valid


@pytest.fixture(scope="module", autouse=True)
def _outside_of_any_tree(tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.MonkeyPatch().chdir(tmp_path_factory.mktemp("nowhere"))


def run(*words: object) -> CliResult:
    return CliRunner().invoke(build_app(Installed()), ["decode", *map(str, words)])


def test_all_vendors_stand_side_by_side() -> None:
    done = run("0x80a0000123456f77")
    assert done.exit_code == 0
    (row,) = [line for line in done.stdout.splitlines() if line.split()[:1] == ["10"]]
    assert "user execute · shadow_xu_mask" in row
    assert row.count("shadow_mmu_writable_mask") == 2
    assert "probably an SPTE: bit 11, SPTE_MMU_PRESENT_MASK, is set" in done.stdout
    assert "intel, clear: SPTE_TDP_AD_MASK" in done.stdout


@pytest.mark.parametrize("text", ["0x14", "14h", "0x1_4", "20", "2_0", "0b10100", "0x14ULL", "0X14"])
def test_a_value_may_be_written_in_many_ways(text: str) -> None:
    if text == "14h":
        assert run(text, "--kind", "error-code").exit_code == 2
        return
    assert "USER|FETCH" in run(text, "--kind", "error-code").stdout


def test_several_values_are_told_one_after_the_other() -> None:
    done = run("0x184", "0x14")
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith("0x")] == ["0x184", "0x14"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "decode needs a VALUE"),
        (["xyz"], "'xyz' is no number: write it as 0x86000001"),
        (["-1"], "-1"),
        (["0x10000000000000000"], "'0x10000000000000000' has 65 bits"),
        (["1", "--kind", "stpe"], "did you mean spte?"),
        (["1", "--vendor", "intl"], "did you mean intel?"),
        (["1", "--kind", "exitinfo1", "--vendor", "intel"], "exitinfo1 is a number of amd alone"),
        (["1", "--kernel", "/nowhere"], "/nowhere"),
        (["1", "--level", "6"], "less than or equal to 5"),
    ],
)
def test_wrong_usage_is_told(words: list[str], message: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert message in done.stderr


def test_the_results_file_has_every_bit(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    assert run("0xd0f0000123456830", "--vendor", "intel", "--json", file).exit_code == 0
    (number,) = valid(file.read_text("utf-8"))["numbers"]
    assert number["value"] == "0xd0f0000123456830"
    (told,) = number["readings"][0]["by_vendor"]
    assert number["readings"][0]["kind"] == told["kind"] == "spte"
    assert sum(each["value"] << each["low"] for each in told["bits"]) == 0xD0F0000123456830
    assert {"low": 62, "high": 62, "value": 1, "hardware": "ignored", "kernel": "saved XU"} in told["bits"]
    assert all(each["instead"] == "EPT violation: not present" for each in told["hardware"])
    assert number["other_kinds"] == []


def test_a_level_says_what_an_entry_leads_to() -> None:
    assert "EPT PDE that references an EPT page table" in run("0x1007", "--vendor", "intel", "--level", 2).stdout
    assert "EPT PDPTE that maps a 1-GByte page" in run("0x40000087", "--vendor", "intel", "--level", 3).stdout


@pytest.mark.kernel
@pytest.mark.long
def test_names_are_the_trees(kernel_tree: object) -> None:
    tree = kernel_tree("7.2")  # type: ignore[operator]
    done = run("0xd0f0000123456830", "0x8400", "--vendor", "intel", "--kernel", tree, "--kind", "spte")
    assert done.exit_code == 0
    assert "ignored · saved XU" in done.stdout
    assert "access-tracked: not used since it was aged, saved R|X|XU" in done.stdout
    older = run("0x1", "--kernel", kernel_tree("6.12"), "--kind", "spte", "--vendor", "intel").stdout  # type: ignore[operator]
    assert "shadow_xu_mask" not in older
