"""Compared functions as cases, for the formats of other tools."""

from __future__ import annotations

from mmuproof.cli.diff.changes import Difference, Judgement
from mmuproof.cli.diff.report import print_witness, remark
from mmuproof.cli.formats.cases import CaseSide, Ending, JudgedCase, JudgedRun, Rule
from mmuproof.cli.formats.places import root_of
from mmuproof.cli.shared.console import printed
from mmuproof.compare.claims import Change

_SAYS = {
    Change.EQUAL: "Both versions of a function show the same for all inputs.",
    Change.EQUAL_IF: "Both versions of a function show the same, but only under a condition.",
    Change.MORE: "The new version of a function allows what the old one does not.",
    Change.LESS: "The new version of a function no longer allows what the old one does.",
    Change.DIFFERS: "The new version of a function shows something else than the old one for some input.",
    Change.UNKNOWN: "The solver's budget ran out before two versions of a function were compared.",
    Change.NOT_COMPARED: "A version of a function could not be understood.",
}
_OUTSIDE = "not looked at"
_NOT_LOOKED_AT = Rule("other-file", "A file of KVM's has changed, and its functions were not compared.")


def difference_run(report: Difference) -> JudgedRun:
    """A run of `mmuproof diff`."""
    return JudgedRun(
        command="diff",
        subject=f"{report.old.named} to {report.new.named}",
        root=root_of(report.new.source),
        cases=(*(judgement_case(each) for each in report.judgements), *map(outside_case, report.outside)),
        seconds=report.seconds,
        notes=report.notes,
    )


def judgement_case(each: Judgement) -> JudgedCase:
    """What has become of one function."""
    at, witness = each.new_at or each.old_at, each.witness
    says = remark(each)
    # The first line is the verdict and the function's name.
    lines = () if witness is None else printed(lambda output: print_witness(output, each, witness))[1:]
    return JudgedCase(
        rule=Rule(each.change.value.replace(" ", "-"), _SAYS[each.change]),
        group=at.rpartition(":")[0] or "functions",
        name=each.function,
        variant=each.masks,
        verdict=each.change.value,
        outcome=_outcome(each),
        text=f"{each.function}() {each.change.value}{f': {says}' if says else ''}",
        details=tuple(line.removeprefix("  ") for line in lines if line),
        at=at,
        function=each.function,
        steps=() if witness is None else witness.new_steps,
        sides=()
        if witness is None
        else (CaseSide("old", witness.old, witness.old_steps), CaseSide("new", witness.new, witness.new_steps)),
        seconds=each.seconds,
        marks=each.differs_in or ((each.condition,) if each.condition else ()),
    )


def _outcome(each: Judgement) -> Ending:
    if each.change in (Change.UNKNOWN, Change.NOT_COMPARED):
        return Ending.OPEN
    return Ending.PASSED if each.is_equal else Ending.WRONG


def outside_case(file: str) -> JudgedCase:
    """A file that has changed and whose functions were not compared."""
    return JudgedCase(
        rule=_NOT_LOOKED_AT,
        group="other files",
        name=file,
        verdict=_OUTSIDE,
        outcome=Ending.OPEN,
        text=f"{file} has changed and was not looked at",
        at=file,
    )
