"""A guest's write to a table that is shadowed: no SPTE stays that was made of what it has overwritten."""

from __future__ import annotations

from mmuproof.model.features import Feature
from mmuproof.model.guest_writes import TableWritten
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, all_of, any_of, eq, implies, ite, ne, negate, ule, ult, var, zext
from mmuproof.spec import table_numbers

_OFFSET, _PAGE = 0xFFF, 4096
_OF_ANY_PAGE = {
    "level": "a root has the highest",
    "quadrant": "which part of a guest's table a page shadows",
    "access": "what the guest's entries above grant",
    "passthrough": "whether a root stands above the guest's tables",
}
"""What pages below one root may differ in."""


def _entries(made: TableWritten) -> tuple[BitVec, BitVec]:
    """The first and the last of the guest's entries that have a byte that is written (64 each)."""
    offset = made.gpa & _OFFSET
    last = offset + zext(made.length, 64) - 1
    # SDM 5.3 and 5.5: entries have 4 bytes in 32-bit paging, and 8 otherwise.
    first, end = (ite(made.small_entries, each >> 2, each >> 3) for each in (offset, last))
    return first, end


def _of_guest(made: TableWritten, number: BitVec) -> BitVec:
    """The guest's entry that translates what an SPTE of the page translates (64)."""
    # A table has 1024 small entries, and pages of 512 SPTEs shadow it one after the other.  An SPTE of a directory
    # translates 2 MByte, and a small entry of one 4 MByte.
    within = zext(made.quadrant, 64) * table_numbers.ENTRIES + number
    return ite(made.small_entries, ite(eq(made.level, 2), within >> 1, within), number)


def _written(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.guest_writes.tracked()
    number = var("number of an SPTE", 64)
    first, last = _entries(made)
    entry = _of_guest(made, number)
    touched = all_of(ule(first, entry), ule(entry, last))
    zapped = all_of(made.concerned, ule(made.first, number), ult(number - made.first, zext(made.count, 64)))
    length = zext(made.length, 64)
    return never(
        given(
            Assumption("a page has 512 SPTEs", ult(number, table_numbers.ENTRIES)),
            Assumption(
                "a write has a byte, and is split where it goes on to another page: emulator_write_emulated()",
                all_of(ne(made.length, 0), ule(length, _PAGE), ule((made.gpa & _OFFSET) + length, _PAGE)),
            ),
            Assumption(
                "tables with small entries have two levels, of two and of four parts: `role.child-kept`",
                implies(
                    made.small_entries,
                    any_of(*(all_of(eq(made.level, level), ult(made.quadrant, 1 << level)) for level in (1, 2))),
                ),
            ),
            shown=(
                Shown("gpa", made.gpa),
                Shown("bytes", made.length),
                Shown("sp->role.level", made.level),
                Shown("sp->role.quadrant", made.quadrant),
                Shown("sp->role.has_4_byte_gpte", made.small_entries),
                Shown("the SPTE", number),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "stale",
            all_of(touched, negate(made.gives_up), negate(zapped)),
            "An SPTE stays that was made of an entry that the guest has overwritten.",
        ).told("neither the SPTE nor its page is zapped", "SDM 5.3, 5.5: an entry is what the guest's memory has now"),
    )


def _sync(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.guest_writes.page_check()
    differing = [each for each in made.fields if each.name not in _OF_ANY_PAGE]
    return never(
        given(
            shown=tuple(
                Shown(f"{name}.{each.name}", value)
                for each in made.fields
                for name, value in (("sp->role", each.page), ("root_role", each.mmu))
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "other-tables",
            all_of(made.may, any_of(*(ne(each.page, each.mmu) for each in differing))),
            "SPTEs of a page are made anew by the rules of another MMU.",
        ).told(
            "the guest's entries are read and judged as the MMU in use does",
            "KVM's comment in kvm_sync_page_check(): only pages of tables that are alike",
        ),
        Wrong(
            "direct",
            all_of(made.may, any_of(*(ne(each.page, 0) for each in made.fields if each.name == "direct"))),
            "SPTEs of a page that shadows no table are made anew by the guest's entries.",
        ).told("a direct page is synchronized", "KVM's documentation of `direct`: no guest table stands behind it"),
    )


THEOREMS = (
    Theorem(
        name="walk.written",
        claim="When a guest writes to a table that is shadowed, each SPTE that was made of an entry with a byte of it "
        "is zapped, or the whole page is.",
        source="SDM 5.3, 5.5; APM 5.3; KVM's documentation of shadow paging: quadrant",
        assumes=("kvm_mmu_track_write() asks for each page that shadows the table that is written",),
        state=alone(_written),
        catches=(
            Catch("written-other-quadrant", "stale"),
            Catch("written-half-of-directory", "stale"),
            Catch("written-over-two-entries", "stale"),
        ),
    ),
    Theorem(
        name="walk.synced-page",
        claim="A page is made anew by the guest's entries only if it shadows a table, and if its role is that of the "
        "root in use but for what pages below one root differ in.",
        source="KVM's comment in kvm_sync_page_check(), its documentation of shadow paging",
        state=alone(_sync),
        needs=(Need(Feature.SYNC_ONE),),
        catches=(Catch("synced-with-other-entry-size", "other-tables"), Catch("synced-direct-page", "direct")),
    ),
)
