"""The calls of noting where pages out of sync are that are not followed."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.cuts.child_syncs import FORGET
from mmuproof.model.cuts.reverse_maps import FIRST, NEXT
from mmuproof.model.named import functions, kvm_mmu_page

SET_BIT = Cut(
    function=functions.ARCH_TEST_AND_SET_BIT,
    reason="sets a bit of a bitmap, and says whether it was set: any answer; inline assembly; which is looked at",
    writes=((1, "*"),),
)
CLEAR_BIT = Cut(
    function="arch___clear_bit",
    reason="clears a bit of a bitmap; inline assembly; which is looked at",
    writes=((1, "*"),),
)
TELL = Cut(
    function=functions.KVM_MMU_MARK_PARENTS_UNSYNC,
    reason="notes a page above it, by walk.noted-children; of which is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
NOTE = Cut(
    function=functions.MARK_UNSYNC,
    reason="notes an entry, by walk.noted-children; which is looked at",
    elsewhere=("*", "argument 0", kvm_mmu_page.STRUCT),
)
TAKE_BACK = replace(
    FORGET,
    reason="takes one entry off those that are noted, by walk.noted-children; which is looked at",
    writes=((0, kvm_mmu_page.UNSYNC_CHILDREN), (0, kvm_mmu_page.UNSYNC_CHILD_BITMAP)),
    elsewhere=(),
)
NOTES: tuple[Cut, ...] = (*common.CUTS, SET_BIT, TELL)
TELLS: tuple[Cut, ...] = (*common.CUTS, FIRST, NEXT, NOTE)
TAKES_BACK: tuple[Cut, ...] = (*common.CUTS, CLEAR_BIT)
TAKES_BACK_ABOVE: tuple[Cut, ...] = (*common.CUTS, TAKE_BACK)
