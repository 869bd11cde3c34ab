"""Descriptions as tries: what shows, what is right, and the control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mmuproof.live.descriptions.description import (
    AccessResult,
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    GuestPaging,
    HostKvm,
    TableEntry,
)
from mmuproof.live.descriptions.flags import expected_flags
from mmuproof.live.descriptions.layout import PAGE, PROGRAMS, USER_PROGRAMS
from mmuproof.live.descriptions.making import guest_of, label_of
from mmuproof.live.descriptions.results import expected_facts
from mmuproof.live.trial import ANY_WARNING, Attempt, Emulated, Expected, ExpectedFact, LiveTry, Modules, Seen

_SUFFIXES = {Emulated.AMD: "", Emulated.INTEL: "-intel", Emulated.INTEL_KEYS: "-keys", Emulated.AMD_BOCHS: "-amd-bochs"}


def trials_of(name: str, described: GuestDescription) -> tuple[LiveTry, ...]:
    """A try for each of the machines that a description names.

    Args:
        name: of the try; where there are several machines, those after the first have a suffix.
        described: the guest.
    """
    return tuple(
        _trial(name + _SUFFIXES[machine] * (number > 0), described, machine)
        for number, machine in enumerate(described.machines)
    )


def made_by_processor(described: GuestDescription) -> GuestDescription:
    """The same guest where there is no KVM to emulate an OUTS or INS: it reads and writes."""
    kinds = {GuestAccessKind.OUTS: GuestAccessKind.READ, GuestAccessKind.INS: GuestAccessKind.WRITE}
    accesses = tuple(replace(access, kind=kinds.get(access.kind, access.kind)) for access in described.accesses)
    control = described.control and made_by_processor(described.control)
    return replace(described, accesses=accesses, control=control)


def _trial(name: str, described: GuestDescription, machine: Emulated) -> LiveTry:
    control = described.control or _own_read(described)
    shows = described.expects_a_mistake
    besides = ANY_WARNING if described.may_warn else None
    return LiveTry(
        name=name,
        finding=described.finding,
        machine=machine,
        says=described.says,
        attempt=_attempt(described, machine),
        shows=Seen(_facts(described, mistaken=True), described.warning or besides) if shows else None,
        otherwise=None if shows else Seen(_ends(described), besides),
        right=Seen(_facts(described, mistaken=False)),
        control=_attempt(control, machine),
        control_gives=Seen(_facts(control, mistaken=False)),
        levels_5=described.paging is GuestPaging.LEVELS_5,
        offered_by=_needs(described),
    )


def _needs(described: GuestDescription) -> tuple[str, str] | None:
    if described.host.needs:
        module, _, name = described.host.needs.partition(".")
        return module, name
    if described.l1 is not None and described.l1.mbec:
        return "kvm_intel", "mbec"
    return ("kvm_amd", "gmet") if described.l1 is not None and described.l1.gmet else None


def _own_read(described: GuestDescription) -> GuestDescription:
    """The control where none is given: the guest can read its own page, so that its mode, tables and L1 work."""
    access = GuestAccess(kind=GuestAccessKind.READ, address=PROGRAMS)
    l1 = described.l1 and replace(described.l1, after=(), entries=_of_others(described.l1.entries))
    entries = _of_others(described.entries)
    return replace(described, accesses=(access,), warning=None, may_warn=False, after=(), entries=entries, l1=l1)


def _of_others(entries: tuple[TableEntry, ...]) -> tuple[TableEntry, ...]:
    """The entries but for those of the pages with the guest's instructions, which may be what it is about."""
    return tuple(entry for entry in entries if entry.of & -PAGE not in (PROGRAMS, USER_PROGRAMS))


def _attempt(described: GuestDescription, machine: Emulated) -> Attempt:
    return Attempt(guest_of(described), _modules(described.host, machine))


def _modules(host: HostKvm, machine: Emulated) -> Modules:
    return Modules(host.kvm, (*(() if host.tdp else ("npt=0" if machine.is_amd else "ept=0",)), *host.vendor))


def _facts(described: GuestDescription, *, mistaken: bool) -> Expected:
    found: dict[str, ExpectedFact] = {}
    for number, access in enumerate(described.accesses, start=1):
        found |= expected_facts(described, number, _expected(access, mistaken))
    # What shows a mistake says nothing of flags.
    return found if mistaken else {**found, **expected_flags(described)}


def _expected(access: GuestAccess, mistaken: bool) -> AccessResult:
    return access.shows if mistaken and access.shows is not None else access.right


def _ends(described: GuestDescription) -> Mapping[str, str]:
    """Each access came to an end, whatever it was."""
    return {f"{label_of(number)}.stop": "hlt" for number, _ in enumerate(described.accesses, start=1)}
