"""From an error code to what a handler of page faults is told, in a lifted tree."""

from __future__ import annotations

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import NULL, Pointer
from mmuproof.lift.machine.values import FunctionRef, Target
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.faults import CUTS, FIND_SLOT, HANDLERS
from mmuproof.model.faults import FaultHandedOn, Faults, FaultTold
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_field, member, read, read_member
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bool_var, bv, eq, ne, resize, to_bv, var, zext

_NAME, _ERROR_CODE = "kvm_mmu_do_page_fault", "err"
_ALIAS_BITS = "arch.gfn_direct_bits"


class LiftedFaults(Faults, Remembers):
    """The part of a lifted tree that tells handlers of page faults (``mmu.c``)."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def handed_on(self, *, tdp: bool) -> FaultHandedOn:
        """See `Faults.handed_on`."""
        bench, handler = Bench(self._unit, CUTS), HANDLERS[0 if tdp else 1].function
        vcpu, kvm = bench.add("vcpu", "struct kvm_vcpu"), bench.add("kvm", "struct kvm")
        bench.write(vcpu, "kvm", bench.objects["struct kvm"])
        mmus = Mmus(vcpu)
        mmus.connect(bench.memory, nested=False, l2=False)
        place, this = mmus.place(Part.ROOT_MMU, "page_fault"), FunctionRef(handler, known=True)
        bench.memory.write(vcpu, place.offset, place.width, Pointer((Target(guard=TRUE, function=this),)))
        direct = bit_field(mmus.place(Part.ROOT_MMU, "root_role"), "direct")
        addr, prefetch = var("addr", 64), bool_var("prefetch")
        error_code = zext(resize(var("error_code", 64), self._error_code_bits()), 64)
        mitigated = all_of(
            ne(bench.session.global_value(bench.memory, "nx_huge_pages"), 0),
            eq(bench.read(kvm, "arch.disable_nx_huge_pages"), 0),
        )
        bench.integer(
            _NAME, {"emulation_type": NULL, "level": NULL}, cr2_or_gpa=addr, err=error_code, prefetch=to_bv(prefetch, 8)
        )
        calls = bench.session.calls(handler)
        if not calls:
            raise Refused(f"{_NAME}() tells no handler")
        slots = bench.session.calls(*(cut.function for cut in FIND_SLOT))
        return FaultHandedOn(
            addr=addr,
            error_code=error_code,
            prefetch=prefetch,
            direct=ne(read_member(bench.memory, vcpu, direct), 0),
            alias_bits=self._alias_bits(bench),
            mitigated=mitigated,
            handed_on=bench.session.called(handler),
            told=_told(calls[0]),
            slot_gfn=bench.session.argument(slots[0], "gfn") if slots else bv(0, 64),
            looked_up=bench.session.called(*(cut.function for cut in FIND_SLOT)),
            evidence=bench.session.evidence(),
        )

    def _error_code_bits(self) -> int:
        """How much of an error code is handed on; in older kernels the lower half."""
        if not self._unit.has_function(_NAME):
            raise NotThere([f"{_NAME}()"])
        for each in self._unit.function(_NAME).parameters:
            if each.name == _ERROR_CODE:
                return each.type.bits
        raise NotThere([f"a parameter {_ERROR_CODE} of {_NAME}()"])

    def _alias_bits(self, bench: Bench) -> BitVec:
        """The bits of a GFN that choose between aliases; before TDX there were none."""
        if not self._unit.has_member("struct kvm_arch", "gfn_direct_bits"):
            return bv(0, 64)
        (target,) = bench.objects["struct kvm"].targets
        assert target.place is not None
        return bench.read(target.place.object, _ALIAS_BITS)


def _told(call: CallMade) -> FaultTold:
    """What a handler is told at a call."""
    fault = call.arguments[1]
    places = [each.place for each in fault.targets if each.place is not None] if isinstance(fault, Pointer) else []
    if len(places) != 1 or call.memory is None or not isinstance(places[0].object.type, RecordType):
        raise Refused(f"{call.function}() is told of no fault", str(call.at))
    memory, place, record = call.memory, places[0], places[0].object.type

    def value(name: str) -> BitVec:
        found = member(record, name)
        return read(memory, place.object, place.offset + found.offset, found.width)

    def flag(name: str) -> Bool:
        return ne(value(name), 0)

    def later(name: str) -> Bool:
        """A flag that older kernels lack."""
        try:
            return flag(name)
        except NotThere:
            return FALSE

    return FaultTold(
        addr=resize(value("addr"), 64),
        error_code=resize(value("error_code"), 64),
        gfn=value("gfn"),
        exec=flag("exec"),
        write=flag("write"),
        present=flag("present"),
        rsvd=flag("rsvd"),
        user=flag("user"),
        prefetch=flag("prefetch"),
        is_tdp=flag("is_tdp"),
        is_private=later("is_private"),
        nx_huge_page_workaround_enabled=flag("nx_huge_page_workaround_enabled"),
        huge_page_disallowed=flag("huge_page_disallowed"),
        map_writable=flag("map_writable"),
        write_fault_to_shadow_pgtable=later("write_fault_to_shadow_pgtable"),
        max_level=value("max_level"),
        req_level=value("req_level"),
        goal_level=value("goal_level"),
    )
