"""Of whom a lifted tree asks a fault's frame: ``mmu.c``."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Pointer, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import frame_searches as cuts
from mmuproof.model.frame_searches import FrameSearches, GuestMemoryAsked, HostAsked
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_given, is_nonzero, left_at
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import constants, functions, kvm_memory_slot, kvm_page_fault, kvm_vcpu
from mmuproof.smt.terms import Bool, all_of, any_of, bit, eq, ne, negate

_ASKS, _OF_GUEST = functions.INNER_KVM_MMU_FAULTIN_PFN, functions.KVM_MMU_FAULTIN_PFN_GMEM
_PFN, _PAGE, _WRITABLE, _LEVEL = (
    kvm_page_fault.PFN,
    kvm_page_fault.REFCOUNTED_PAGE,
    kvm_page_fault.MAP_WRITABLE,
    kvm_page_fault.MAX_LEVEL,
)
"""What a fault keeps of the frame that is found."""
_ORDER_GOES_TO = 5
"""The argument behind which guest memory tells how large a page it has."""
_WRITE, _READONLY = 0, 1
"""The bit that asks for a page that can be written, FOLL_WRITE, and that of KVM_MEM_READONLY."""
_WAIT = (0x7FF << 52) + 4
"""What stands for a frame that has to be read in first."""


class _FaultDesk(Bench):
    """A bench with a vCPU, a fault of it, and the slot of the fault's frame."""

    def __init__(self, unit: Unit, known: tuple[Cut, ...]) -> None:
        super().__init__(unit, known)
        self.vcpu, self.fault = self.add("vcpu", kvm_vcpu.STRUCT), self.add("fault", kvm_page_fault.STRUCT)
        self.slot = self.add("slot", kvm_memory_slot.STRUCT)
        self.write(self.fault, kvm_page_fault.SLOT, pointer_to(self.slot))
        self.gfn = self.read(self.fault, kvm_page_fault.GFN)
        self.goes_on = constant_of(unit, constants.RET_PF_CONTINUE)

    def noted(self, name: str) -> Bool:
        """Whether something is noted in the fault."""
        return ne(self.read(self.fault, name), 0)

    def is_right(self, call: CallMade, *kept: tuple[int, str]) -> Bool:
        """Whether a call is for the fault's slot and frame, and what it answers is kept in these members of it."""
        right = [eq(self.session.argument(call, "gfn"), self.gfn), is_given(call, pointer_to(self.slot))]
        for number, name in kept:
            place = call.arguments[number]
            assert isinstance(place, Pointer)
            right.append(same_place(place, pointer_to(self.fault, self.place(self.fault, name).offset)))
        return all_of(*right)


class LiftedFrameSearches(FrameSearches, Remembers):
    """The search of a lifted tree.

    Args:
        unit: ``mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def asked(self) -> HostAsked:
        """See `FrameSearches.asked`."""
        desk = _FaultDesk(self._unit, cuts.ASKS)
        writes = desk.noted(kvm_page_fault.WRITE)
        answer, session = desk.integer(_ASKS), desk.session
        hosts = session.calls(cuts.HOST.function)
        asks_write = [(call, bit(session.argument(call, "foll", "flags"), _WRITE)) for call in hosts]
        kept = ((3, _WRITABLE), (4, _PAGE))
        return HostAsked(
            is_private=desk.noted(kvm_page_fault.IS_PRIVATE),
            only_guest=session.says(cuts.ONLY_GUEST.function),
            writes=writes,
            host=any_of(*(call.guard for call in hosts)),
            for_write=any_of(*(all_of(call.guard, write) for call, write in asks_write)),
            for_read=any_of(*(all_of(call.guard, negate(write)) for call, write in asks_write)),
            elsewhere=any_of(*(all_of(call.guard, negate(desk.is_right(call, *kept))) for call in hosts)),
            guest=session.called(cuts.GUEST.function),
            goes_on=eq(answer, desk.goes_on),
            waits=all_of(negate(session.called(cuts.GUEST.function)), eq(desk.read(desk.fault, _PFN), _WAIT)),
            evidence=session.evidence(),
        )

    @once
    def of_guest_memory(self) -> GuestMemoryAsked:
        """See `FrameSearches.of_guest_memory`."""
        desk = _FaultDesk(self._unit, cuts.GUEST_MEMORY)
        answer, session = desk.integer(_OF_GUEST), desk.session
        call = session.only_call(cuts.GET.function)
        return GuestMemoryAsked(
            has_memory=session.says(cuts.HAS_MEMORY.function),
            asked=all_of(call.guard, desk.is_right(call, (3, _PFN), (4, _PAGE))),
            fails=is_nonzero(call),
            readonly=bit(desk.read(desk.slot, kvm_memory_slot.FLAGS), _READONLY),
            order=left_at(call, _ORDER_GOES_TO, 32),
            level=desk.read(desk.fault, _LEVEL),
            writable=desk.noted(_WRITABLE),
            told=session.called(cuts.TELL.function),
            goes_on=eq(answer, desk.goes_on),
            evidence=session.evidence(),
        )
