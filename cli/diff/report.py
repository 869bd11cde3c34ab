"""What `mmuproof diff` has found, for a reader and for a machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mmuproof.cli.diff.changes import Difference, Judgement, Witness
from mmuproof.cli.diff.sentences import sentence_of
from mmuproof.cli.numbers.layout import ranges, told_bits, two_numbers
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.results import TracedStep
from mmuproof.cli.telling.configuration import print_configuration
from mmuproof.cli.telling.report import input_lines, step_text
from mmuproof.cli.telling.results_file import decoded_inputs, heading, kernel_content, steps_content
from mmuproof.compare.claims import Change
from mmuproof.lift.tree.included import KVM

_STYLES = {
    Change.EQUAL: "green",
    Change.EQUAL_IF: "yellow",
    Change.MORE: "bold red",
    Change.LESS: "bold red",
    Change.DIFFERS: "bold red",
    Change.UNKNOWN: "yellow",
    Change.NOT_COMPARED: "yellow",
}
_ORDER = tuple(_STYLES)
_FEW = 4
_MOST_NAMES = 12
_FEW_WITNESSES = 12
"""So many witnesses are printed without being asked for."""
_GAP = "   "


def print_difference(output: Output, report: Difference, *, verbose: bool) -> None:
    """Print a whole run: the witnesses first, so that the verdicts are what is left on the screen."""
    shown = sorted(report.judgements, key=lambda each: _ORDER.index(each.change))
    witnesses = [each for each in shown if each.witness is not None]
    differing = [each for each in shown if each.differs_in]
    for each in witnesses if verbose or len(differing) <= _FEW_WITNESSES else ():
        assert each.witness is not None
        print_witness(output, each, each.witness)
    notes = _numbered(note for each in shown for note in each.relation)
    if notes:
        output.line("What is taken to be the same in both versions, although it is called or encoded differently:")
        for note, index in notes.items():
            output.line(f"{f'[{index}]':>6} {note}")
        output.line()
    assumptions = _numbered(assumed for each in shown for assumed in each.assumptions)
    print_assumptions(output, assumptions)
    rows = [each for each in shown if verbose or each.change not in (Change.NOT_COMPARED,)]
    _print_table(output, rows, notes, assumptions, verbose=verbose)
    if len(differing) > _FEW_WITNESSES and not verbose:
        output.line()
        output.line(
            "Name a function to see on what inputs it differs, and how either version gets there; -v shows all."
        )
    _print_rest(output, report, verbose=verbose)


def _other_files(paths: Sequence[str]) -> str:
    whose = " of KVM's" if all(path.startswith(KVM) for path in paths) else ""
    if len(paths) == 1:
        return f"1 other file{whose} has changed and was"
    return f"{len(paths)} other files{whose} have changed and were"


def _numbered(notes: Iterable[str]) -> dict[str, int]:
    return {note: index for index, note in enumerate(dict.fromkeys(notes), 1)}


def print_witness(output: Output, judgement: Judgement, witness: Witness) -> None:
    """On what input two versions differ, and how each gets there."""
    output.line(
        (judgement.change.value.upper(), _STYLES[judgement.change]),
        "  ",
        (judgement.function, "bold"),
        f"  {judgement.masks}".rstrip(),
    )
    output.line(f"  {sentence_of(judgement, witness)}")
    for line in input_lines(witness.inputs):
        output.line(f"    {line}")
    width = max((len(step.at) for step in (*witness.old_steps, *witness.new_steps)), default=0)
    for side, steps in (("old", witness.old_steps), ("new", witness.new_steps)):
        _print_steps(output, side, steps, width)
    if witness.old or witness.new:
        numbers = two_numbers((witness.old, witness.new))
        differ = (
            "" if numbers is None or judgement.bits else f"{_GAP}They differ in {told_bits(numbers[0] ^ numbers[1])}."
        )
        for line in _shown_lines(witness, differ, recoded=bool(judgement.relation)):
            output.line(f"  {line}")
    for line in _condition_lines(judgement):
        output.line(f"  {line}")
    output.line()


def _shown_lines(witness: Witness, differ: str, *, recoded: bool) -> Iterable[str]:
    """What both versions show: side by side, or below each other where it is told what the numbers say."""
    if not witness.old_reads and not witness.new_reads:
        yield f"Old: {witness.old}{_GAP}New: {witness.new}{differ}"
        return
    # A number in the steps of the old version looks otherwise then.
    told = ", where the new version has these bits" if recoded else ""
    width = max(len(witness.old), len(witness.new))
    for side, text, reads in (("Old", witness.old, witness.old_reads), ("New", witness.new, witness.new_reads)):
        also = told if side == "Old" else ""
        yield f"{side}: {text.ljust(width)}{f'  ({reads}){also}' if reads else ''}".rstrip()
    if differ:
        yield differ.strip()


def _print_steps(output: Output, side: str, steps: Sequence[TracedStep], width: int) -> None:
    for step in steps:
        output.line((f"    {side}  ", "dim"), (step.at.ljust(width), "cyan"), _GAP, step_text(step))


def _condition_lines(judgement: Judgement) -> Iterable[str]:
    if not judgement.condition:
        return
    yield f"The two are equal if {judgement.condition}."
    sure = [each.caller for each in judgement.callers if each.guarantees]
    not_sure = [each for each in judgement.callers if each.guarantees is False]
    unknown = [each.caller for each in judgement.callers if each.guarantees is None]
    if sure:
        yield f"That is so whenever {_listed(f'{name}()' for name in sure)} call{'s' if len(sure) == 1 else ''} it."
    for each in not_sure:
        yield f"{each.caller}() does not see to it: {each.reason}"
    if unknown:
        yield f"Not known of {_listed(unknown)}."
    if not judgement.callers:
        yield "Whether it is so wherever the function is called has not been looked at."


def print_assumptions(output: Output, assumptions: Mapping[str, int]) -> None:
    """List what is taken for granted, by the letters that rows refer to."""
    if assumptions:
        output.line("What is taken for granted in both versions:")
        for assumed, index in assumptions.items():
            output.line(f"{f'({letters(index)})':>6} {assumed}")
        output.line()


def letters(index: int) -> str:
    """The letters of a number: a to z, then aa and so on."""
    rest, last = divmod(index - 1, 26)
    return f"{letters(rest) if rest else ''}{chr(ord('a') + last)}"


def _print_table(
    output: Output, rows: Sequence[Judgement], notes: dict[str, int], assumptions: dict[str, int], *, verbose: bool
) -> None:
    if not rows:
        return
    changes = max(len(each.change.value) for each in rows)
    names = max(len(each.function) for each in rows)
    masks = max(len(_masks(each)) for each in rows)
    for each in rows:
        marks = sorted(notes[note] for note in each.relation)
        given = sorted(assumptions[assumed] for assumed in each.assumptions)
        output.row(
            (each.change.value.ljust(changes), _STYLES[each.change]),
            f"  {each.function.ljust(names)}  {_masks(each).ljust(masks)}",
            f"  {each.seconds:6.2f} s",
            f"  [{ranges(marks)}]" if marks else "",
            f"  ({','.join(map(letters, given))})" if given else "",
            f"  {remark(each)}",
            whole=verbose,
        )
        if verbose and each.calls:
            output.line(
                ("    rests on calls that both make alike: ", "dim"), ", ".join(f"{name}()" for name in each.calls)
            )


def _masks(each: Judgement) -> str:
    """For which masks of SPTEs a row holds."""
    return each.masks or ("" if each.change is Change.NOT_COMPARED else "any masks")


def remark(each: Judgement) -> str:
    """What is said of a verdict, on one line."""
    if each.reason:
        return each.reason
    if each.change is Change.EQUAL_IF:
        known = ", which every caller sees to" if each.guaranteed else ""
        return f"{each.condition}{known}"
    if each.through:
        return f"by congruence: its text is the same, and equal is {_listed(map('{}()'.format, each.through), _FEW)}"
    if each.change is Change.EQUAL:
        return "" if each.directly else "only what it calls has changed"
    return f"in {_listed(each.differs_in)}" if each.differs_in else ""


def _print_rest(output: Output, report: Difference, *, verbose: bool) -> None:
    not_compared = [each for each in report.judgements if each.change is Change.NOT_COMPARED]
    most = None if verbose else _MOST_NAMES
    output.line()
    for names, says in (
        ([each.function for each in not_compared], "changed, and could not be compared"),
        (report.gone, "in the old version only"),
        (report.come, "in the new version only"),
    ):
        if names:
            output.line((f"{len(names)} {says}: ", "yellow"), _listed((f"{name}()" for name in names), most))
    if report.outside:
        output.line((f"{_other_files(report.outside)} not looked at: ", "yellow"), _listed(report.outside, most))
    for note in report.notes:
        output.line((note, "dim"))
    for assumed in report.idle:
        output.line((f"No row needs what is assumed: {assumed}", "yellow"))
    for kernel in (report.old, report.new) if verbose else (report.new,):
        print_configuration(output, kernel, verbose=verbose, brief=True)
    counts = [(change, sum(each.change is change for each in report.judgements)) for change in _ORDER]
    parts: list[str | tuple[str, str]] = []
    for change, count in counts:
        if count:
            parts += (
                [", ", (f"{count} {change.value}", _STYLES[change])]
                if parts
                else [(f"{count} {change.value}", _STYLES[change])]
            )
    if report.unchanged:
        parts += [f"{', ' if parts else ''}{report.unchanged} unchanged"]
    if len(report.idle) < len(report.assumed):
        parts += [", given what is assumed"]
    output.line(
        *(parts or ["nothing to compare"]), f"  from {report.old.named} to {report.new.named} in {report.seconds:.1f} s"
    )


def _listed(names: Iterable[str], most: int | None = None) -> str:
    known = list(names)
    shown = known if most is None or len(known) <= most else known[:most]
    text = ", ".join(shown)
    return text if len(shown) == len(known) else f"{text} and {len(known) - len(shown)} more (-v)"


def difference_content(report: Difference) -> dict[str, object]:
    """What the results file says."""
    return {
        **heading("diff", report.solvers),
        "old": kernel_content(report.old),
        "new": kernel_content(report.new),
        "results": [judgement_content(each) for each in report.judgements],
        "unchanged": report.unchanged,
        "gone": list(report.gone),
        "come": list(report.come),
        "outside": list(report.outside),
        "renamed": list(report.notes),
        "assumed": list(report.assumed),
        "assumed_and_not_needed": list(report.idle),
        "summary": {change.value: sum(each.change is change for each in report.judgements) for change in _ORDER},
    }


def judgement_content(each: Judgement) -> dict[str, object]:
    """What a results file says of a function."""
    witness = each.witness
    return {
        "function": each.function,
        "verdict": each.change.value,
        "masks": each.masks or None,
        "old": each.old_at or None,
        "new": each.new_at or None,
        "seconds": round(each.seconds, 6),
        "changed_itself": each.directly,
        "condition": each.condition or None,
        "callers": [
            {"caller": check.caller, "guarantees": check.guarantees, "reason": check.reason or None}
            for check in each.callers
        ],
        "assumptions": list(each.assumptions),
        "relation": list(each.relation),
        "differs_in": list(each.differs_in),
        "bits": list(each.bits),
        "not_followed": list(each.calls),
        "by_congruence": list(each.through),
        "reason": each.reason or None,
        "checked": "one-solver",
        "witness": None
        if witness is None
        else {
            "what": witness.what,
            "inputs": {one.name: one.text for one in witness.inputs},
            "values": {name: value for name, value in witness.values.items() if value},
            **({"decoded": decoded} if (decoded := decoded_inputs(witness.inputs)) else {}),
            "old_steps": steps_content(witness.old_steps),
            "new_steps": steps_content(witness.new_steps),
            "old": witness.old or None,
            "new": witness.new or None,
            "old_reads": witness.old_reads or None,
            "new_reads": witness.new_reads or None,
        },
    }
