"""The MMUs of a vCPU that a lifted tree has just made: ``mmu.c``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mmuproof.lift.c_types import RecordType, StructMember
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, choose, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.created_mmus import CreatedMmus, MmusCreated
from mmuproof.model.cuts import created_mmus as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.cached_roots import ROOTS
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.entry_bench import page_table
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import has_member, place_of, read, read_member
from mmuproof.model.named import constants, host_kernel, kvm_mmu, kvm_vcpu, switches
from mmuproof.smt.terms import FALSE, bool_var, bv, eq, ne, var

_CREATES, _ENTRIES = "kvm_mmu_create", 4


class LiftedCreatedMmus(CreatedMmus, Remembers):
    """How a lifted tree makes them.

    Args:
        unit: ``mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def created(self) -> MmusCreated:
        """See `CreatedMmus.created`."""
        table = page_table("pae_root")
        page = Object(name="page", type=self._unit.record(host_kernel.PAGE), kind=ObjectKind.INPUT, by_pointer=True)
        got = choose(bool_var("there is no page"), NULL, pointer_to(page))
        given = {
            **dict.fromkeys(cuts.PAGE, got),
            **dict.fromkeys(cuts.ADDRESS, pointer_to(table)),
            cuts.LEVELS: var("levels of tables of two-dimensional paging", 32),
        }
        bench = Bench(self._unit, tuple(replace(cut, gives=given.get(cut)) for cut in cuts.CUTS))
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        mmus, tdp = Mmus(vcpu), bench.setting(switches.TDP_ENABLED)
        root = mmus.place(Part.ROOT_MMU, kvm_mmu.PAE_ROOT)
        # A vCPU begins with zeros.
        bench.memory.write(vcpu, root.offset, root.width, NULL)
        for place in (kvm_vcpu.NEW_TABLES_ZEROED, *self._fill(vcpu)):
            bench.write(vcpu, place, bv(0, bench.place(vcpu, place).width))
        done = eq(bench.integer(_CREATES), 0)
        at = as_pointer(bench.memory.read(vcpu, root.offset, root.width))
        return MmusCreated(
            tdp=tdp,
            done=done,
            walks=mmus.connected(bench.memory),
            roots=tuple(read_member(bench.memory, vcpu, place) for place in _roots(mmus)),
            zeroed=ne(bench.read(vcpu, kvm_vcpu.NEW_TABLES_ZEROED) & constant_of(self._unit, constants.GFP_ZERO), 0),
            fill=next((bench.read(vcpu, place) for place in self._fill(vcpu)), bv(0, 64)),
            has_table=FALSE if at is None else same_place(at, pointer_to(table)),
            entries=tuple(read(bench.memory, table, number * 64, 64) for number in range(_ENTRIES)),
            evidence=bench.session.evidence(),
        )

    @staticmethod
    def _fill(vcpu: Object) -> list[str]:
        """Where a vCPU keeps what new tables are filled with; before KVM knew #VE they were always zeroed."""
        assert isinstance(vcpu.type, RecordType)
        return [kvm_vcpu.NEW_TABLES_HOLD] if has_member(vcpu.type, [kvm_vcpu.NEW_TABLES_HOLD]) else []


def _roots(mmus: Mmus) -> Iterator[StructMember]:
    """Where the addresses of roots are."""
    for part in (Part.ROOT_MMU, Part.NESTED_MMU):
        whole = mmus.find(part)
        assert isinstance(whole.type, RecordType)
        names = [f"{root}.{kvm_mmu.HPA}" for root in ROOTS]
        if has_member(whole.type, [kvm_mmu.MIRROR_ROOT_HPA]):
            names.append(kvm_mmu.MIRROR_ROOT_HPA)
        yield from (place_of(mmus.vcpu, f"{part.value[0]}.{name}") for name in names)
