"""What a lifted tree does about pages whose tables the guest writes to: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import IntType
from mmuproof.lift.machine.findings import RoundMade
from mmuproof.lift.machine.memory import NULL, Memory, Object, ObjectKind, Pointer, choose, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import table_writes as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_answered_yes, is_called, is_given, is_nonzero, numbers_given
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.entry_bench import page_table
from mmuproof.model.lifted.listed_pages import PageListBench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import pointee, read
from mmuproof.model.lifted.variables import ENTRY, FLAG, NUMBER, variable_like
from mmuproof.model.named import constants, functions, kvm_mmu, kvm_vcpu, kvm_vm, page_role
from mmuproof.model.table_writes import EntryDropped, FrameUnprotected, ProtectedWritten, TableWrites, WriteFollowed
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bool_var, eq, iff, implies, ite, ne, negate, var

_FIRST, _SHIFT = 5, 12
_FOLLOWS = ("kvm_mmu_track_write", "kvm_mmu_pte_write")
_UNPROTECTS = (functions.INNER_KVM_MMU_UNPROTECT_GFN_AND_RETRY, functions.KVM_MMU_UNPROTECT_PAGE)
_PROTECTED = functions.KVM_MMU_WRITE_PROTECT_FAULT
_NONE = "no SPTE is for what is written"


class LiftedTableWrites(TableWrites, Remembers):
    """What a lifted tree does about writes to tables.

    Args:
        unit: ``mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def followed(self) -> WriteFollowed:
        """See `TableWrites.followed`."""
        function = self._unit.function(*_FOLLOWS).name
        table = page_table("SPTEs")
        entry = choose(bool_var(_NONE), NULL, pointer_to(table, _FIRST * 64))
        finds = replace(cuts.WRITTEN, gives=entry, stores=((2, "", var("how many SPTEs are written", 32)),))
        known = (finds, *(cut for cut in cuts.CUTS if cut is not cuts.WRITTEN))
        bench = PageListBench(self._unit, known, function)
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        bench.write(vcpu, kvm_vcpu.KVM, pointer_to(bench.kvm))
        gpa, tables = var("gpa", 64), ne(bench.read(bench.kvm, kvm_vm.INDIRECT_SHADOW_PAGES), 0)
        pointers = {"new": NULL, "node": NULL}
        values = {"gpa": gpa, "bytes": var("bytes", 32)}
        bench.session.call(bench.memory, function, objects=bench.objects, values=values, pointers=pointers)
        session, (inner, outer) = bench.session, bench.session.rounds(function, 2)
        page = pointer_to(bench.page_of(outer))
        judge, written = session.only_call(cuts.UNFIT.function), session.only_call(cuts.WRITTEN.function)
        told = session.argument
        right = [
            any_of(negate(call.guard), is_given(call, page))
            for call in session.calls(*(cut.function for cut in (cuts.UNFIT, cuts.FLOODS, cuts.WRITTEN)))
        ]
        flush = session.only_call(cuts.FLUSH.function)
        due = _flush_due(outer, outer.head)
        place = bench.place(vcpu, kvm_vcpu.KVM)
        at_head, vm = pointee(outer.head, vcpu, place).object, as_pointer(outer.head.read(vcpu, place.offset, 64))
        assert vm is not None
        listed = bench.listed(outer, gpa >> _SHIFT, at_head)
        return WriteFollowed(
            function=function,
            shadowed=tables,
            gpa=gpa,
            length=values["bytes"],
            pae=session.says(cuts.PAE.function),
            of_vm=negate(vm.is_null),
            looks=all_of(outer.begins, bench.looked_up(gpa >> _SHIFT)),
            page=listed,
            judged=all_of(judge.guard, *right, implies(written.guard, eq(told(written, "gpa"), told(judge, "gpa")))),
            judged_gpa=told(judge, "gpa"),
            judged_length=told(judge, "bytes"),
            unfit=any_of(is_nonzero(judge), *(is_nonzero(call) for call in session.calls(cuts.FLOODS.function))),
            gives_up=is_called(session.calls(cuts.GIVE_UP.function), page),
            none=bool_var(_NONE),
            entry=self._dropped(bench, inner, page, pointer_to(table, _FIRST * 64)),
            goes_on=outer.goes_on,
            due=due,
            flushed=all_of(flush.guard, iff(ne(told(flush, "remote_flush"), 0), due)),
            evidence=session.evidence(),
        )

    @once
    def unprotected(self) -> FrameUnprotected:
        """See `TableWrites.unprotected`."""
        function = self._unit.function(*_UNPROTECTS).name
        bench = PageListBench(self._unit, cuts.UNPROTECTING, function)
        vcpu, mmu = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("mmu", kvm_mmu.MMU)
        bench.write(vcpu, kvm_vcpu.KVM, pointer_to(bench.kvm))
        bench.write(vcpu, kvm_mmu.IN_USE, pointer_to(mmu))
        direct = ne(bench.flag(mmu, kvm_mmu.ROOT_ROLE, page_role.DIRECT), 0)
        asked, former = var("cr2_or_gpa", 64), "gfn" in self._unit.parameter_names(function)
        values = {"cr2_or_gpa": asked, "gfn": asked, "always_retry": var("always_retry", 8) & 1}
        answer = bench.session.integer(bench.memory, function, objects=bench.objects, values=values)
        session, made = bench.session, bench.session.round(function)
        page, found = pointer_to(bench.page_of(made)), var(f"{cuts.ADDRESS.function}()", 64)
        gfn = asked if former else ite(direct, asked, found) >> _SHIFT
        frees = session.only_call(cuts.COMMIT.function)
        return FrameUnprotected(
            function=function,
            begins=made.begins,
            of_frame=bench.looked_up(gfn),
            page=bench.listed(made, gfn),
            gives_up=is_called(session.calls(cuts.GIVE_UP.function), page),
            goes_on=made.goes_on,
            frees=frees.guard,
            answer=ne(answer, 0),
            evidence=session.evidence(),
        )

    @once
    def protected(self) -> ProtectedWritten | None:
        """See `TableWrites.protected`."""
        if self._unit.find_function(_PROTECTED) is None:
            return None
        bench = Bench(self._unit, cuts.PROTECTED)
        vcpu, mmu = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("mmu", kvm_mmu.MMU)
        bench.write(vcpu, kvm_mmu.IN_USE, pointer_to(mmu))
        direct = ne(bench.flag(mmu, kvm_mmu.ROOT_ROLE, page_role.DIRECT), 0)
        last = [bench.read(vcpu, name) for name in (kvm_vcpu.LAST_RETRY_EIP, kvm_vcpu.LAST_RETRY_ADDR)]
        address, code = var("cr2_or_gpa", 64), var("error_code", 64)
        kind = Object(name="emulation_type", type=IntType(32, True, "int"), kind=ObjectKind.INPUT, by_pointer=True)
        in_guest = ne(bench.integer(functions.IS_GUEST_MODE), 0)
        answer = bench.integer(_PROTECTED, {"emulation_type": pointer_to(kind)}, cr2_or_gpa=address, error_code=code)
        calls, unit = bench.session.calls, self._unit
        unprotects = calls(cuts.UNPROTECT.function)
        allows = constant_of(unit, constants.EMULTYPE_ALLOW_RETRY_PF)
        return ProtectedWritten(
            again=all_of(eq(last[0], var(f"{cuts.RIP.function}()", 64)), eq(last[1], address)),
            in_mmio=bench.session.says(cuts.IN_MMIO.function),
            direct=direct,
            error_code=code,
            reinjects=bench.session.says(cuts.REINJECTS.function),
            unprotects=any_of(*(all_of(call.guard, eq(numbers_given(call)[0], address)) for call in unprotects)),
            unprotected=is_answered_yes(unprotects),
            in_guest=in_guest,
            may_retry=ne((read(bench.memory, kind, 0, 32) ^ var("*emulation_type", 32)) & allows, 0),
            retries=eq(answer, constant_of(unit, constants.RET_PF_RETRY)),
            emulates=eq(answer, constant_of(unit, constants.RET_PF_EMULATE)),
            evidence=bench.session.evidence(),
        )

    def _dropped(self, bench: PageListBench, made: RoundMade, page: Pointer, first: Pointer) -> EntryDropped:
        drops = bench.session.calls(cuts.DROP.function)
        at, count = variable_like(made, ENTRY, "spte"), variable_like(made, NUMBER, "npte")
        pointer = as_pointer(made.head.read(at, 0, at.type.bits))
        entered = as_pointer(made.entered.read(at, 0, at.type.bits))
        assert pointer is not None
        assert entered is not None
        here = next(each.place for each in pointer.targets if each.place is not None)
        following = None if made.end is None else as_pointer(made.end.read(at, 0, at.type.bits))
        left, spte = read(made.head, count, 0, 32), read(made.head, here.object, here.offset, 64)
        own = (
            all_of(call.guard, is_given(call, page), same_place(bench.session.pointer_argument(call, "spte"), pointer))
            for call in drops
        )
        next_entry = FALSE
        if following is not None and made.end is not None:
            beyond = pointer_to(here.object, here.offset + 64)
            next_entry = all_of(same_place(following, beyond), eq(read(made.end, count, 0, 32), left - 1))
        return EntryDropped(
            begins=made.begins,
            from_first=all_of(
                same_place(entered, first), eq(read(made.entered, count, 0, 32), var("how many SPTEs are written", 32))
            ),
            there=negate(pointer.is_null),
            left=left,
            drops=any_of(*(call.guard for call in drops)),
            own_entry=any_of(*own),
            goes_on=made.goes_on,
            next_entry=next_entry,
            present=ne(spte & constant_of(self._unit, constants.SPTE_MMU_PRESENT_MASK), 0),
            due=_flush_due(made, made.head),
            due_after=FALSE if made.end is None else _flush_due(made, made.end),
        )


def _flush_due(made: RoundMade, memory: Memory) -> Bool:
    variable = variable_like(made, FLAG, "flush")
    return ne(read(memory, variable, 0, variable.type.bits), 0)
