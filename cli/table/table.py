"""`mmuproof table`: what is allowed, and where bits are."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from mmuproof.cli.formats.asked import asked_formats
from mmuproof.cli.formats.cases import JudgedCase
from mmuproof.cli.formats.excerpts import texts_of
from mmuproof.cli.formats.exhibits import Exhibits, Gallery
from mmuproof.cli.formats.reporter import Reporter
from mmuproof.cli.grids.layouts import access_bits, special_values, spte_layout
from mmuproof.cli.grids.permissions import filled
from mmuproof.cli.shared.catalogue import AskedKernel, Catalogue, Subject
from mmuproof.cli.shared.configuring import given_config
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.naming import near
from mmuproof.cli.shared.selection import select_defect, select_vendors
from mmuproof.cli.shared.subject import opened_subject
from mmuproof.cli.shared.unusable import usable
from mmuproof.cli.table.cases import table_cases, table_run
from mmuproof.cli.table.command import ACC, SPTE_LAYOUT, TableRequest
from mmuproof.cli.table.exhibits import access_gallery, layout_gallery, permission_gallery
from mmuproof.cli.table.report import (
    access_content,
    layout_content,
    permission_content,
    print_absence,
    print_access,
    print_layouts,
    print_permissions,
)
from mmuproof.cli.telling.overview import print_gone
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.permission.tables import PERMISSION_TABLES
from mmuproof.proofs.theorem import Theorem


def table(request: TableRequest, catalogue: Catalogue, output: Output) -> int:
    """Show a table; the exit status.

    Raises:
        UsageProblem: there is no such table, vendor, defect or kernel, or the results file could not be written.
    """
    start = time.perf_counter()
    theorem = _theorem(request.name, catalogue)
    select_vendors(request.vendors)
    defect = None if request.defect is None else select_defect(catalogue.defects(), request.defect)
    config = given_config(request.config)
    reporter = Reporter(asked_formats(request), output)
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
        with usable():
            shown = _shown(request, theorem, subjects)
        places = [each.at for each in shown.cases]
        texts = texts_of(places, subjects[0].text_of or (lambda _file: None))
    identities = [each.identity for each in subjects]
    run = reporter.judged(table_run(request.name, identities, time.perf_counter() - start, shown.cases))
    shown.tell(reporter.console)
    print_gone(reporter.console, run)
    exhibits = Exhibits(texts=texts, galleries=() if shown.gallery is None else (shown.gallery,))
    return reporter.deliver(run, lambda: shown.content, exhibits)


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


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """A table.

    Args:
        tell: prints it.
        content: what the results file says of it.
        gallery: its pictures; None if there is nothing to be drawn.
        cases: what is judged in it.
    """

    tell: Callable[[Output], None]
    content: Mapping[str, object]
    gallery: Gallery | None
    cases: tuple[JudgedCase, ...] = ()


def _shown(request: TableRequest, theorem: Theorem | None, subjects: Sequence[Subject]) -> _Shown:
    vendors = select_vendors(request.vendors)
    if request.name == ACC:
        return _access(subjects[0], vendors)
    if theorem is None:
        return _layouts(subjects, vendors, request.level)
    if not set(theorem.vendors) & set(vendors):
        raise UsageProblem(f"{theorem.name} is of {', '.join(each.value for each in theorem.vendors)}")
    return _permissions(theorem, subjects[0])


def _access(subject: Subject, vendors: Sequence[Vendor]) -> _Shown:
    bits, identity = access_bits(subject.kvm, vendors), subject.identity
    return _Shown(
        tell=lambda output: print_access(output, bits, identity),
        content=access_content(bits, identity),
        gallery=access_gallery(bits, [spte_layout([subject.kvm], vendor, 1) for vendor in vendors]),
    )


def _layouts(subjects: Sequence[Subject], vendors: Sequence[Vendor], level: int) -> _Shown:
    kernels = [each.kvm for each in subjects]
    layouts = [spte_layout(kernels, vendor, level) for vendor in vendors]
    special, identities = special_values(kernels), [each.identity for each in subjects]
    return _Shown(
        tell=lambda output: print_layouts(output, layouts, special, identities),
        content=layout_content(layouts, special, identities),
        gallery=layout_gallery(layouts, special, identities),
    )


def _permissions(theorem: Theorem, subject: Subject) -> _Shown:
    identity = subject.identity
    if lacking := theorem.lacking(subject.kvm, theorem.vendors[0]):
        return _Shown(
            tell=lambda output: print_absence(output, theorem, lacking, identity),
            content=permission_content(theorem, None, lacking, identity),
            gallery=None,
            cases=table_cases(theorem, None, lacking, identity),
        )
    cells = filled(subject.kvm, theorem)
    return _Shown(
        tell=lambda output: print_permissions(output, cells, identity),
        content=permission_content(theorem, cells, (), identity),
        gallery=permission_gallery(cells),
        cases=table_cases(theorem, cells, (), identity),
    )
