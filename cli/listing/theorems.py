"""`mmuproof list` and `mmuproof show`: what can be proved."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from mmuproof.cli.listing.command import ListRequest, ShowRequest
from mmuproof.cli.shared.catalogue import Catalogue, NamedDefect, with_own
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.json_file import beside_json, check_writable
from mmuproof.cli.shared.selection import select_theorems
from mmuproof.cli.telling.results_file import heading
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.known_findings import KnownFinding
from mmuproof.proofs.theorem import Theorem

_WIDTH = 100


def list_theorems(request: ListRequest, catalogue: Catalogue, output: Output) -> None:
    """One line for each selected theorem, and a file with all that is known of them.

    Raises:
        UsageProblem: nothing is selected, or the file cannot be written.
    """
    catalogue = with_own(catalogue, request.own)
    theorems = select_theorems(catalogue.theorems(), request.patterns)
    if request.json is not None:
        check_writable(request.json)
    names = max(len(theorem.name) for theorem in theorems)
    vendors = max(len(_vendors(theorem)) for theorem in theorems)

    def content() -> dict[str, object]:
        return {**heading("list"), "theorems": [_content(theorem, _known(theorem, catalogue)) for theorem in theorems]}

    with beside_json(request.json, output, content) as console:
        for theorem in theorems:
            console.line((theorem.name.ljust(names), "bold"), f"  {_vendors(theorem).ljust(vendors)}  {theorem.claim}")


def show_theorems(request: ShowRequest, catalogue: Catalogue, output: Output) -> None:
    """Each selected theorem in full.

    Raises:
        UsageProblem: nothing is selected.
    """
    catalogue = with_own(catalogue, request.own)
    defects = catalogue.defects()
    for index, theorem in enumerate(select_theorems(catalogue.theorems(), request.theorems)):
        if index:
            output.line()
        _show(theorem, defects, _known(theorem, catalogue), output)


def _known(theorem: Theorem, catalogue: Catalogue) -> list[KnownFinding]:
    findings = catalogue.known_findings()
    return [each for each in findings if any(shape.theorem == theorem.name for shape in each.shapes)]


def _show(theorem: Theorem, defects: Mapping[str, NamedDefect], known: Sequence[KnownFinding], output: Output) -> None:
    output.line((theorem.name, "bold"), f"  {_vendors(theorem)}")
    for line in textwrap.wrap(theorem.claim, _WIDTH - 2):
        output.line(f"  {line}")
    print_entry(output, "Source", [theorem.source])
    print_entry(output, "Assumes", theorem.assumes or ["nothing"])
    caught = []
    for catch in theorem.catches:
        defect = defects.get(catch.defect)
        says = f": {defect.says}" if defect is not None else ""
        caught.append(f"{catch.defect}{says} Seen as: {catch.symptom}.")
    print_entry(output, "Catches", caught or ["no named defect"])
    print_entry(output, "Known", [f"finding {each.number} (docs/findings.md): {each.says}" for each in known])


def print_entry(output: Output, title: str, texts: Sequence[str]) -> None:
    """A paragraph for each text, the first with the title beside it."""
    for index, text in enumerate(texts):
        heading = title if index == 0 else ""
        for number, line in enumerate(textwrap.wrap(text, _WIDTH - 12, break_on_hyphens=False)):
            output.line(f"  {heading if number == 0 else '':8}  {line}")


def _vendors(theorem: Theorem) -> str:
    return " ".join(vendor.value for vendor in Vendor if vendor in theorem.vendors)


def _content(theorem: Theorem, known: Sequence[KnownFinding]) -> dict[str, object]:
    return {
        "theorem": theorem.name,
        "claim": theorem.claim,
        "source": theorem.source,
        "vendors": [vendor.value for vendor in Vendor if vendor in theorem.vendors],
        "assumptions": list(theorem.assumes),
        "defects": [{"defect": catch.defect, "symptom": catch.symptom} for catch in theorem.catches],
        "known_findings": [each.number for each in known],
    }
