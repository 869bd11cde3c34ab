"""`--erratum` and `--errata`: what a user says of the processor; and `mmuproof errata`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner
from typer.testing import Result as CliResult

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.hardware import read_errata, read_hardware
from mmuproof.spec.errata import Manufacturer

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "erratum.toml"

ERRATUM: Mapping[str, object] = {
    "name": "MY_1",
    "vendor": "AMD",
    "title": "t",
    "condition": "c",
    "may_differ": "d",
    "source": "s",
}


@pytest.fixture
def mmuproof() -> Callable[..., CliResult]:
    """The command line over the theorems of this installation."""
    return lambda *words: CliRunner().invoke(build_app(Installed()), [str(word) for word in words])


def toml(*tables: Mapping[str, object]) -> str:
    lines = []
    for table in tables:
        lines += ["[[erratum]]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    return "\n".join(lines)


# -- settings ------------------------------------------------------------------------------------------------


def test_settings_are_found_whatever_their_capitals_and_hyphens() -> None:
    known = read_hardware(["1218=off", "l1tf=on", "Gmet-without-nxe=on"], None).known
    assert known == {"1218": False, "L1TF": True, "GMET_WITHOUT_NXE": True}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["1281=off"], "did you mean 1218?"),
        (["l1ft=on"], "did you mean L1TF?"),
        (["gmet-without-nx=on"], "did you mean GMET_WITHOUT_NXE"),
        (["1218"], "1218=on or 1218=off"),
        (["1218=maybe"], "1218=on or 1218=off"),
        (["1218=on", "1218=off"], "both on and off"),
        (["gmet-supervisor-page-data=on"], "cannot be switched"),
    ],
)
def test_a_setting_that_is_not_understood_is_wrong_usage(
    mmuproof: Callable[..., CliResult], settings: list[str], message: str
) -> None:
    words = [word for setting in settings for word in ("--erratum", setting)]
    ran = mmuproof("prove", "exit.npf-1218", *words)
    assert ran.exit_code == 2
    assert message in ran.output


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([], 0),
        (["--defect", "npf-without-1218"], 1),
        (["--defect", "npf-without-1218", "--erratum", "1218=on"], 1),
        (["--defect", "npf-without-1218", "--erratum", "1218=off"], 0),
        (["--defect", "npf-1218-by-cpl-0", "--erratum", "1218=off"], 0),
    ],
)
def test_the_workaround_for_1218_is_needed_with_the_erratum_only(
    mmuproof: Callable[..., CliResult], words: list[str], status: int
) -> None:
    assert mmuproof("prove", "exit.npf-1218", *words).exit_code == status


def test_a_result_says_what_is_known_of_the_processor(mmuproof: Callable[..., CliResult], tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    ran = mmuproof("prove", "exit.npf-1218", "--defect", "npf-1218-by-cpl-0", "--erratum", "1218=on", "--json", file)
    assert ran.exit_code == 1
    assert "on a processor with 1218=on" in ran.output
    assert "--defect npf-1218-by-cpl-0 --erratum 1218=on" in ran.output
    content = json.loads(file.read_text("utf-8"))
    assert content["kernel"]["source"].endswith("on a processor with 1218=on")
    assert "the processor has erratum 1218" in content["results"][0]["assumptions"]


def test_the_witness_says_which_privilege_level_is_judged_wrongly(mmuproof: Callable[..., CliResult]) -> None:
    ran = mmuproof("prove", "exit.npf-1218", "--defect", "npf-1218-by-cpl-0")
    assert "A fetch at CPL 0 to 2".lower() in ran.output.lower()
    assert "CPL=1" in ran.output or "CPL=2" in ran.output
    assert "erratum 1218=1" in ran.output


def test_what_no_result_depends_on_is_remarked(mmuproof: Callable[..., CliResult]) -> None:
    ran = mmuproof("prove", "exit.npf-1218", "--erratum", "ept-ad=on", "--erratum", "1218=on")
    assert "No result depends on EPT_AD" in ran.output
    assert "No result depends on 1218" not in ran.output


# -- errata of the user's own ----------------------------------------------------------------------------------


def test_the_documented_example_is_an_erratum() -> None:
    (erratum,) = read_errata(EXAMPLE)
    assert (erratum.name, erratum.vendor) == ("LAB_7", Manufacturer.INTEL)
    assert (erratum.report, erratum.fields, erratum.when) == ("ept-violation", ("user-mode-address",), ("fetch",))
    assert EXAMPLE.read_text("utf-8") in (ROOT / "docs" / "errata.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("settings", "status"), [([], 1), (["--erratum", "lab-7=on"], 1), (["--erratum", "lab-7=off"], 0)]
)
def test_the_documented_example_changes_a_verdict(
    mmuproof: Callable[..., CliResult], settings: list[str], status: int
) -> None:
    ran = mmuproof("prove", "exit.ept-violation", "--errata", EXAMPLE, *settings)
    assert ran.exit_code == status
    assert f"--errata {EXAMPLE}" in ran.output or not status
    assert "erratum LAB_7=1" in ran.output or not status or settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[erratum]", "is no TOML"),
        ("", "tables [[erratum]]"),
        ("erratum = 3", "tables [[erratum]]"),
        ("x = 1", "tables [[erratum]]"),
        (toml({**ERRATUM, "titel": "t"}), "has no 'titel'; did you mean title"),
        (toml({key: value for key, value in ERRATUM.items() if key != "source"}), "lacks source"),
        (toml({**ERRATUM, "source": ""}), "source is a text"),
        (toml({**ERRATUM, "title": 3}), "title is a text"),
        (toml({**ERRATUM, "name": "my 1"}), "capitals"),
        (toml({**ERRATUM, "vendor": "Amd"}), "did you mean AMD"),
        (toml({**ERRATUM, "fields": "user"}), "fields is a list"),
        (toml({**ERRATUM, "report": "nested-page-fault", "fields": ["usr"]}), "has no field usr"),
        (toml({**ERRATUM, "report": "nested-page-fault", "fields": ["user"], "when": ["x"]}), "has no condition x"),
        (toml({**ERRATUM, "report": "npf", "fields": ["user"]}), "no report is called npf"),
    ],
)
def test_a_file_that_is_not_understood_is_wrong_usage(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "erratum.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageProblem) as caught:
        read_hardware((), file)
    assert message in caught.value.message


def test_an_erratum_of_a_name_that_exists_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "erratum.toml"
    file.write_text(toml({**ERRATUM, "name": "1218"}), "utf-8")
    with pytest.raises(UsageProblem, match="one name"):
        read_hardware((), file)


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="cannot be read"):
        read_hardware((), tmp_path / "nothing.toml")


# -- the list --------------------------------------------------------------------------------------------------


def test_the_list_has_every_erratum_and_open_choice(mmuproof: Callable[..., CliResult]) -> None:
    ran = mmuproof("errata")
    assert ran.exit_code == 0
    names = [line.split()[0] for line in ran.output.splitlines()]
    assert names == list(read_hardware((), None).switches)


def test_an_erratum_in_full_says_what_it_touches(mmuproof: Callable[..., CliResult]) -> None:
    ran = mmuproof("errata", "1218", "ept-ad", "lab-7", "--errata", EXAMPLE)
    assert ran.exit_code == 0
    first, second, third = ran.output.split("\n\n")
    assert "exit.npf-1218" in first
    assert "EXITINFO1 of a nested page fault: user, when gmet and fetch" in first
    assert "no theorem: no verdict depends on it" in second
    assert "exit.ept-violation" in third


def test_an_open_choice_in_full_has_its_readings(mmuproof: Callable[..., CliResult]) -> None:
    ran = mmuproof("errata", "gmet-without-nxe", "gmet-supervisor-page-data")
    assert ran.exit_code == 0
    assert "permission.npt-gmet" in ran.output
    assert "cannot be switched" in ran.output


def test_a_name_that_fits_nothing_is_answered_with_near_ones(mmuproof: Callable[..., CliResult]) -> None:
    ran = mmuproof("errata", "pk-besides-other")
    assert ran.exit_code == 2
    assert "did you mean PK_BESIDE_OTHER?" in ran.output
