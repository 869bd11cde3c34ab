"""Known findings: still refuted, told as known, and green only where they are allowed and look as recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner
from typer.testing import Result as CliResult

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Subject
from mmuproof.lift.errors import Refused
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Case, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.known_findings import KnownFinding, known_as
from mmuproof.proofs.shape import Shape
from mmuproof.proofs.theorem import Catch, Claim, Theorem
from mmuproof.smt.terms import FALSE, TRUE, ne, ule, var
from tests.cli.conftest import FakeCatalogue, FakeKvm, X, raising, stating
from tests.cli.telling.schema import valid

PLACE = "arch/x86/kvm/mmu.h:permission_fault"
SHAPE = Shape(theorem="t.known", vendor=Vendor.INTEL, part="all accesses", symptom="out-of-range", place=PLACE)
FINDING = KnownFinding(number=7, says="An index is not masked.", shapes=(SHAPE,))


def refuted(part: str = "all accesses", symptom: str = "out-of-range", place: str = PLACE) -> Claim:
    ways = (
        Symptom(name="never", when=FALSE, sentence="No.", actual="a", expected="b"),
        Symptom(name=symptom, when=TRUE, sentence="It is out of range.", actual="a", expected="b", place=place),
    )
    return Claim(holds=ne(X, 2), symptoms=ways, case=Case(part=part))


def proved(part: str = "usual accesses") -> Claim:
    return Claim(
        holds=ule(X & 7, 7),
        symptoms=(Symptom(name="s", when=TRUE, sentence="Wrong.", actual="a", expected="b"),),
        case=Case(part=part),
    )


@dataclass(frozen=True, kw_only=True)
class OneTheorem(FakeCatalogue):
    """A catalogue of a single theorem, of which one finding is known."""

    findings: tuple[KnownFinding, ...] = (FINDING,)
    claims: tuple[Claim, ...] = ()

    def theorems(self) -> tuple[Theorem, ...]:
        state = stating(*self.claims) if self.claims else raising(Refused("asm goto", "mmu.c:12"))
        return (
            Theorem(
                name="t.known",
                claim="It is in range.",
                source="SDM 1.2",
                assumes=(),
                vendors=(Vendor.INTEL,),
                state=state,
                catches=(Catch("d", "s"),),
            ),
        )


def prove(claims: Sequence[Claim], *words: object) -> CliResult:
    catalogue = OneTheorem(claims=tuple(claims))
    return CliRunner().invoke(build_app(catalogue), ["prove", *map(str, words)], prog_name="mmuproof")


def result_of(claims: Sequence[Claim], path: Path, *words: object) -> dict[str, Any]:
    prove(claims, "--json", path, *words)
    (result,) = valid(path.read_text())["results"]
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize(
    ("claims", "with_it", "without"),
    [
        ([proved(), refuted()], 0, 1),
        ([proved()], 0, 0),
        ([refuted(part="usual accesses")], 1, 1),
        ([refuted(symptom="shift")], 1, 1),
        ([refuted(place="arch/x86/kvm/mmu.h:kvm_arch_flush")], 1, 1),
        ([refuted(place="arch/x86/kvm/x86.c:permission_fault")], 1, 1),
        ([refuted(place="")], 1, 1),
        ([refuted(), refuted(part="usual accesses")], 1, 1),
        ([refuted(), Claim(holds=ne(X, 2), symptoms=(), case=Case(part="told by nothing"))], 1, 1),
        ([], 3, 3),
    ],
)
def test_only_what_looks_as_recorded_is_allowed(claims: Sequence[Claim], with_it: int, without: int) -> None:
    assert prove(claims, "--allow-known").exit_code == with_it
    assert prove(claims).exit_code == without


def test_an_undecided_claim_beside_a_known_finding_is_not_allowed() -> None:
    hard = Claim(
        holds=ne(var("a", 64) * var("b", 64) * var("a", 64), 0x1234_5678_9ABC_DEF1), symptoms=(), case=Case(part="hard")
    )
    ran = prove([refuted(), hard], "--allow-known", "--budget", 1000)
    assert ran.exit_code == 1
    assert "known finding 7: all accesses: It is out of range. Besides, UNKNOWN: hard:" in ran.stdout


@pytest.mark.parametrize("words", [(), ("--allow-known",)], ids=["plain", "allowed"])
def test_it_stays_refuted_and_is_told_as_known(tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = prove([proved(), refuted()], *words)
    in_full = "REFUTED  t.known  intel  known finding 7, see docs/findings.md\n  all accesses: It is out of range.\n"
    assert (in_full in ran.stdout) is not bool(words)
    assert in_full in prove([proved(), refuted()], "-v", *words).stdout
    assert "  known finding 7: all accesses: It is out of range.\n" in ran.stdout
    allowed = " and allowed" if words else ""
    assert f"\n1 REFUTED (known{allowed}); " in ran.stdout
    result = result_of([proved(), refuted()], tmp_path / "r.json", *words)
    assert (result["verdict"], result["known_findings"]) == ("REFUTED", [7])
    assert result["counterexample"]["inputs"] == {"x": "2"}
    content = valid((tmp_path / "r.json").read_text())
    assert content["summary"]["REFUTED"] == 1
    assert content["known_findings"] == {"allowed": bool(words), "remarks": []}


def test_what_is_not_known_is_told_first(tmp_path: Path) -> None:
    claims = [refuted(), refuted(part="usual accesses", symptom="shift")]
    result = result_of(claims, tmp_path / "r.json")
    assert (result["reason"], result["known_findings"]) == ("usual accesses: It is out of range.", [])


def test_a_finding_that_does_not_show_is_said(tmp_path: Path) -> None:
    said = "t.known intel does not show known finding 7 here (docs/findings.md): it is PROVED."
    assert said in prove([proved()]).stdout.splitlines()
    assert said in prove([proved()], "--allow-known").stdout.splitlines()
    result_of([proved()], tmp_path / "r.json")
    assert valid((tmp_path / "r.json").read_text())["known_findings"]["remarks"] == [said]


def test_a_finding_of_another_shape_is_said() -> None:
    said = (
        "t.known intel is refuted in another way than known finding 7 is recorded: "
        f"usual accesses: out-of-range at {PLACE}."
    )
    assert said in prove([refuted(part="usual accesses")], "--allow-known").stdout.splitlines()


def test_nothing_is_said_of_what_could_not_be_decided() -> None:
    assert "finding" not in prove([]).stdout


def test_each_of_several_findings_is_recognised() -> None:
    other = KnownFinding(number=8, says="A shift.", shapes=(replace(SHAPE, part="shifts", symptom="shift"),))
    catalogue = OneTheorem(findings=(FINDING, other), claims=(refuted(), refuted("shifts", "shift")))
    ran = CliRunner().invoke(build_app(catalogue), ["prove", "--allow-known"], prog_name="mmuproof")
    assert ran.exit_code == 0
    assert "  known finding 7, 8: all accesses: It is out of range.\n" in ran.stdout


@pytest.mark.parametrize(
    ("place", "known"),
    [
        (PLACE, True),
        ("reference:permission_fault", True),
        ("reference:update_permission_bitmask", False),
        ("permission_fault", False),
        ("", False),
    ],
)
def test_the_reference_model_names_the_function_only(place: str, known: bool) -> None:
    assert (known_as(replace(SHAPE, place=place), [FINDING]) == 7) is known
    assert known_as(replace(SHAPE, vendor=Vendor.AMD), [FINDING]) is None
    assert known_as(replace(SHAPE, theorem="t.other"), [FINDING]) is None


def test_a_theorem_in_full_names_its_known_findings(tmp_path: Path) -> None:
    app = build_app(OneTheorem(claims=(proved(),)))
    shown = CliRunner().invoke(app, ["show", "t.known"]).stdout
    assert "  Known     finding 7 (docs/findings.md): An index is not masked.\n" in shown
    CliRunner().invoke(app, ["list", "--json", str(tmp_path / "l.json")])
    (theorem,) = valid((tmp_path / "l.json").read_text())["theorems"]
    assert theorem["known_findings"] == [7]


class OnlyDefined(FakeKvm):
    """An implementation of which only what it defines is asked."""

    def has_defined(self, name: str) -> bool:
        return name == "FIXED_MASK"


@pytest.mark.parametrize(("lacking", "status"), [("FIXED_MASK", 1), ("OTHER_MASK", 0)])
def test_a_finding_of_older_trees_is_not_allowed_in_newer_ones(lacking: str, status: int) -> None:
    class Newer(OneTheorem):
        def reference(self) -> Subject:
            return replace(super().reference(), kvm=cast(Kvm, OnlyDefined()))

    catalogue = Newer(findings=(replace(FINDING, lacking=lacking),), claims=(refuted(),))
    ran = CliRunner().invoke(build_app(catalogue), ["prove", "--allow-known"], prog_name="mmuproof")
    assert ran.exit_code == status
    assert ("known finding 7" in ran.stdout) is (status == 0)
