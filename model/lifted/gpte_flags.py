"""Flags that a lifted tree sets in a guest's entries: ``paging_tmpl.h``."""

from __future__ import annotations

from mmuproof.lift.c_types import IntType, PointerType
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import gpte_flags as cuts
from mmuproof.model.gpte_flags import EntryFlagged, GpteFlags, WalkFlagged
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_nonzero, numbers_given
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_field, read, read_member
from mmuproof.model.named import guest_walker, kvm_mmu, kvm_vcpu, page_role
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bv, eq, ite, ne, resize, var

_BITS = 64


class _EntriesDesk(Bench):
    """A bench with a walk that has read an entry a level.

    Args:
        unit: the code.
        function: what sets flags in them.
        gpte_format: their format.
        levels: those of the entries.
    """

    def __init__(self, unit: Unit, function: str, gpte_format: GpteFormat, levels: range) -> None:
        super().__init__(unit, cuts.CUTS)
        nested = gpte_format is GpteFormat.EPT
        vcpu = self.add("vcpu", kvm_vcpu.STRUCT)
        mmus, part = Mmus(vcpu), Part.NESTED_WALK if nested else Part.GUEST_WALK
        mmus.connect(self.memory, nested=nested, l2=nested)
        walked = mmus.find(part)
        self.objects[walked.type.name] = pointer_to(vcpu, walked.offset)
        flags = bit_field(mmus.place(part, kvm_mmu.CPU_ROLE), page_role.AD_DISABLED)
        self.has_flags = eq(read_member(self.memory, vcpu, flags), 0) if nested else TRUE
        walker = next(
            type_.target.name
            for type_ in (each.type for each in unit.function(function).parameters)
            if isinstance(type_, PointerType) and type_.target.name.startswith(guest_walker.STRUCT)
        )
        self.walker = self.add("walker", walker)
        self.bits = 32 if gpte_format is GpteFormat.PAGING32 else _BITS
        entry = IntType(self.bits, False, f"u{self.bits}")
        self.entries = {
            level: Object(name=f"entry of level {level}", type=entry, kind=ObjectKind.INPUT, by_pointer=True)
            for level in levels
        }
        self.write(self.walker, guest_walker.MAX_LEVEL, bv(levels[0], 32))
        self.write(self.walker, guest_walker.LEVEL, bv(levels[-1], 32))
        for level, made in self.entries.items():
            place = self.place(self.walker, guest_walker.PTEP_USER)
            self.memory.write(self.walker, place.offset + (level - 1) * _BITS, _BITS, pointer_to(made))

    def of_level(self, name: str, level: int, bits: int) -> BitVec:
        """What a walk knows of a level, in one of its arrays."""
        return read(self.memory, self.walker, self.place(self.walker, name).offset + (level - 1) * bits, bits)


class LiftedGpteFlags(GpteFlags, Remembers):
    """What a lifted tree does to a guest's entries.

    Args:
        unit: ``mmu.c``, which has ``paging_tmpl.h`` for each format.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def set_in(self, gpte_format: GpteFormat, top: int, last: int) -> WalkFlagged:
        """See `GpteFlags.set_in`."""
        function = f"{gpte_format.value}_update_accessed_dirty_bits"
        levels = range(top, last - 1, -1)
        desk = _EntriesDesk(self._unit, function, gpte_format, levels)
        before = {
            level: (
                resize(desk.of_level(guest_walker.PTES, level, desk.bits), _BITS),
                ne(desk.of_level(guest_walker.PTE_WRITABLE, level, 8), 0),
                desk.of_level(guest_walker.TABLE_GFN, level, _BITS),
            )
            for level in levels
        }
        write_fault, addr = var("write_fault", 32), var("addr", 64)
        answer = desk.integer(function, addr=addr, write_fault=write_fault)
        logs = desk.session.calls(*(cut.function for cut in cuts.LOG))
        exchanges, marks = desk.session.calls(cuts.EXCHANGE.function), desk.session.calls(cuts.MARK_DIRTY.function)
        told = desk.session.argument
        done: list[EntryFlagged] = []
        for level in levels:
            entry, writable, gfn = before[level]
            own = [
                call
                for call in exchanges
                if same_place(desk.session.pointer_argument(call, "at"), pointer_to(desk.entries[level])) is TRUE
            ]
            against, written = bv(0, _BITS), bv(0, _BITS)
            for call in own:
                against, written = (
                    ite(call.guard, told(call, name), former) for name, former in (("old", against), ("new", written))
                )
            done.append(
                EntryFlagged(
                    level=level,
                    entry=entry,
                    writable=writable,
                    exchanges=any_of(*(call.guard for call in own)),
                    own_entry=all_of(*(eq(told(call, "size"), desk.bits // 8) for call in own)),
                    against=against,
                    written=written,
                    lost=any_of(*(all_of(call.guard, is_nonzero(call)) for call in own)),
                    dirty=any_of(*(call.guard for call in marks if eq(told(call, "gfn"), gfn) is TRUE)),
                    noted=resize(desk.of_level(guest_walker.PTES, level, desk.bits), _BITS),
                )
            )
            exchanges = tuple(call for call in exchanges if call not in own)
        return WalkFlagged(
            gpte_format=gpte_format,
            has_flags=desk.has_flags,
            writes=ne(write_fault, 0),
            logs=any_of(*(all_of(call.guard, _tells(call, addr)) for call in logs)),
            log_fails=any_of(*(all_of(call.guard, is_nonzero(call)) for call in logs)),
            levels=tuple(done),
            strays=any_of(*(call.guard for call in exchanges)),
            answer=answer,
            evidence=desk.session.evidence(),
        )


def _tells(call: CallMade, addr: BitVec) -> Bool:
    """Whether a call tells of an address."""
    return any_of(*(eq(each, addr) for each in numbers_given(call)))
