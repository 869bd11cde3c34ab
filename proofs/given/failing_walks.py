"""Walks of guest tables that fail, by an MMU that was set up for registers, and why they do by the manuals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.statement import Case, Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walk_faults import FailedWalk
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.claims import given
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.expected_roles import EVERY_REGISTER, RoleAsked, asked, roles_now
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.given.walked_tables import CONTROLS, CR4_PSE, TABLES, WalkedTables
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bool_var, eq, implies, ne, negate
from mmuproof.spec import ept, paging
from mmuproof.spec.access import Access
from mmuproof.spec.ept import EptPermissions
from mmuproof.spec.ept_violation import EptViolation
from mmuproof.spec.linear_walk import entries_used
from mmuproof.spec.page_fault import FaultCause

ASSUMES = (
    "what an entry's reserved bits are, and whether the rights allow the access, is any answer: entry.* and "
    "permission.* speak of these",
    "the host can read the tables and write their flags",
    EVERY_REGISTER,
)
"""What theorems on such walks rest on."""
_FLAGS = bool_var("EPTP bit 6")
_PAE_LEVELS = 3
_OWN_TABLES: Mapping[Vendor, Sequence[WalkedTables]] = MappingProxyType(
    {Vendor.INTEL: TABLES[Vendor.SHADOW], Vendor.AMD: TABLES[Vendor.AMD], Vendor.SHADOW: TABLES[Vendor.SHADOW]}
)
_OWN_KINDS: Mapping[Vendor, MmuKind] = MappingProxyType(
    {Vendor.INTEL: MmuKind.TDP, Vendor.AMD: MmuKind.TDP, Vendor.SHADOW: MmuKind.SHADOW}
)
_NESTED = (MmuKind.NESTED_EPT, MmuKind.NESTED_NPT)
_LONG_MODE = "the vCPU's long mode comes with CR4.PAE, as in every register state that a processor can hold"


@dataclass(frozen=True, eq=False, kw_only=True)
class FailingWalk:
    """A walk of tables by an MMU that was set up for registers, and why it fails by the manuals.

    Attributes:
        kvm: the kernel.
        tables: what is walked.
        kind: the MMU.
        now: what it was set up for.
        walk: the walk.
    """

    kvm: Kvm
    tables: WalkedTables
    kind: MmuKind
    now: RoleAsked
    walk: FailedWalk

    @property
    def name(self) -> str:
        """The part of a theorem."""
        return f"nested NPT, {self.tables.name}" if self.kind is MmuKind.NESTED_NPT else self.tables.name

    @property
    def is_nested(self) -> bool:
        """The tables are L1's EPT or nested page tables."""
        return self.kind in _NESTED

    @cached_property
    def mbec(self) -> Bool:
        """L1 has MBEC on for L2."""
        return self.now.request.mbec if relations.has_mbec(self.kvm) else FALSE

    @cached_property
    def _reasons(self) -> tuple[Bool, Bool, Bool]:
        """Whether an entry that is used is missing, whether one is malformed, and whether the walk came to its end."""
        goes_on = paging.present(self.walk.first) if self.tables.levels == _PAE_LEVELS else TRUE
        missing, malformed = [negate(goes_on)], list[Bool]()
        used = entries_used(self.tables.entry_format, self.tables.entries, CONTROLS)
        for entry, read, reserved in zip(self.tables.entries, used, self.walk.reserved, strict=True):
            here, present = all_of(goes_on, read), self._present(entry)
            missing.append(all_of(here, negate(present)))
            malformed.append(all_of(here, present, reserved))
            goes_on = all_of(goes_on, any_of(negate(read), all_of(present, negate(reserved))))
        return any_of(*missing), any_of(*malformed), goes_on

    def _present(self, entry: BitVec) -> Bool:
        if self.tables.code is GpteFormat.EPT:
            return ept.present(entry, mbec=self.mbec)
        return paging.present(entry)

    @property
    def cause(self) -> FaultCause:
        """Why the walk fails; what entries grant is judged elsewhere."""
        missing, malformed, complete = self._reasons
        judgement = self.walk.judgement
        denied = all_of(complete, ne(judgement, 0))
        key = has(judgement, self.kvm.constant("PFERR_PK_MASK"))
        return FaultCause(
            not_present=missing, reserved=malformed, rights=all_of(denied, negate(key)), key=all_of(denied, key)
        )

    @property
    def permissions(self) -> EptPermissions:
        """What all entries of EPT grant that are used."""
        used = entries_used(self.tables.entry_format, self.tables.entries, CONTROLS)
        each = [ept.permissions_of(entry) for entry in self.tables.entries]

        def together(name: str) -> Bool:
            return all_of(*(implies(when, getattr(one, name)) for when, one in zip(used, each, strict=True)))

        return EptPermissions(*(together(name) for name in ("read", "write", "execute", "user_execute")))

    def violation(self, access: Access, *, structure: Bool) -> EptViolation:
        """The EPT violation of an access to a page, or to a paging structure, as far as a walk can know of it."""
        return EptViolation(
            access=access,
            permissions=self.permissions,
            walk_complete=negate(self.cause.not_present),
            linear_address_valid=TRUE,
            final=negate(structure),
            mbec=self.mbec,
            user_mode_address=FALSE,
            writable_page=FALSE,
            execute_disable_page=FALSE,
            nmi_unblocking=FALSE,
            nmi_unblocking_defined=FALSE,
            shadow_stack=FALSE,
            shadow_stack_page=FALSE,
            guest_paging_verification=FALSE,
            asynchronous=FALSE,
            advanced_information=FALSE,
            shadow_stack_control=FALSE,
        )

    def access_has(self, *names: str) -> Bool:
        """Whether the access that is walked for has a PFERR_* bit; one that the tree does not know, it has not."""
        masks = [self.kvm.constant(f"PFERR_{name}") for name in names if self.kvm.defines(f"PFERR_{name}")]
        return any_of(*(has(self.walk.access, mask) for mask in masks))

    @property
    def access(self) -> Access:
        """What the access is for EPT; before reads had a bit of their own, the user flag said that it reads."""
        write, fetch = self.access_has("WRITE_MASK"), self.access_has("FETCH_MASK")
        if not relations.reads_have_a_bit(self.kvm):
            return Access(self.access_has("USER_MASK"), write, fetch)
        structure = self.access_has("GUEST_PAGE_MASK")
        return Access(any_of(all_of(negate(write), negate(fetch)), structure), write, fetch)

    def case(self, part: str, *shown: Shown, when: Sequence[Assumption] = ()) -> Case:
        """Of a walk that fails for what is in the tables."""
        kvm, tables = self.kvm, self.tables
        pk, present = kvm.constant("PFERR_PK_MASK"), kvm.constant("PFERR_PRESENT_MASK")
        judged = any_of(eq(self.walk.judgement, 0), eq(self.walk.judgement & ~pk, present))
        levels = range(len(tables.entries), 0, -1)
        entries = zip(levels, tables.entries, strict=True)
        noticed = [
            any_of(reserved, each.term)
            for level, entry, reserved in zip(levels, tables.entries, self.walk.reserved, strict=True)
            for each in tables.well_formed(entry, level)
        ]
        return given(
            Assumption("the walk fails for what is in the tables, and the host can read them", self.walk.happens),
            Assumption("what permission_fault() returns is P, with PK or without: permission.error-code", judged),
            Assumption(_LONG_MODE, self.walk.long_mode_has_pae),
            Assumption("no access both writes and fetches", negate(self._writes_and_fetches)),
            self.now.possible,
            Assumption("bit 7 of a PML5E or PML4E is found to be reserved: entry.*", all_of(*noticed)),
            *when,
            shown=(
                Shown("addr", self.walk.addr),
                Shown("access", self.walk.access, relations.pferr_flags(kvm), NumberKind.ERROR_CODE),
                *(Shown(f"entry of level {level}", entry, kind=tables.entry_kind) for level, entry in entries),
                *((Shown("CR4.PSE", CR4_PSE),) if tables.code is GpteFormat.PAGING32 else ()),
                *shown,
            ),
            evidence=self.walk.evidence,
            part=part,
        )

    @property
    def _writes_and_fetches(self) -> Bool:
        return all_of(self.access_has("WRITE_MASK"), self.access_has("FETCH_MASK"))


def failing_walk(kvm: Kvm, vendor: Vendor, kind: MmuKind, tables: WalkedTables) -> FailingWalk:
    """A walk of tables, whatever is in them, by an MMU that has been set up for any registers."""
    now = asked("now")
    roles = roles_now(kvm, vendor, kind, now)
    walk = kvm.walk_faults.failed_walk(
        tables.code,
        tables.levels,
        tables.entries,
        cr4_pse=CR4_PSE,
        accessed_dirty=_FLAGS if tables.code is GpteFormat.EPT else TRUE,
        nested=kind in _NESTED,
        role=roles.cpu_role,
    )
    return FailingWalk(kvm=kvm, tables=tables, kind=kind, now=now, walk=walk)


def ordinary_walks(kvm: Kvm, vendor: Vendor) -> Iterator[FailingWalk]:
    """A guest's own tables, as they are walked to emulate or to be shadowed, and L1's nested page tables."""
    for tables in _OWN_TABLES[vendor]:
        yield failing_walk(kvm, vendor, _OWN_KINDS[vendor], tables)
    if vendor is Vendor.AMD:
        for tables in TABLES[vendor]:
            yield failing_walk(kvm, vendor, MmuKind.NESTED_NPT, tables)
