"""Formats, baselines and silence, as a user asks a command for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import Result as CliResult

from tests.cli.formats.ktap_rules import checked
from tests.cli.formats.page_rules import checked_page
from tests.cli.formats.test_junit import SCHEMA as JUNIT
from tests.cli.formats.test_sarif import told
from tests.cli.telling.schema import valid

Cli = Callable[..., CliResult]
ALL = ("prove", "ok.*", "bad.*", "odd.*", "--kernel", "linux", "--budget", "1000")


def test_a_format_takes_the_place_of_the_consoles_report(cli: Cli) -> None:
    console = cli(*ALL)
    texts = {
        name: cli(*ALL, "--format", name)
        for name in ("json", "junit", "sarif", "ktap", "github", "markdown", "editor", "html")
    }
    assert {ran.exit_code for ran in texts.values()} == {console.exit_code} == {1}
    assert "Claim" not in console.stdout
    valid(texts["json"].stdout)
    JUNIT.validate(texts["junit"].stdout)
    assert len(told(texts["sarif"].stdout)["results"]) == len(texts["editor"].stdout.splitlines())
    assert [each.name for each in checked(texts["ktap"].stdout)] == ["ok", "odd", "bad"]
    assert texts["github"].stdout.count("::error ") == len(texts["editor"].stdout.splitlines())
    assert "odd.refused" in checked_page(texts["html"].stdout).text
    assert texts["markdown"].stdout.startswith("### mmuproof prove: Something is wrong.\n")
    assert all(ran.stderr == console.stderr for ran in texts.values())
    assert cli(*ALL, "--json", "-").stdout.startswith("{")


def test_formats_go_to_files_beside_the_consoles_report(cli: Cli, tmp_path: Path) -> None:
    junit, sarif = tmp_path / "r.xml", tmp_path / "r.sarif"
    ran = cli(*ALL, "--format", "console", "--format", f"junit={junit}", "--format", f"sarif={sarif}")
    assert ran.stdout.splitlines()[-1].endswith(" s")
    JUNIT.validate(junit.read_text())
    told(sarif.read_text())
    assert cli(*ALL, "--format", "sarif", "--output", sarif).stdout.splitlines()[0] == ran.stdout.splitlines()[0]
    on_output = cli(*ALL, "--format", "ktap", "--format", f"junit={junit}").stdout
    assert checked(on_output)


def test_a_page_has_an_option_of_its_own(cli: Cli, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert cli(*ALL, "--html", page, "--json", tmp_path / "r.json").exit_code == 1
    assert "odd.refused" in checked_page(page.read_text()).text
    valid((tmp_path / "r.json").read_text())
    assert checked_page(cli(*ALL, "--html", "-").stdout)


def test_what_does_not_count_turns_no_job_red(cli: Cli) -> None:
    green = cli("prove", "ok.*", "--format", "junit").stdout
    suite = ElementTree.fromstring(green)
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("0", "0")
    assert len(list(suite.iter("skipped"))) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "junitt"], "no format is called 'junitt'; did you mean junit?"),
        (["--format", "pdf"], "no format is called 'pdf'"),
        (["--format", "junit="], "--format junit= names no file"),
        (["--format", "junit", "--format", "ktap"], "junit and ktap cannot all go to standard output; name a file"),
        (["--format", "console", "--json", "-"], "console and json cannot all go to standard output"),
        (["--format", "console=x"], "the console's format goes to standard output"),
        (["--output", "x"], "--output is the file of one --format"),
        (["--format", "junit", "--format", "ktap", "--output", "x"], "--output is the file of one --format"),
        (["--format", "junit=/nowhere/r.xml"], "/nowhere/r.xml cannot be written: there is no folder /nowhere"),
        (["--baseline", "/nowhere/r.json"], "/nowhere/r.json cannot be read: No such file or directory"),
        (["--baseline", "/dev/null"], "/dev/null cannot be read: "),
    ],
)
def test_what_does_not_go_together_is_told_before_the_work(cli: Cli, words: list[str], message: str) -> None:
    ran = cli("prove", "bad.refuted", *words)
    assert (ran.exit_code, ran.stdout) == (2, "")
    (line,) = ran.stderr.splitlines()
    assert line.startswith(f"mmuproof: {message}")


def test_a_file_that_is_no_results_file_is_no_baseline(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    file.write_text('{"results": []}')
    assert "is no results file with findings" in cli("prove", "bad.refuted", "--baseline", file).stderr


def test_against_a_baseline_only_what_is_new_counts(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    assert cli("prove", "bad.refuted", "odd.lost", "--json", file).exit_code == 1
    again = cli("prove", "bad.refuted", "odd.lost", "ok.*", "--baseline", file)
    assert again.exit_code == 0
    assert cli("prove", "bad.*", "--baseline", file).exit_code == 1
    # What was wrong elsewhere has gone: told of what is judged now, and of nothing else.
    content = json.loads(file.read_text())
    content["findings"].append({"fingerprints": ["ok.proved intel: REFUTED: wrong", "other.one intel: LOST"]})
    file.write_text(json.dumps(content))
    ran = cli("prove", "ok.proved", "--baseline", file, "--format", "json")
    assert valid(ran.stdout)["baseline"] == {"file": str(file), "gone": ["ok.proved intel: REFUTED: wrong"]}
    assert (
        f"Gone since {file}:\n  ok.proved intel: REFUTED: wrong\n"
        in cli("prove", "ok.proved", "--baseline", file).stdout
    )


def test_quiet_says_what_counts_and_nothing_else(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli("prove", "ok.*", "-q").output == ""
    monkeypatch.setenv("MMUPROOF_JOBS", "1")
    ran = cli("prove", "ok.*", "bad.refuted", "odd.lost", "odd.refused", "--quiet")
    assert ran.exit_code == 1
    assert ran.output.splitlines() == [
        "REFUTED: bad.refuted intel: The claim is wrong.",
        "REFUTED: bad.refuted amd: The claim is wrong.",
        "LOST: odd.lost intel: not found: ACC_NEW, is_new; like it here: is_old",
        "arch/x86/kvm/mmu/mmu.c:12: ERROR: odd.refused intel: arch/x86/kvm/mmu/mmu.c:12: asm goto",
    ]


def test_other_formats_are_whole_where_the_console_is_quiet(cli: Cli, tmp_path: Path) -> None:
    ran = cli(*ALL, "-q", "--json", tmp_path / "r.json")
    assert len(valid((tmp_path / "r.json").read_text())["results"]) > len(ran.stdout.splitlines())
    assert checked(cli(*ALL, "-q", "--format", "ktap").stdout)
