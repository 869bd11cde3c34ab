"""What a page shows of a run of `mmuproof prove` besides its results: asked of the kernel while it is open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from mmuproof.cli.formats.cases import CaseKey
from mmuproof.cli.formats.excerpts import texts_of
from mmuproof.cli.formats.exhibits import Exhibits, Gallery, RunFact
from mmuproof.cli.grids.layouts import spte_layout
from mmuproof.cli.grids.permissions import filled
from mmuproof.cli.numbers.decoded import Assumed, Decoder
from mmuproof.cli.pictures.bits import layout_figure, numbers_of
from mmuproof.cli.pictures.chains import chain_figure
from mmuproof.cli.pictures.paths import path_figure
from mmuproof.cli.pictures.permissions import permission_figure
from mmuproof.cli.prove.cases import mentioned
from mmuproof.cli.shared.catalogue import Subject
from mmuproof.cli.shared.console import printed
from mmuproof.cli.shared.drawing import Figure, Look
from mmuproof.cli.shared.results import Counterexample, KernelIdentity, Result
from mmuproof.cli.shared.selection import Task
from mmuproof.cli.telling.configuration import print_configuration
from mmuproof.cli.telling.report import expected_text, part_of
from mmuproof.lift.errors import LiftError
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.chain import CHAINS
from mmuproof.proofs.permission.tables import PERMISSION_TABLES
from mmuproof.proofs.theorem import Theorem
from mmuproof.smt.obligation import Verdict

_LEAF, _ANY_HOST = 1, 52
_LOOKS = {Verdict.PROVED: Look.GOOD, Verdict.REFUTED: Look.WRONG, Verdict.NOT_APPLICABLE: Look.FAINT}
_WORST = (Look.WRONG, Look.OPEN, Look.KNOWN, Look.GOOD, Look.FAINT)


def exhibits_of(
    subject: Subject, identity: KernelIdentity, tasks: Sequence[Task], results: Sequence[Result], solver: str
) -> Exhibits:
    """What a page shows.

    Args:
        subject: the kernel.
        identity: what is said of it.
        tasks: what was proved.
        results: what has come of it.
        solver: who decided.
    """
    refuted = [(each, each.counterexample) for each in results if each.counterexample is not None]
    return Exhibits(
        facts=tuple(_facts(identity, solver)),
        configuration=printed(lambda output: print_configuration(output, identity, verbose=True)),
        texts=texts_of(_places(results), subject.text_of or (lambda _file: None)),
        galleries=(*_pictures(subject, tasks), _chain(results)),
        paths={_key(each): tuple(_path(subject.kvm, each, told)) for each, told in refuted},
        numbers={_key(each): numbers_of(told) for each, told in refuted},
    )


def _places(results: Sequence[Result]) -> Iterable[str]:
    for each in results:
        told = each.counterexample
        yield from (mentioned(each.reason or ""),) if told is None else (told.at, *(step.at for step in told.steps))


def _facts(kernel: KernelIdentity, solver: str) -> Iterable[RunFact]:
    yield RunFact("source", kernel.source)
    if kernel.version:
        yield RunFact("version", f"Linux {kernel.version}")
    if kernel.special:
        yield RunFact("special", kernel.special.strip())
    yield RunFact("what it depends on, SHA-256", kernel.digest)
    if kernel.config:
        yield RunFact("configuration", kernel.config_file or "the one that comes with mmuproof")
    yield RunFact("solver", solver)


def _pictures(subject: Subject, tasks: Sequence[Task]) -> Iterable[Gallery]:
    """The layouts of SPTEs, and the permission tables of what was proved."""
    vendors = tuple(dict.fromkeys(each.vendor for each in tasks))
    yield _gallery(
        "SPTEs",
        "Where each bit of an SPTE is that maps a small page, by the manual and by this kernel.",
        {vendor.value: partial(_layout, subject.kvm, vendor) for vendor in vendors},
    )
    theorems = {each.theorem.name: each.theorem for each in tasks if each.theorem.name in PERMISSION_TABLES}
    permissions = _gallery(
        "Permissions",
        "What becomes of each access, found twice: by the manual, and by this kernel's own code. "
        "Accesses stand from above to below, combinations of ACC_* bits from left to right.",
        {name: partial(_permissions, subject.kvm, each) for name, each in theorems.items()},
    )
    if permissions.figures or permissions.missing:
        yield permissions


def _layout(kvm: Kvm, vendor: Vendor) -> Figure:
    return layout_figure(spte_layout([kvm], vendor, _LEAF))


def _permissions(kvm: Kvm, theorem: Theorem) -> Figure | None:
    # What a kernel lacks has no table.
    return None if theorem.lacking(kvm, theorem.vendors[0]) else permission_figure(filled(kvm, theorem))


def _gallery(title: str, says: str, drawing: Mapping[str, Callable[[], Figure | None]]) -> Gallery:
    figures: list[Figure] = []
    missing: list[str] = []
    for name, draw in drawing.items():
        try:
            figure = draw()
            figures += [] if figure is None else [figure]
        except Exception as error:
            # What a tree lacks is told by the theorems; a picture must not take their results away.
            missing.append(f"{name} is not drawn: {' '.join(str(error).split()) or type(error).__name__}")
    return Gallery(title, says, tuple(figures), tuple(missing))


def _chain(results: Sequence[Result]) -> Gallery:
    looks: dict[str, Look] = {}
    for each in results:
        look = Look.KNOWN if each.known else _LOOKS.get(each.verdict, Look.OPEN)
        looks[each.theorem] = min(look, looks.get(each.theorem, look), key=_WORST.index)
    return Gallery(
        "The chain",
        "From what a guest does to what the hardware allows it: each step with the functions that take it, the "
        "theorems on it, and what is not proved of it.",
        tuple(chain_figure(each, looks) for each in CHAINS),
    )


def _key(result: Result) -> CaseKey:
    return result.theorem.partition(".")[0], f"{result.theorem} {result.vendor.value}"


def _path(kvm: Kvm, result: Result, told: Counterexample) -> Iterable[Figure]:
    told = replace(told, expected=expected_text(told.expected, result.source))
    path = path_figure(result.theorem.partition(".")[0], told, partial(_read_entry, kvm, result))
    return () if path is None else (path,)


def _read_entry(kvm: Kvm, result: Result, number: int, level: int | None) -> str:
    """What an entry of a guest's tables says, if they are of the format that the vendor's have."""
    part, vendor = part_of(result), result.vendor
    if not re.search("EPT" if vendor is Vendor.INTEL else "4.level|long-mode", part):
        return ""
    with suppress(NotThere, LiftError, ValueError):
        told = Decoder(kvm, Assumed(level, _ANY_HOST)).decode(NumberKind.GUEST_ENTRY, number, vendor)
        ends = dict.fromkeys(each.instead for each in told.passages if each.instead)
        return "; ".join((told.summary, *ends))
    return ""
