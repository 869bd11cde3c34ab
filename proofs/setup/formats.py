"""The guest's tables are read as tables of the format that its paging mode has."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.set_ups import MmuSetUp, SetUpCall, TableFormat
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.expected_roles import EVERY_REGISTER, KINDS, RoleAsked, asked
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, any_of, bv, eq, ite, ne, negate, var
from mmuproof.spec.paging_mode import PagingMode

_SYNCS = ("sync_spte", "sync_page")
_PAGING = "nested paging reads tables of paging that is on: nested_svm_init_mmu_context() asks for CR0.PG"
_MODE = "SDM 5.1.1, 5.3 to 5.5: entries have four bytes in 32-bit paging, and eight in all other modes"


def _format(mode: PagingMode) -> BitVec:
    """Which tables a paging mode has."""
    eight = ite(any_of(mode.pae, mode.ia32e), bv(TableFormat.EIGHT_BYTES, 8), bv(TableFormat.FOUR_BYTES, 8))
    return ite(mode.enabled, eight, bv(TableFormat.UNPAGED, 8))


def _wrong(made: MmuSetUp, kind: MmuKind, tables: BitVec) -> Iterator[Symptom]:
    """How what an MMU has may not be made for the tables that it is for."""
    yield Wrong(
        "walks-other-tables",
        ne(made.formats["gva_to_gpa"], tables),
        "KVM walks the guest's tables as if they were of another format.",
    ).told("a walk of another format", _MODE)
    if kind is MmuKind.L2:
        return
    shadows = kind is not MmuKind.TDP
    yield Wrong(
        "faults-of-other-tables",
        ne(made.formats["page_fault"], tables if shadows else bv(TableFormat.TDP, 8)),
        "A fault is handled as one of tables of another format.",
    ).told("a handler of another format", _MODE)
    (sync,) = (made.formats[name] for name in _SYNCS if name in made.formats)
    # Without paging, and with TDP, there is nothing in the guest's tables to keep in step with.
    nothing = any_of(eq(sync, bv(TableFormat.NONE, 8)), eq(sync, bv(TableFormat.UNPAGED, 8)))
    unpaged = eq(tables, bv(TableFormat.UNPAGED, 8))
    right = ite(unpaged, nothing, eq(sync, tables)) if shadows else nothing
    yield Wrong(
        "syncs-other-tables", negate(right), "SPTEs are brought up to date from tables of another format."
    ).told("a handler of another format", _MODE)


def _tables(kind: MmuKind, wanted: RoleAsked) -> BitVec:
    """Which tables an MMU is for."""
    return bv(TableFormat.EPT, 8) if kind is MmuKind.NESTED_EPT else _format(wanted.mode)


def _possible(kind: MmuKind, wanted: RoleAsked) -> tuple[Assumption, ...]:
    if kind is not MmuKind.NESTED_NPT:
        return (wanted.possible,)
    return wanted.possible, Assumption(_PAGING, wanted.mode.enabled)


def _of_the_mode(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks, wanted = kvm.masks.shadow_masks(vendor), asked("now")
    for kind in KINDS[vendor]:
        made = kvm.set_ups.after((SetUpCall(kind, wanted.request, var("vcpu->arch.hflags", 32)),), masks)
        yield never(
            given(
                *_possible(kind, wanted),
                shown=(
                    *wanted.shown,
                    *(Shown(f"{name} is made for tables of kind", each) for name, each in made.formats.items()),
                ),
                evidence=made.evidence,
                part=kind.value,
            ),
            *_wrong(made, kind, _tables(kind, wanted)),
        )


THEOREMS = (
    Theorem(
        name="setup.formats",
        claim="After a set-up, the guest's tables are walked by what is made for the format that its paging mode has. "
        "So are its faults handled, and SPTEs brought up to date.",
        source="SDM 5.1.1 and 5.3 to 5.5; APM 15.25.3; KVM makes each such function of one text for each format",
        assumes=(
            EVERY_REGISTER,
            _PAGING,
            "a function is made for the format that its name begins with: loop.* and walk.* are of that",
        ),
        state=several(_of_the_mode),
        catches=(
            Catch("pae-walked-as-32-bit", "walks-other-tables"),
            *showing("faults-of-other-tables", "pae-shadowed-as-32-bit", "unpaged-faults-by-tdp"),
            Catch("pae-synced-as-32-bit", "syncs-other-tables"),
        ),
    ),
)
