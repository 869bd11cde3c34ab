"""What a page shows of `mmuproof prove`, on the reference model and on a kernel of which nothing can be drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner
from typer.testing import Result as CliResult

from mmuproof.cli.main import build_app
from mmuproof.cli.prove import exhibits
from mmuproof.cli.shared.catalogue import Installed
from tests.cli.conftest import Cli
from tests.cli.formats.page_rules import CheckedPage, checked_page


def prove(*words: str) -> CliResult:
    return CliRunner().invoke(
        build_app(Installed()), ["prove", *words, "--format", "html", "--jobs", "1"], prog_name="mmuproof"
    )


def links_from_pictures(page: CheckedPage) -> set[str]:
    return {given["aria-label"] or "" for tag, given in page.tags if tag == "a" and "aria-label" in given}


def test_a_counterexample_is_shown_with_its_bits_and_its_place_in_the_chain() -> None:
    ran = prove(
        "spte.permissions", "permission.ept-mbec", "--vendor", "intel", "--defect", "exec-and-user-exec-swapped"
    )
    page = checked_page(ran.stdout)
    assert ran.exit_code == 1
    assert "with the defect exec-and-user-exec-swapped" in page.text
    assert "mmuproof prove spte.permissions --vendor intel --defect exec-and-user-exec-swapped" in page.text
    assert "shadow_xu_mask" in page.text
    assert "permission.ept-mbec: KVM and the manual agree in every cell." in page.text
    assert {"spte.permissions: refuted", "permission.ept-mbec: proved"} == links_from_pictures(page)


def test_what_cannot_be_drawn_is_told(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    ran = cli("prove", "bad.*", "odd.lost", "--kernel", "linux", "--format", f"html={file}")
    assert ran.exit_code == 1
    page = checked_page(file.read_text("utf-8"))
    assert "intel is not drawn: not defined: shadow_present_mask" in page.text.replace("  ", " ")
    assert "Linux 7.2.12" in page.text
    assert "not found: ACC_NEW, is_new" in page.text


@pytest.mark.parametrize("words", [("--defect", "all")])
def test_trials_have_a_page_as_well(cli: Cli, words: tuple[str, ...]) -> None:
    ran = cli("prove", "bad.refuted", *words, "--format", "html")
    assert "mbec-ignored" in checked_page(ran.stdout).text


def test_no_picture_takes_the_results_away(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_kernels: object, _vendor: object, _level: int) -> None:
        raise KeyError("no such bit")

    monkeypatch.setattr(exhibits, "spte_layout", broken)
    ran = cli("prove", "bad.refuted", "--format", "html")
    assert ran.exit_code == 1
    assert "intel is not drawn: 'no such bit'" in checked_page(ran.stdout).text
