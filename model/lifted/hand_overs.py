"""What functions of a lifted tree hand on that do nothing else themselves: ``mmu.c``, ``tdp_mmu.c``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mmuproof.lift.c_types import IntType, PointerType
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import hand_overs as cuts
from mmuproof.model.fault_handlers import FaultHandler
from mmuproof.model.hand_overs import NESTED, HandedOn, HandOver, HandOvers
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, is_answered_yes, is_given, is_request, left_by
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.tdp_mmu_use import uses_tdp_mmu
from mmuproof.model.named import (
    constants,
    functions,
    guest_walker,
    host_kernel,
    kvm_memory_slot,
    kvm_mmu,
    kvm_mmu_page,
    kvm_page_fault,
    kvm_vcpu,
    kvm_vm,
    list_heads,
    vcpu_requests,
)
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    boolean,
    eq,
    iff,
    implies,
    ne,
    negate,
    resize,
    var,
)

_NOT_ALWAYS = frozenset({HandOver.CHANGED, HandOver.ENDS_FAULT, HandOver.GIVES_UP_ALL, HandOver.OF_TDP})
"""What some released kernels do in the functions around it, or do more in."""
_EXCEPTIONS = 32
"""The bits of the error code of a page fault that is an exception."""
_NO_ROOT = (1 << 64) - 1
"""What means that there is no root: INVALID_PAGE."""
_SPTE, _INSTRUCTION = IntType(64, False, "u64"), IntType(8, True, "char")


class LiftedHandOvers(HandOvers, Remembers):
    """What a lifted tree hands on.

    Args:
        mmu: ``mmu.c``.
        tdp: ``tdp_mmu.c``.
        x86: ``x86.c``.
    """

    def __init__(self, mmu: Unit, tdp: Unit, x86: Unit) -> None:
        super().__init__()
        self._mmu = mmu
        self._others = {HandOver.CHANGED: tdp, HandOver.WRITES: x86}

    @once
    def handed_on(self, by: HandOver) -> tuple[HandedOn, ...]:
        """See `HandOvers.handed_on`."""
        unit = self._others.get(by, self._mmu)
        takers = [cut.function for cut in cuts.TAKERS[by]]
        if by in _NOT_ALWAYS and not all(map(unit.has_function, (by.value, *takers))):
            return ()
        ways = NESTED.get(by, (False,))
        return tuple(_HANDED[by](_HandOverDesk(unit, by, nested), taker) for taker in takers for nested in ways)


class _HandOverDesk(Bench):
    """A bench with a VM, a vCPU of it, and a page of SPTEs, on which a function hands something on."""

    def __init__(self, unit: Unit, by: HandOver, nested: bool) -> None:
        super().__init__(unit, cuts.cuts_of(by))
        self.name, self.nested = by.value, nested
        self.vcpu, self.kvm = self.add("vcpu", kvm_vcpu.STRUCT), self.add("kvm", kvm_vm.STRUCT)
        self.write(self.vcpu, kvm_vcpu.KVM, pointer_to(self.kvm))
        # Who calls holds what nobody else may change meanwhile.
        self.vcpu.settled = self.kvm.settled = True
        if by is not HandOver.WRITES:
            # Outside of the MMU nobody knows its pages.
            self.page = self.add("sp", kvm_mmu_page.STRUCT)
            self.page.settled = True
        self.spte = Object(name="sptep", type=_SPTE, kind=ObjectKind.INPUT, by_pointer=True)

    def handed(
        self,
        taker: str,
        objects: Mapping[str, Object],
        numbers: Mapping[str, BitVec],
        *,
        when: Bool = TRUE,
        answers: Callable[[CallMade], Bool] = lambda _: TRUE,
        others: Callable[[CallMade], Mapping[str, Bool]] = lambda _: MappingProxyType({}),
    ) -> HandedOn:
        """What has been handed on to a function.

        Args:
            taker: the function.
            objects: what it has to be given by pointer, by what that is.
            numbers: what it has to be given for its parameters.
            when: it has to be called.
            answers: whether its answer is given back.
            others: what else it has to be given.
        """
        calls = self.session.calls(taker)

        def right(call: CallMade, name: str, value: BitVec) -> Bool:
            given = self.session.argument(call, name)
            return eq(given, resize(value, given.width))

        given = dict.fromkeys((*objects, *numbers), TRUE)
        for call in calls:
            found = {name: is_given(call, pointer_to(each)) for name, each in objects.items()}
            found |= {name: right(call, name, value) for name, value in numbers.items()}
            for name, each in (*found.items(), *others(call).items()):
                given[name] = all_of(given.get(name, TRUE), implies(call.guard, each))
        return HandedOn(
            to=taker,
            nested=self.nested,
            when=when,
            made=any_of(*(call.guard for call in calls)),
            given=MappingProxyType(given),
            answers=all_of(*(implies(call.guard, answers(call)) for call in calls)),
            evidence=self.session.evidence(),
        )


def _notes_mapping(desk: _HandOverDesk, taker: str) -> HandedOn:
    slot, gfn, access = desk.add("slot", kvm_memory_slot.STRUCT), var("gfn", 64), var("access", 32)
    desk.session.call(
        desk.memory,
        desk.name,
        objects=desk.objects,
        values={"gfn": gfn, "access": access},
        pointers={"spte": pointer_to(desk.spte)},
    )
    objects = {"the VM": desk.kvm, "the slot": slot, "the SPTE": desk.spte}
    return desk.handed(taker, objects, {"gfn": gfn, "access": access}, others=lambda call: _own_memory(desk, call))


def _own_memory(desk: _HandOverDesk, call: CallMade) -> Mapping[str, Bool]:
    """Whether what lists are made of is taken from the vCPU's memory for that."""
    place = desk.place(desk.vcpu, kvm_vcpu.LIST_MEMORY)
    return {"the memory for lists": is_given(call, pointer_to(desk.vcpu, place.offset))}


def _links(desk: _HandOverDesk, taker: str) -> HandedOn:
    desk.session.call(
        desk.memory, desk.name, objects=desk.objects, values={}, pointers={"sptep": pointer_to(desk.spte)}
    )
    objects = {"the VM": desk.kvm, "the SPTE": desk.spte, "the page": desk.page}

    def others(call: CallMade) -> Mapping[str, Bool]:
        return {**_own_memory(desk, call), "flush": ne(desk.session.argument(call, "flush"), 0)}

    return desk.handed(taker, objects, {}, others=others)


def _sets_access(desk: _HandOverDesk, taker: str) -> HandedOn:
    index, access = var("index", 32), var("access", 32)
    desk.call(desk.name, index=index, access=access)
    frames = desk.session.calls(cuts.FRAME.function)

    def others(call: CallMade) -> Mapping[str, Bool]:
        right = (
            all_of(
                each.guard,
                is_given(each, pointer_to(desk.page)),
                eq(desk.session.argument(each, "index"), index),
                eq(desk.session.argument(call, "gfn"), answer_of(each, 64)),
            )
            for each in frames
        )
        return {"gfn": any_of(*right)}

    return desk.handed(taker, {"the page": desk.page}, {"index": index, "access": access}, others=others)


def _changed(desk: _HandOverDesk, taker: str) -> HandedOn:
    numbers = {
        "gfn": var("gfn", 64),
        "old_spte": var("old_spte", 64),
        "new_spte": var("new_spte", 64),
        "level": var("level", 32),
        "shared": var("shared", 8) & 1,
    }
    spaces = {"as_id": var("as_id", 32)}
    desk.call(desk.name, **numbers, **spaces)
    # A page tells of which address space it is; before it was told, the space was.
    of_space = "as_id" in desk.unit.parameter_names(taker)
    pages = {} if of_space else {"the page": desk.page}
    return desk.handed(taker, {"the VM": desk.kvm, **pages}, {**numbers, **(spaces if of_space else {})})


def _gives_up(desk: _HandOverDesk, taker: str) -> HandedOn:
    queue = desk.add("invalid_list", list_heads.LIST)
    answer = desk.integer(desk.name)

    def counted(call: CallMade) -> Bool:
        return iff(ne(answer, 0), ne(left_by(call, cuts.TAKERS[HandOver.GIVES_UP][0], 32), 0))

    objects = {"the VM": desk.kvm, "the page": desk.page, "the list of pages to free": queue}
    return desk.handed(taker, objects, {}, answers=counted)


def _walks(desk: _HandOverDesk, taker: str) -> HandedOn:
    # Each format has a struct of its own, and no function but the walk is given one.
    (struct,) = (
        each.type.target.name
        for each in desk.unit.function(desk.name).parameters
        if isinstance(each.type, PointerType) and each.type.target.name.startswith(guest_walker.STRUCT)
    )
    walker, addr, access = desk.add("walker", struct), var("addr", 64), var("access", 64)
    mmus = Mmus(desk.vcpu)
    mmus.connect(desk.memory, nested=desk.nested, l2=desk.nested)
    answer = desk.integer(desk.name, addr=addr, access=access)
    part = mmus.find(Part.NESTED_WALK if desk.nested else Part.GUEST_WALK)

    def others(call: CallMade) -> Mapping[str, Bool]:
        return {"the tables in use": is_given(call, pointer_to(desk.vcpu, part.offset))}

    return desk.handed(
        taker,
        {"the walk": walker, "the vCPU": desk.vcpu},
        {"addr": addr, "access": access},
        answers=lambda call: eq(answer, answer_of(call, 32)),
        others=others,
    )


def _intercepted(desk: _HandOverDesk, taker: str) -> HandedOn:
    error_code, address, length = var("error_code", 64), var("fault_address", 64), var("insn_len", 32)
    instruction = Object(name="insn", type=_INSTRUCTION, kind=ObjectKind.INPUT, by_pointer=True)
    of_host = desk.read(desk.vcpu, kvm_vcpu.HOST_APF_FLAGS)
    answer = desk.integer(
        desk.name, {"insn": pointer_to(instruction)}, error_code=error_code, fault_address=address, insn_len=length
    )
    numbers = {"cr2_or_gpa": address, "insn_len": length}
    # No exception's error code is wider.
    fits = eq(error_code >> _EXCEPTIONS, 0)

    def others(call: CallMade) -> Mapping[str, Bool]:
        return {"error_code": implies(fits, eq(desk.session.argument(call, "error_code"), error_code))}

    return desk.handed(
        taker,
        {"the vCPU": desk.vcpu, "the instruction": instruction},
        numbers,
        others=others,
        when=eq(of_host, 0),
        answers=lambda call: eq(answer, answer_of(call, 32)),
    )


def _of_tdp(desk: _HandOverDesk, taker: str) -> HandedOn:
    fault = desk.add("fault", kvm_page_fault.STRUCT)
    fault.settled = True
    of_tdp_mmu = uses_tdp_mmu(desk, desk.kvm)
    answer = desk.integer(desk.name)
    return desk.handed(
        taker,
        {"the vCPU": desk.vcpu, "the fault": fault},
        {},
        when=iff(of_tdp_mmu, TRUE if taker == FaultHandler.TDP_MMU.value else FALSE),
        answers=lambda call: eq(answer, answer_of(call, 32)),
    )


def _reloads(desk: _HandOverDesk, taker: str) -> HandedOn:
    Mmus(desk.vcpu).connect(desk.memory, nested=False, l2=False)
    desk.vcpu.settled = False
    answer = desk.integer(desk.name)
    loads, asked = desk.session.calls(functions.KVM_MMU_LOAD), desk.session.calls(cuts.REQUESTED.function)
    if taker != functions.KVM_MMU_LOAD:
        obsolete = (
            all_of(is_answered_yes([call]), is_request(call, vcpu_requests.MMU_FREE_OBSOLETE_ROOTS)) for call in asked
        )
        return desk.handed(taker, {"the vCPU": desk.vcpu}, {}, when=any_of(*obsolete))
    root = f"{kvm_mmu.ROOT_MMU}.{kvm_mmu.ROOT_HPA}"
    without = (eq(desk.read(desk.vcpu, root, call.memory), _NO_ROOT) for call in loads)
    # Who loads nothing at all would have to.
    return desk.handed(
        taker,
        {"the vCPU": desk.vcpu},
        {},
        when=any_of(*without) if loads else TRUE,
        answers=lambda call: eq(answer, answer_of(call, 32)),
    )


def _writes(desk: _HandOverDesk, taker: str) -> HandedOn:
    gpa, size = var("gpa", 64), var("bytes", 32)
    written = Object(name="val", type=_INSTRUCTION, kind=ObjectKind.INPUT, by_pointer=True)
    # Up to 7.2 it is part of the interface to other files.
    name = desk.unit.function(desk.name, functions.EMULATOR_WRITE_PHYS).name
    desk.integer(name, {"val": pointer_to(written)}, gpa=gpa, bytes=size)
    made, writes = desk.session.machine.calls_made, desk.session.calls(cuts.WRITTEN.function)
    done = any_of(*(all_of(call.guard, negate(bit(answer_of(call, 32), 31))) for call in writes))

    def others(call: CallMade) -> Mapping[str, Bool]:
        return {"afterwards": boolean(all(made.index(each) < made.index(call) for each in writes))}

    objects, numbers = {"the vCPU": desk.vcpu, "what is written": written}, {"gpa": gpa, "bytes": size}
    return desk.handed(taker, objects, numbers, when=done, others=others)


def _ends_fault(desk: _HandOverDesk, taker: str) -> HandedOn:
    fault, result = desk.add("fault", kvm_page_fault.STRUCT), var("r", 32)
    fault.settled = True
    page = desk.add("page", host_kernel.PAGE)
    desk.write(fault, kvm_page_fault.REFCOUNTED_PAGE, pointer_to(page))
    writable = ne(desk.read(fault, kvm_page_fault.MAP_WRITABLE), 0)
    desk.call(desk.name, r=result)
    unused = eq(result, constant_of(desk.unit, constants.RET_PF_RETRY))

    def others(call: CallMade) -> Mapping[str, Bool]:
        return {
            "unused": iff(ne(desk.session.argument(call, "unused"), 0), unused),
            "dirty": iff(ne(desk.session.argument(call, "dirty"), 0), writable),
        }

    return desk.handed(taker, {"the VM": desk.kvm, "the page": page}, {}, others=others)


def _gives_up_all(desk: _HandOverDesk, taker: str) -> HandedOn:
    desk.call(desk.name)
    return desk.handed(taker, {"the VM": desk.kvm}, {})


_HANDED: Mapping[HandOver, Callable[[_HandOverDesk, str], HandedOn]] = MappingProxyType(
    {
        HandOver.NOTES_MAPPING: _notes_mapping,
        HandOver.LINKS: _links,
        HandOver.SETS_ACCESS: _sets_access,
        HandOver.CHANGED: _changed,
        HandOver.GIVES_UP: _gives_up,
        HandOver.WALKS_64: _walks,
        HandOver.WALKS_32: _walks,
        HandOver.WALKS_EPT: _walks,
        HandOver.INTERCEPTED: _intercepted,
        HandOver.OF_TDP: _of_tdp,
        HandOver.RELOADS: _reloads,
        HandOver.WRITES: _writes,
        HandOver.ENDS_FAULT: _ends_fault,
        HandOver.GIVES_UP_ALL: _gives_up_all,
    }
)
