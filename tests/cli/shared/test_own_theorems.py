"""Theorems and defects of a user's own: in files, in packages, and what is demanded of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner
from typer.testing import Result as CliResult

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "own_theorems.py"
HEAD = """
from mmuproof.model.defects.defect import Defect
from mmuproof.model.statement import Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.theorem import Catch, Claim, Theorem
from mmuproof.smt.terms import TRUE, eq, ne, var

def theorem(**given):
    wrong = Symptom(name="wrong", when=TRUE, sentence="It is 5.", actual="5", expected="SDM 1.2: not 5")
    claim = Claim(holds=ne(var("x", 8), 5), symptoms=(wrong,))
    usual = dict(name="own.is-not-5", claim="It is not 5.", source="SDM 1.2", assumes=(), vendors=(Vendor.AMD,),
                 state=lambda kvm, vendor: [claim], catches=())
    return Theorem(**{**usual, **given})

def defect(name):
    return Defect(name, "It is broken.", (), lambda: None)

"""
Written = Callable[[str], Path]


@pytest.fixture
def own(tmp_path: Path) -> Written:
    """Write a file of theorems."""

    def write(text: str) -> Path:
        (tmp_path / "own.py").write_text(HEAD + text)
        return tmp_path / "own.py"

    return write


def test_a_file_is_proved_listed_and_shown_beside_all_others(cli: Callable[..., CliResult], own: Written) -> None:
    file = own("DEFECTS = (defect('mine'),)\nTHEOREMS = (theorem(catches=(Catch('mine', 'wrong'),)),)")
    listed = cli("list", "own.*", "ok.proved", "--theorems", file).stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["ok.proved", "own.is-not-5"]
    assert "  Catches   mine: It is broken. Seen as: wrong.\n" in cli("show", "own.*", "--theorems", file).stdout
    ran = cli("prove", "own.*", "ok.proved", "--theorems", file)
    assert ran.exit_code == 1
    assert f"Again: mmuproof prove own.is-not-5 --vendor amd --theorems {file}" in " ".join(ran.stdout.split())
    assert list(file.parent.iterdir()) == [file], "nothing is written beside it"
    assert cli("list", "own.*").exit_code == 2


def test_files_may_be_several_and_know_each_others_defects(
    cli: Callable[..., CliResult], own: Written, tmp_path: Path
) -> None:
    other = tmp_path / "other.py"
    other.write_text(HEAD + "DEFECTS = (defect('mine'),)\nTHEOREMS = (theorem(name='own.other'),)")
    file = own("THEOREMS = (theorem(catches=(Catch('mine', 'wrong'),)),)")
    ran = cli("list", "own.*", "--theorems", file, "--theorems", other)
    assert [line.split()[0] for line in ran.stdout.splitlines()] == ["own.is-not-5", "own.other"]


def test_a_theorem_without_a_claim_and_one_that_fails_are_errors(cli: Callable[..., CliResult], own: Written) -> None:
    file = own(
        "THEOREMS = (theorem(state=lambda kvm, vendor: []),"
        " theorem(name='own.fails', state=lambda kvm, vendor: [1 / 0]))"
    )
    ran = cli("prove", "own.*", "--theorems", file)
    assert ran.exit_code == 3
    assert "the theorem states no claim" in ran.stdout
    assert "stating it failed: ZeroDivisionError" in ran.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", "{file}:18: ZeroDivisionError: division by zero"),
        ("def f():\n  1 / 0\nf()", "{file}:19: ZeroDivisionError: division by zero"),
        ("THEOREMS = (", "{file}:18: SyntaxError: '(' was never closed"),
        ("import mmuproof.no_such", "{file}:18: ModuleNotFoundError: No module named 'mmuproof.no_such'"),
        ("raise SystemExit(0)", "{file}:18: SystemExit: 0"),
        ("theorem(clam='It is not 5.')", "{file}:13: TypeError: "),
        ("", "{file} has to have THEOREMS, a tuple of Theorem"),
        ("THEOREMS = ()", "{file} has to have THEOREMS, a tuple of Theorem"),
        ("THEOREMS = (theorem)", "{file} has to have THEOREMS, a tuple of Theorem"),
        ("THEOREMS = (theorem(),); DEFECTS = ('mine',)", "{file}: DEFECTS is a tuple of Defect"),
        ("THEOREMS = (theorem(name='Own'),)", "{file}: the name of a theorem is like group.what-it-says, not 'Own'"),
        ("THEOREMS = (theorem(name='ok.proved'),)", "{file}: there is a theorem ok.proved already"),
        ("THEOREMS = (theorem(), theorem())", "{file}: there is a theorem own.is-not-5 already"),
        ("THEOREMS = (theorem(),); DEFECTS = (defect('nx-ignored'),)", "{file}: there is a defect nx-ignored already"),
        ("THEOREMS = (theorem(),); DEFECTS = (defect('all'),)", "{file}: there is a defect all already"),
        ("THEOREMS = (theorem(claim=' '),)", "{file}: own.is-not-5: claim is a text"),
        ("THEOREMS = (theorem(assumes=('a')),)", "{file}: own.is-not-5: assumes is a tuple of str"),
        ("THEOREMS = (theorem(vendors=('amd',)),)", "{file}: own.is-not-5: vendors is a tuple of Vendor"),
        ("THEOREMS = (theorem(vendors=()),)", "{file}: own.is-not-5: vendors are some of Vendor.INTEL, Vendor.AMD"),
        ("THEOREMS = (theorem(state=7),)", "{file}: own.is-not-5: state is a function of a Kvm and a Vendor"),
        (
            "THEOREMS = (theorem(catches=(Catch('nx-ignord', 'wrong'),)),)",
            "{file}: own.is-not-5 catches 'nx-ignord', and no defect is called so; did you mean nx-ignored",
        ),
        (
            "THEOREMS = (theorem(catches=(Catch('nx-ignored', 'a'), Catch('nx-ignored', 'b'))),)",
            "{file}: own.is-not-5 catches nx-ignored twice",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_wrong_usage(
    cli: Callable[..., CliResult], own: Written, text: str, message: str
) -> None:
    file = own(text)
    for command in ("prove", "list"):
        ran = cli(command, "ok.proved", "--theorems", file)
        assert ran.exit_code == 2
        assert ran.stderr.startswith(f"mmuproof: {message.format(file=file)}")


def test_a_file_that_cannot_be_read_is_wrong_usage(cli: Callable[..., CliResult], tmp_path: Path) -> None:
    ran = cli("list", "--theorems", tmp_path / "nowhere.py")
    assert (ran.exit_code, ran.stderr) == (
        2,
        f"mmuproof: {tmp_path / 'nowhere.py'} cannot be read: No such file or directory\n",
    )


PACKAGED = "THEOREMS = (theorem(name='packaged.is-not-5', catches=(Catch('mbec-ignores-xu', 'wrong'),)),)"


@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        (HEAD + PACKAGED, 0, "packaged.is-not-5  amd"),
        (HEAD + PACKAGED.replace("mbec-ignores-xu", "none"), 2, "the package theirs: packaged.is-not-5 catches 'none'"),
        ("\n1 / 0", 2, "theirs.py:2: ZeroDivisionError"),
    ],
)
def test_an_installed_package_adds_theorems(text: str, status: int, says: str, tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(text)
    installed = tmp_path / "theirs-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[mmuproof.theorems]\ntheirs = theirs\n")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-B", "-m", "mmuproof.cli.main", "list", "packaged.*"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == status, done.stderr
    assert says in done.stdout + done.stderr


def test_the_example_is_proved_and_exactly_its_defect_refutes_it(tmp_path: Path) -> None:
    def run(*words: object) -> CliResult:
        return CliRunner().invoke(build_app(Installed()), ["prove", "own.*", "--theorems", *map(str, words)])

    assert run(EXAMPLE).exit_code == 0
    assert run(EXAMPLE, "--defect", "track-saves-reads-only").exit_code == 1
    ran = run(EXAMPLE, "--defect", "all", "--json", tmp_path / "r.json")
    assert ran.exit_code == 0, ran.output
    trials = json.loads((tmp_path / "r.json").read_text())["trials"]
    assert [each["defect"] for each in trials if each["verdict"] == "REFUTED"] == ["track-saves-reads-only"]
    assert all(each["as_stated"] for each in trials)
