"""A guest's writes to its tables in a lifted tree: ``mmu.c``."""

from __future__ import annotations

from mmuproof.lift.c_types import IntType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import Object, ObjectKind, Pointer, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import common
from mmuproof.model.guest_writes import ComparedMember, GuestWrites, PageChecked, TableWritten
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.entry_bench import page_table
from mmuproof.model.lifted.mmus import Mmus
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_fields, read_member
from mmuproof.model.named import functions, kvm_mmu, kvm_mmu_page, kvm_vcpu, page_role
from mmuproof.smt.terms import BitVec, ne, negate, var, zext

_MISALIGNED, _WRITTEN = functions.DETECT_WRITE_MISALIGNED, functions.GET_WRITTEN_SPTES
_CHECK = "kvm_sync_page_check"
_OF_ENTRY = 6
"""An entry has so many bits, as a power of two."""


class LiftedGuestWrites(GuestWrites, Remembers):
    """What a lifted tree does about a guest's writes to its tables.

    Args:
        unit: ``mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def tracked(self) -> TableWritten:
        """See `GuestWrites.tracked`."""
        bench = Bench(self._unit, common.CUTS)
        page, table = bench.add("sp", kvm_mmu_page.STRUCT), page_table("SPTEs")
        bench.write(page, kvm_mmu_page.SPT, pointer_to(table))
        gpa, length = var("gpa", 64), var("bytes", 32)
        gives_up = ne(bench.integer(_MISALIGNED, gpa=gpa, bytes=length), 0)
        count = Object(name="count", type=IntType(32, True, "int"), kind=ObjectKind.INPUT, by_pointer=True)
        first = bench.session.call(
            bench.memory, _WRITTEN, objects=bench.objects, values={"gpa": gpa}, pointers={"nspte": pointer_to(count)}
        )
        if not isinstance(first, Pointer):
            raise Refused(f"{_WRITTEN}() gives no pointer")
        places = [target.place for target in first.targets if target.place is not None]
        if len(places) != 1 or places[0].object is not table:
            raise Refused(f"{_WRITTEN}() gives no entry of the page")
        how_many = bench.memory.read(count, 0, 32)
        assert isinstance(how_many, BitVec)
        return TableWritten(
            gpa=gpa,
            length=length,
            level=zext(bench.flag(page, kvm_mmu_page.ROLE, page_role.LEVEL), 32),
            quadrant=zext(bench.flag(page, kvm_mmu_page.ROLE, page_role.QUADRANT), 32),
            small_entries=ne(bench.flag(page, kvm_mmu_page.ROLE, page_role.HAS_4_BYTE_GPTE), 0),
            gives_up=gives_up,
            concerned=negate(first.is_null),
            first=places[0].position >> _OF_ENTRY,
            count=how_many,
            evidence=bench.session.evidence(),
        )

    @once
    def page_check(self) -> PageChecked:
        """See `GuestWrites.page_check`."""
        bench = Bench(self._unit, common.CUTS)
        vcpu, page = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("sp", kvm_mmu_page.STRUCT)
        Mmus(vcpu).connect(bench.memory, nested=False, l2=False)
        may = ne(bench.integer(_CHECK), 0)
        ours, theirs = (
            bench.place(page, kvm_mmu_page.ROLE),
            bench.place(vcpu, f"{kvm_mmu.ROOT_MMU}.{kvm_mmu.ROOT_ROLE}"),
        )
        of_page, of_mmu = (bit_fields(each.type, each.offset) for each in (ours, theirs))
        return PageChecked(
            fields=tuple(
                ComparedMember(
                    name=name,
                    page=zext(read_member(bench.memory, page, of_page[name]), 32),
                    mmu=zext(read_member(bench.memory, vcpu, of_mmu[name]), 32),
                )
                for name in of_page
            ),
            may=may,
            evidence=bench.session.evidence(),
        )
