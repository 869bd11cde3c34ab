"""`mmuproof table`: what is allowed, and where bits are."""

from __future__ import annotations

from contextlib import ExitStack

from mmuproof.cli.shared.catalogue import AskedKernel, Catalogue, Subject
from mmuproof.cli.shared.configuring import given_config
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.json_file import beside_json, check_writable
from mmuproof.cli.shared.naming import near
from mmuproof.cli.shared.selection import select_defect, select_vendors
from mmuproof.cli.shared.subject import opened_subject
from mmuproof.cli.shared.unusable import usable
from mmuproof.cli.table.command import ACC, SPTE_LAYOUT, TableRequest
from mmuproof.cli.table.layouts import access_bits, special_values, spte_layout
from mmuproof.cli.table.permissions import filled
from mmuproof.cli.table.report import (
    access_content,
    layout_content,
    permission_content,
    print_absence,
    print_access,
    print_layouts,
    print_permissions,
)
from mmuproof.proofs.permission.tables import PERMISSION_TABLES
from mmuproof.proofs.theorem import Theorem

_GREEN, _DIFFERS = 0, 1


def table(request: TableRequest, catalogue: Catalogue, output: Output) -> int:
    """Show a table; the exit status.

    Raises:
        UsageProblem: there is no such table, vendor, defect or kernel, or the results file could not be written.
    """
    theorem = _theorem(request.name, catalogue)
    select_vendors(request.vendors)
    defect = None if request.defect is None else select_defect(catalogue.defects(), request.defect)
    config = given_config(request.config)
    if request.json is not None:
        check_writable(request.json)
    with ExitStack() as opened:
        watcher = opened.enter_context(output.progress(verbose=False))
        subjects: list[Subject] = []
        for source in request.sources:
            asked = None
            if source is not None:
                edits = () if defect is None else defect.edits
                asked = AskedKernel(source=source, config=config, edits=edits)
            subjects.append(opened.enter_context(opened_subject(asked, defect, catalogue, watcher)))
        watcher.phase("filling in the table")
        told: dict[str, object] = {}
        with usable(), beside_json(request.json, output, lambda: told) as console:
            status, content = _shown(request, theorem, subjects, console)
            told.update(content)
    return status


def _theorem(name: str, catalogue: Catalogue) -> Theorem | None:
    """The theorem of a permission table; None for another table.

    Raises:
        UsageProblem: there is no such table.
    """
    if name in (ACC, SPTE_LAYOUT):
        return None
    if name not in PERMISSION_TABLES:
        known = [*PERMISSION_TABLES, ACC, SPTE_LAYOUT]
        theorems = {each.name for each in catalogue.theorems()}
        what = f"{name} is no table of accesses" if name in theorems else f"no table is called {name!r}"
        also = near(name, known) or "; there are " + ", ".join(known)
        raise UsageProblem(what + also)
    return next(each for each in catalogue.theorems() if each.name == name)


def _shown(
    request: TableRequest, theorem: Theorem | None, subjects: list[Subject], output: Output
) -> tuple[int, dict[str, object]]:
    """Print a table; the exit status, and what the results file says."""
    subject, vendors = subjects[0], select_vendors(request.vendors)
    if request.name == ACC:
        bits = access_bits(subject.kvm, vendors)
        print_access(output, bits, subject.identity)
        return _GREEN, access_content(bits, subject.identity)
    if theorem is None:
        kernels = [each.kvm for each in subjects]
        layouts = [spte_layout(kernels, vendor, request.level) for vendor in vendors]
        special = special_values(kernels)
        identities = [each.identity for each in subjects]
        print_layouts(output, layouts, special, identities)
        return _GREEN, layout_content(layouts, special, identities)
    if not set(theorem.vendors) & set(vendors):
        raise UsageProblem(f"{theorem.name} is of {', '.join(each.value for each in theorem.vendors)}")
    if lacking := theorem.lacking(subject.kvm, theorem.vendors[0]):
        print_absence(output, theorem, lacking, subject.identity)
        return _GREEN, permission_content(theorem, None, lacking, subject.identity)
    cells = filled(subject.kvm, theorem)
    print_permissions(output, cells, subject.identity)
    return _DIFFERS if cells.differs else _GREEN, permission_content(theorem, cells, (), subject.identity)
