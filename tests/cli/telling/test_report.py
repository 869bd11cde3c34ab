"""A run in words: what is new comes first, then what is known, then a line for each area."""

from __future__ import annotations

from mmuproof.cli.formats.cases import JudgedRun, without_baseline
from mmuproof.cli.prove.cases import report_run, rules_of
from mmuproof.cli.shared.console import printed
from mmuproof.cli.shared.results import Counterexample, CutNote, KernelIdentity, Report, Result
from mmuproof.cli.telling.report import print_report
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.shape import Shape
from mmuproof.proofs.theorem import Theorem
from mmuproof.smt.obligation import Verdict

PROVED = tuple(
    Result(
        theorem=f"{area}.t{number}",
        vendor=Vendor.AMD,
        verdict=Verdict.PROVED,
        seconds=0.1,
        assumptions=(f"assumed by {area}.t{number}",),
        cuts=(CutNote("callee", "mmu.c:7", "says nothing"),),
    )
    for area in ("first", "second")
    for number in range(12)
)


def refuted(theorem: str, *known: int, vendor: Vendor = Vendor.AMD) -> Result:
    return Result(
        theorem=theorem,
        vendor=vendor,
        verdict=Verdict.REFUTED,
        seconds=0.1,
        reason=f"{theorem} is wrong.",
        counterexample=Counterexample(
            symptom="s",
            sentence=f"{theorem} is wrong.",
            inputs=(),
            values={},
            steps=(),
            actual="a",
            expected="b",
            at="",
        ),
        refuted=(Shape(theorem=theorem, vendor=vendor, part="", symptom="s", place=""),),
        known=known,
    )


LOST = Result(theorem="third.lost", vendor=Vendor.AMD, verdict=Verdict.LOST, seconds=0.0, reason="not found: x")
KNOWN = (refuted("second.known", 7), refuted("second.known", 7, vendor=Vendor.INTEL))


def run_of(report: Report) -> JudgedRun:
    names = dict.fromkeys(each.theorem for each in report.results)
    theorems = [
        Theorem(name=name, claim="C.", source="S", state=lambda _kvm, _vendor: (), catches=()) for name in names
    ]
    return report_run(report, rules_of(theorems).values())


def told(*results: Result, verbose: bool = False, allow_known: bool = False) -> tuple[str, ...]:
    kernel = KernelIdentity(source="k", version=None)
    report = Report(kernel=kernel, results=results, seconds=1.0, allow_known=allow_known)
    return printed(lambda output: print_report(output, report, run_of(report), verbose=verbose))


def test_where_all_is_well_a_line_for_each_area_is_enough() -> None:
    assert told(*PROVED) == (
        "first   12 PROVED",
        "second  12 PROVED",
        "",
        "The results rest on 24 assumptions and 1 function that is not followed; -v lists them, and why that is sound.",
        "24 PROVED  on k in 1.0 s",
    )


def test_what_is_new_comes_first_then_what_is_known() -> None:
    for allow_known in (False, True):
        lines = told(*PROVED, *KNOWN, LOST, refuted("first.new"), allow_known=allow_known)
        assert lines[:2] == ("REFUTED  first.new  amd", "  first.new is wrong.")
        begins = [
            line[:12] for line in lines if line.startswith(("REFUTED", "LOST", "Known", "   ", "first ", "third"))
        ]
        assert [each.split()[0] for each in begins if not each.startswith("    ")] == [
            "REFUTED",
            "LOST",
            "Known",
            "first",
            "third",
        ]
        assert "LOST  third.lost amd  not found: x" in lines
        assert "  7  second.known  amd, intel  second.known is wrong." in lines
        assert "second  2 REFUTED (known), 12 PROVED" in lines


def test_of_much_that_is_new_some_is_told_in_full_and_all_is_named() -> None:
    many = [refuted(f"first.new{number}") for number in range(7)]
    lines = told(*PROVED, *many)
    assert sum(line.startswith("  Confirmed") for line in lines) == 5
    for each in many:
        assert any(line.startswith("REFUTED") and each.theorem in line for line in lines)
    assert sum(line.startswith("  Confirmed") for line in told(*PROVED, *many, verbose=True)) == 7


def test_few_results_have_a_row_each_and_what_is_known_is_told_unless_it_is_allowed() -> None:
    for allow_known, count in ((False, 2), (True, 0)):
        lines = told(PROVED[0], *KNOWN, LOST, allow_known=allow_known)
        assert sum(line.startswith("  Confirmed") for line in lines) == count
        rows = [
            line.split()[0]
            for line in lines
            if (line.endswith(("is wrong.", "x", " s")) and "  0." in line) or " 0.1" in line
        ]
        assert rows == ["PROVED", "REFUTED", "REFUTED", "LOST"]


def test_verbose_lists_every_result_with_what_it_rests_on() -> None:
    lines = told(*PROVED, verbose=True)
    assert sum(line.startswith("PROVED") and line.endswith("[1]") for line in lines) == 24
    assert "    assumes assumed by first.t0" in lines
    assert "   [1] callee() mmu.c:7  says nothing" in lines


def test_what_is_gone_since_a_baseline_is_told() -> None:
    kernel = KernelIdentity(source="k", version=None)
    report = Report(kernel=kernel, results=(*PROVED, refuted("first.new")), seconds=1.0)
    before = [*run_of(report).findings[0].fingerprints, "first.t1 amd: REFUTED: s"]
    run = without_baseline(run_of(report), "old.json", before)
    lines = printed(lambda output: print_report(output, report, run, verbose=False))
    assert lines[:2] == (
        "Known findings (docs/findings.md, old.json); -v tells them in full:",
        "  in the baseline  first.new  amd  first.new is wrong.",
    )
    assert lines[3:5] == ("Gone since old.json:", "  first.t1 amd: REFUTED: s")
    assert lines[-1] == "24 PROVED, 1 REFUTED (known and allowed)  on k in 1.0 s"
    assert run.exit_status == 0
