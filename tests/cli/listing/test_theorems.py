from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from typer.testing import Result as CliResult

from mmuproof.cli.shared.catalogue import Catalogue
from tests.cli.telling.schema import valid


def test_list_names_everything(cli: Callable[..., CliResult], catalogue: Catalogue) -> None:
    ran = cli("list")
    assert ran.exit_code == 0
    assert [line.split()[0] for line in ran.stdout.splitlines()] == [t.name for t in catalogue.theorems()]


def test_list_takes_names_and_patterns_in_the_catalogues_order(cli: Callable[..., CliResult]) -> None:
    ran = cli("list", "odd.v*", "ok.proved")
    assert ran.stdout == (
        "ok.proved               intel amd shadow  Claim of ok.proved.\n"
        "odd.vacuous             intel             Claim of odd.vacuous.\n"
        "odd.vacuous-and-proved  intel             Claim of odd.vacuous-and-proved.\n"
    )


def test_list_writes_a_file(cli: Callable[..., CliResult], tmp_path: Path) -> None:
    assert cli("list", "ok.proved", "--json", tmp_path / "l.json").exit_code == 0
    content = valid((tmp_path / "l.json").read_text())
    assert content["theorems"] == [
        {
            "theorem": "ok.proved",
            "claim": "Claim of ok.proved.",
            "source": "SDM 1.2",
            "vendors": ["intel", "amd", "shadow"],
            "assumptions": ["guaranteed for ok.proved"],
            "defects": [{"defect": "mbec-ignored", "symptom": "wrong"}],
            "known_findings": [],
        }
    ]


def test_show_tells_all(cli: Callable[..., CliResult]) -> None:
    assert cli("show", "ok.proved").stdout == (
        "ok.proved  intel amd shadow\n"
        "  Claim of ok.proved.\n"
        "  Source    SDM 1.2\n"
        "  Assumes   guaranteed for ok.proved\n"
        "  Catches   mbec-ignored: It is broken. Seen as: wrong.\n"
    )


def test_a_theorem_that_is_not_there_is_wrong_usage(cli: Callable[..., CliResult]) -> None:
    for words in (["list", "bad.refutd"], ["show", "bad.refutd"]):
        ran = cli(*words)
        assert ran.exit_code == 2
        assert "did you mean bad.refuted" in ran.stderr
    assert cli("show").exit_code == 2


def test_no_command_shows_the_help(cli: Callable[..., CliResult]) -> None:
    ran = cli()
    assert ran.exit_code == 2
    assert "Examples:" in ran.stderr
    assert cli("--help").exit_code == 0
    assert cli("frobnicate").exit_code == 2


def test_version(cli: Callable[..., CliResult]) -> None:
    ran = cli("--version")
    assert ran.exit_code == 0
    assert ran.stdout.startswith("mmuproof ")
