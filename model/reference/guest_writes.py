"""What Linux 7.2.13 does about a guest's writes to its tables."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.guest_writes import ComparedMember, GuestWrites, PageChecked, TableWritten
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import CPU_ROLE, PAGE_ROLE_BITS, role_flag, role_value
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bool_var, bv, eq, implies, ite, ne, negate, slt, var, zext

_GPA, _BYTES = var("gpa", 64), var("bytes", 32)
_PAGE, _MMU = var("sp->role", 32), var("vcpu->arch.root_mmu.root_role", 32)
_FIELDS = tuple(each for each in CPU_ROLE if each.low < PAGE_ROLE_BITS)
_OF_ANY_PAGE = ("level", "quadrant", "access", "passthrough")
"""What pages of one root differ in."""


class ReferenceGuestWrites(ReferenceArea, GuestWrites):
    """``detect_write_misaligned()``, ``get_written_sptes()`` and ``kvm_sync_page_check()``."""

    def tracked(self) -> TableWritten:
        """See `GuestWrites.tracked`."""
        small, level = role_flag(_PAGE, "has_4_byte_gpte"), zext(role_value(_PAGE, "level"), 32)
        quadrant = zext(role_value(_PAGE, "quadrant"), 32)
        offset = _GPA & 0xFFF
        directory = all_of(small, eq(level, 2))
        # SPTEs have eight bytes, and one of a directory translates half of what the guest's does.
        twice = offset << 1
        place = ite(directory, (twice & ~bv(7, 64)) << 1, twice)
        return TableWritten(
            gpa=_GPA,
            length=_BYTES,
            level=level,
            quadrant=quadrant,
            small_entries=small,
            gives_up=self._gives_up(small),
            concerned=implies(small, self._is_of_quadrant(place >> 12, zext(quadrant, 64))),
            first=ite(small, place & 0xFFF, offset) >> 3,
            count=ite(directory, self._of_directory(), bv(1, 32)),
            evidence=Evidence(),
        )

    def _gives_up(self, small: Bool) -> Bool:
        offset, size = _GPA & 0xFFF, ite(small, bv(4, 64), bv(8, 64))
        last = offset + zext(_BYTES, 64) - 1
        aligned = eq(offset & (size - 1), 0)
        crosses = ne((offset ^ last) & ~(size - 1) & 0xFFFFFFFF, 0)
        return all_of(negate(all_of(aligned, eq(_BYTES, 1))), any_of(crosses, slt(_BYTES, bv(4, 32))))

    def _is_of_quadrant(self, found: BitVec, quadrant: BitVec) -> Bool:
        """Whether a write is to the part of a table that a page shadows."""
        return eq(found, quadrant)

    def _of_directory(self) -> BitVec:
        """How many SPTEs an entry of a directory with small entries has."""
        return bv(2, 32)

    def page_check(self) -> PageChecked:
        """See `GuestWrites.page_check`."""
        ignored = sum(((1 << each.width) - 1) << each.low for each in _FIELDS if each.name in self._ignored())
        return PageChecked(
            fields=tuple(
                ComparedMember(
                    name=each.name,
                    page=zext(role_value(_PAGE, each.name), 32),
                    mmu=zext(role_value(_MMU, each.name), 32),
                )
                for each in _FIELDS
            ),
            may=all_of(
                negate(self._is_direct()),
                negate(bool_var("vcpu->arch.root_mmu.sync_spte == NULL")),
                eq((_PAGE ^ _MMU) & ~bv(ignored, PAGE_ROLE_BITS), 0),
            ),
            evidence=Evidence(),
        )

    def _is_direct(self) -> Bool:
        """Whether a page shadows no table."""
        return role_flag(_PAGE, "direct")

    def _ignored(self) -> tuple[str, ...]:
        """The fields that may differ."""
        return _OF_ANY_PAGE
