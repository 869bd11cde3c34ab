from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result as CliResult

from mmuproof.cli.shared.console import printed
from mmuproof.cli.shared.results import Counterexample, KernelIdentity, Result
from mmuproof.cli.telling.report import print_counterexample
from mmuproof.model.vendor import Vendor
from mmuproof.smt.obligation import Verdict
from tests.cli.telling.schema import valid

GREEN = ("ok.proved", "ok.not-there")


def results(path: Path) -> list[dict[str, Any]]:
    content = valid(path.read_text())
    assert isinstance(content["results"], list)
    return content["results"]


@pytest.mark.parametrize(
    ("theorems", "status"),
    [
        (["ok.proved"], 0),
        (["ok.not-there"], 0),
        (["ok.*"], 0),
        (["bad.refuted"], 1),
        (["ok.*", "bad.refuted", "odd.vacuous", "odd.broken"], 1),
        (["odd.vacuous"], 3),
        (["ok.*", "odd.refused"], 3),
        (["odd.broken"], 3),
        (["ok.*", "odd.lost"], 3),
        (["odd.empty"], 3),
        (["odd.no-symptom"], 3),
        (["source.unusable", "bad.refuted", "--kernel", "linux"], 2),
        (["source.interrupted", "bad.refuted"], 130),
    ],
)
@pytest.mark.usefixtures("interruptible")
def test_the_exit_status_says_how_it_went(cli: Callable[..., CliResult], theorems: list[str], status: int) -> None:
    assert cli("prove", *theorems).exit_code == status


def test_a_budget_that_runs_out_is_unknown(cli: Callable[..., CliResult], tmp_path: Path) -> None:
    ran = cli("prove", "odd.unknown", "--budget", 1000, "--json", tmp_path / "r.json")
    assert ran.exit_code == 3
    (result,) = results(tmp_path / "r.json")
    assert result["verdict"] == "UNKNOWN"
    assert result["reason"]


@pytest.mark.parametrize(
    ("theorem", "verdict", "reason"),
    [
        ("ok.proved", "PROVED", None),
        ("ok.not-there", "NOT_APPLICABLE", "this kernel lacks mode-based execute control (MBEC)"),
        ("odd.lost", "LOST", "not found: ACC_NEW, is_new; like it here: is_old"),
        ("odd.missing", "LOST", "not found: make_new"),
        ("bad.refuted", "REFUTED", "second half: The claim is wrong."),
        ("bad.refuted-and-error", "REFUTED", "The claim is wrong."),
        ("odd.vacuous", "VACUOUS", "the assumptions contradict each other: assumption 1; assumption 2"),
        ("odd.vacuous-and-proved", "VACUOUS", "the assumptions contradict each other: assumption 0; assumption 1"),
        ("odd.refused", "ERROR", "arch/x86/kvm/mmu/mmu.c:12: asm goto"),
        ("odd.broken", "ERROR", "stating it failed: ZeroDivisionError: by nothing"),
        ("odd.empty", "ERROR", "the theorem states no claim"),
        ("odd.no-symptom", "ERROR", "there is a counterexample, but the theorem has no symptom for it"),
    ],
)
def test_the_verdict_comes_with_its_reason(
    cli: Callable[..., CliResult], tmp_path: Path, theorem: str, verdict: str, reason: str | None
) -> None:
    ran = cli("prove", theorem, "--vendor", "intel", "--json", tmp_path / "r.json")
    (result,) = results(tmp_path / "r.json")
    assert (result["verdict"], result["reason"]) == (verdict, reason)
    assert verdict in ran.stdout
    assert (reason or "") in ran.stdout


def test_the_results_file_has_the_agreed_content(cli: Callable[..., CliResult], tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    cli("prove", "bad.refuted", "ok.not-there", "--vendor", "intel", "--kernel", "linux", "--json", path)
    content = valid(path.read_text())
    parts = (
        "schema",
        "command",
        "tool",
        "kernel",
        "results",
        "summary",
        "known_findings",
        "carried_names",
        "saved_results",
        "known_claims",
    )
    assert tuple(content) == (*parts, "findings", "baseline", "exit_status")
    assert content["schema"] == 1
    assert list(content["tool"]) == ["version", "commit", "solvers"]
    assert content["tool"]["solvers"]["z3"]
    assert content["kernel"] == {
        "source": "linux",
        "version": "7.2.12",
        "config": ["CONFIG_X86_64=y"],
        "configuration": None,
        "digest": "def",
    }
    absent, refuted = content["results"]
    seconds = refuted.pop("seconds")
    assert isinstance(seconds, float)
    assert refuted == {
        "theorem": "bad.refuted",
        "vendor": "intel",
        "verdict": "REFUTED",
        "reason": "second half: The claim is wrong.",
        "checked": "one-solver",
        "assumptions": ["guaranteed for bad.refuted"],
        "cuts": [{"function": "callee", "at": "mmu.c:7", "reason": "says nothing", "unchecked": []}],
        "counterexample": {
            "inputs": {"x": "B"},
            "steps": [],
            "expected": "SDM 1.2: the right thing",
            "actual": "something else",
            "at": None,
        },
        "known_findings": [],
        "claims": 2,
        "under_former_names": False,
    }
    assert absent["counterexample"] is None
    assert content["summary"] == {
        "PROVED": 0,
        "REFUTED": 1,
        "VACUOUS": 0,
        "UNKNOWN": 0,
        "NOT_APPLICABLE": 1,
        "LOST": 0,
        "ERROR": 0,
    }


def test_results_come_in_the_catalogues_order_whatever_the_jobs(cli: Callable[..., CliResult], tmp_path: Path) -> None:
    contents = []
    for jobs in (1, 4):
        path = tmp_path / f"{jobs}.json"
        cli("prove", "odd.v*", "bad.*", "ok.*", "--jobs", jobs, "--json", path)
        content = valid(path.read_text())
        for result in content["results"]:
            del result["seconds"]
        contents.append(content)
    assert contents[0] == contents[1]
    names = [(result["theorem"], result["vendor"]) for result in contents[0]["results"]]
    assert names == [
        ("ok.proved", "intel"),
        ("ok.proved", "amd"),
        ("ok.proved", "shadow"),
        ("ok.not-there", "intel"),
        ("bad.refuted", "intel"),
        ("bad.refuted", "amd"),
        ("bad.refuted-and-error", "intel"),
        ("odd.vacuous", "intel"),
        ("odd.vacuous-and-proved", "intel"),
    ]


def test_a_counterexample_reads_as_agreed(cli: Callable[..., CliResult]) -> None:
    ran = cli("prove", "bad.refuted", "--vendor", "amd", "--kernel", "my tree", "--defect", "nx-ignored")
    command = "mmuproof prove bad.refuted --vendor amd --kernel 'my tree' --defect nx-ignored"
    assert ran.stdout.startswith(
        "REFUTED  bad.refuted  amd\n"
        "  second half: The claim is wrong.\n"
        "    x=B   (everything else: any value)\n"
        "  KVM: something else.   SDM 1.2: the right thing.\n"
        "  Confirmed by evaluating both sides on these numbers.\n"
        f"  Again: {command}\n\n"
    )
    assert ran.stdout.endswith(" s\n")
    assert "(Linux 7.3.0-rc1) with the defect nx-ignored" in ran.stdout


def test_output_that_is_no_terminal_is_plain(cli: Callable[..., CliResult]) -> None:
    ran = cli("prove", *GREEN, "odd.refused")
    assert "\x1b" not in ran.output
    assert ran.stderr == ""
    assert all(line == line.rstrip() for line in ran.stdout.splitlines())


def test_cut_calls_are_counted_and_on_demand_footnotes(cli: Callable[..., CliResult]) -> None:
    brief = cli("prove", "ok.proved", "bad.refuted").stdout
    assert "The results rest on 3 assumptions and 1 function that is not followed; -v lists them" in brief
    assert "callee()" not in brief
    ran = cli("prove", "ok.proved", "bad.refuted", "-v")
    rows = [line for line in ran.stdout.splitlines() if line.startswith(("PROVED", "REFUTED  bad"))]
    assert all("  [1]" in row for row in rows if " s" in row)
    assert ran.stdout.count("callee()") == 1
    assert "\n   [1] callee() mmu.c:7  says nothing\n" in ran.stdout


def test_rows_end_where_a_terminal_ends(cli: Callable[..., CliResult], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    (row,) = rows_of(cli("prove", "odd.broken").stdout)
    assert row == "ERROR  odd.broken  intel     0.000 s  stating it failed: Ze…"
    (row,) = rows_of(cli("prove", "odd.broken", "-v").stdout)
    assert row.endswith("ZeroDivisionError: by nothing")


def rows_of(output: str) -> list[str]:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    plain = re.sub(r"\d+\.\d{3} s", "0.000 s", plain)
    return [line for line in plain.splitlines() if line.startswith("ERROR")]


@pytest.mark.parametrize(
    ("actual", "expected", "line"),
    [
        ("a fault", "SDM 9.9: no fault", "  KVM: a fault.   SDM 9.9: no fault."),
        ("a fault", "no fault", "  KVM: a fault.   SDM 1.2: no fault."),
        ("KVM goes on", "KVM: it stops", "  KVM goes on.   KVM's own rule: it stops."),
        ("anything", "C11: defined", "  KVM: anything.   C11: defined."),
    ],
)
def test_both_sides_are_told_once(actual: str, expected: str, line: str) -> None:
    told = Counterexample(
        symptom="s", sentence="Wrong.", inputs=(), values={}, steps=(), actual=actual, expected=expected, at=""
    )
    result = Result(
        theorem="t", vendor=Vendor.AMD, verdict=Verdict.REFUTED, seconds=0.0, counterexample=told, source="SDM 1.2"
    )
    kernel = KernelIdentity(source="k", version=None)
    assert line in printed(lambda output: print_counterexample(output, result, told, kernel))


def test_verbose_shows_assumptions_and_tracebacks(cli: Callable[..., CliResult]) -> None:
    quiet, verbose = cli("prove", "odd.broken", "ok.*"), cli("prove", "odd.broken", "ok.*", "-v")
    assert "Traceback" not in quiet.output
    assert "ZeroDivisionError: by nothing" in verbose.stderr
    assert "Traceback" in verbose.stderr
    assert "    assumes guaranteed for ok.proved\n    assumes assumption 0\n" in verbose.stdout
    assert "assumes" not in quiet.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ok.prooved"], "mmuproof: no theorem is called 'ok.prooved'; did you mean ok.proved"),
        (["okk.*"], "mmuproof: no theorem matches 'okk.*'; did you mean ok.*"),
        (["nothing-like-it"], "mmuproof: no theorem is called 'nothing-like-it'"),
        (["--vendor", "inetl"], "mmuproof: no vendor is called 'inetl'; did you mean intel?"),
        (["--vendor", "via"], "mmuproof: no vendor is called 'via'; there are intel, amd, shadow"),
        (["--defect", "mbec-ignore"], "mmuproof: no defect is called 'mbec-ignore'; did you mean mbec-ignored"),
        (["ok.not-there", "--vendor", "amd"], "mmuproof: ok.not-there is stated for intel, not for amd"),
        (["ok.proved", "odd.*", "--vendor", "shadow"], "mmuproof: odd.* is stated for intel, not for shadow"),
        (
            ["--defect", "nx-ignored"],
            "mmuproof: the reference model cannot have the defect nx-ignored; give a --kernel",
        ),
        (
            ["--defect", "mbec-ignored", "--kernel", "linux"],
            "mmuproof: the defect mbec-ignored is one of the reference model; it cannot go with --kernel",
        ),
        (["--kernel", "nowhere"], "mmuproof: nowhere does not exist"),
        (["--kernel", "garbage"], "mmuproof: garbage is not a kernel tree: it has no arch/x86/kvm"),
    ],
)
def test_wrong_usage_is_one_line_that_helps(
    cli: Callable[..., CliResult], tmp_path: Path, words: list[str], message: str
) -> None:
    path = tmp_path / "r.json"
    ran = cli("prove", *words, "--json", path)
    assert ran.exit_code == 2
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    assert line.startswith(message)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["--bogus"], ["--jobs", "0"], ["--budget", "0"], ["--budget", str(2**32)]])
def test_click_finds_the_rest(cli: Callable[..., CliResult], words: list[str]) -> None:
    assert cli("prove", *words).exit_code == 2


def test_a_tree_that_does_not_parse_shows_some_diagnostics(cli: Callable[..., CliResult], tmp_path: Path) -> None:
    ran = cli("prove", "ok.proved", "--kernel", "unparsed", "--json", tmp_path / "r.json")
    assert ran.exit_code == 2
    lines = ran.stderr.splitlines()
    assert lines[:2] == ["mmuproof: mmu.c does not parse: 29 errors", "  mmu.c:1: no"]
    assert lines[-1] == "  and 19 more"
    assert len(lines) == 12
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("interruptible")
def test_a_run_that_is_interrupted_leaves_the_old_results(cli: Callable[..., CliResult], tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("old")
    assert cli("prove", "source.interrupted", "--json", path).exit_code == 130
    assert [each.name for each in tmp_path.iterdir()] == ["r.json"]
    assert path.read_text() == "old"


def test_a_defect_of_the_reference_model_is_put_in(cli: Callable[..., CliResult], tmp_path: Path) -> None:
    ran = cli("prove", "bad.refuted", "--defect", "mbec-ignored", "--json", tmp_path / "r.json")
    assert ran.exit_code == 1
    kernel = valid((tmp_path / "r.json").read_text())["kernel"]
    assert kernel["source"] == "reference model with the defect mbec-ignored"
    assert "--defect mbec-ignored" in ran.stdout
