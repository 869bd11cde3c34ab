"""How large a lifted tree's pages may be where none faults: ``mmu.c``."""

from __future__ import annotations

from mmuproof.lift.machine.memory import NULL, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import huge_pages as cuts
from mmuproof.model.huge_pages import HUGEST
from mmuproof.model.lifted.calls_made import answered_last
from mmuproof.model.lifted.huge_pages import SlotDesk, allows, only_guest_memory
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.private_frames import frame_is_private
from mmuproof.model.named import functions, kvm_memory_slot, kvm_vm, switches
from mmuproof.model.unfaulted_levels import LevelUnfaulted, UnfaultedLevels
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, bv, eq, implies, ne, resize, var

_HAS_GUEST_MEMORY = 1 << 2
"""KVM_MEM_GUEST_MEMFD, by which userspace says that a slot has memory that can be private."""
_NO_LEVEL = 5
"""PG_LEVEL_NUM: no level is too high."""


class LiftedUnfaultedLevels(UnfaultedLevels, Remembers):
    """How large they may be in a lifted tree.

    Args:
        mmu: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, mmu: Unit, _spte: Unit) -> None:
        super().__init__()
        self._mmu = mmu

    @once
    def found(self) -> LevelUnfaulted:
        """See `UnfaultedLevels.found`."""
        desk, gfn = SlotDesk(self._mmu), var("gfn", 64)
        kvm = desk.add("kvm", kvm_vm.STRUCT)
        desk.slot.settled = kvm.settled = True
        host = desk.session.global_object(switches.MAX_HUGE_PAGE_LEVEL)
        desk.memory.write(host, 0, host.type.bits, bv(HUGEST, host.type.bits))
        level = desk.session.integer(
            desk.memory,
            functions.KVM_MMU_MAX_MAPPING_LEVEL,
            objects=desk.objects,
            values={"gfn": gfn, "max_level": bv(_NO_LEVEL, 32)},
            pointers={"fault": NULL},
        )
        (host_asked, host_level), (guest_asked, guest_level) = (
            answered_last(desk.session.calls(cut.function), 32) for cut in (cuts.HOST, cuts.GUEST_MEMORY)
        )
        asks = desk.session.calls(*(cut.function for cut in cuts.BACKING))
        return LevelUnfaulted(
            private=self._private(desk, gfn),
            only_guest_memory=only_guest_memory(self._mmu, desk),
            allowed=tuple(allows(desk, level, gfn, HUGEST) for level in range(2, HUGEST + 1)),
            host_asked=host_asked,
            host_level=host_level,
            guest_asked=guest_asked,
            guest_level=guest_level,
            of_frame=all_of(
                *(
                    implies(
                        call.guard,
                        all_of(
                            eq(desk.session.argument(call, "gfn"), gfn),
                            same_place(desk.session.pointer_argument(call, "slot"), pointer_to(desk.slot)),
                        ),
                    )
                    for call in asks
                )
            ),
            may_be_asked=self._mmu.has_function(cuts.GUEST_MEMORY.function),
            level=resize(level, 32),
            evidence=desk.session.evidence(),
        )

    def _private(self, desk: SlotDesk, gfn: BitVec) -> Bool:
        """Whether the frame is private memory; before guest memory there was none."""
        if not self._mmu.has_function(functions.KVM_MEM_IS_PRIVATE):
            return FALSE
        can_be = ne(desk.read(desk.slot, kvm_memory_slot.FLAGS) & _HAS_GUEST_MEMORY, 0)
        calls = desk.session.calls(functions.KVM_MEM_IS_PRIVATE)
        return all_of(can_be, frame_is_private(calls, desk.objects[kvm_vm.STRUCT], gfn))
