"""The calls of what makes huge pages of tables and that are not followed."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, map_rounds, range_rounds
from mmuproof.model.named import functions

START, NEXT = map_rounds.TDP_START, map_rounds.TDP_NEXT
CHILD = Cut(
    function=functions.SPTE_TO_CHILD_SP, reason="finds the page that an entry leads to; for which entry is looked at"
)
WAITS = Cut(function=functions.TDP_MMU_ITER_NEED_RESCHED, reason="whether somebody waits: any answer; reads only")
HUGE = Cut(
    function=functions.MAKE_HUGE_SPTE, reason="makes a huge SPTE, by spte.collapse: any; of which, and for which level"
)
MAKES: tuple[Cut, ...] = (*common.CUTS, START, NEXT, map_rounds.ROOT_BITS, CHILD, WAITS, HUGE)
"""For the search for a small page."""
FLUSH = Cut(
    function=functions.KVM_FLUSH_REMOTE_TLBS_MEMSLOT,
    reason="flushes all frames of a slot; whether it is called, and for which, is looked at",
)
UNLOCK = replace(common.RCU[1], reason="lets tables be freed that nothing leads to; when is looked at")
REPLACES: tuple[Cut, ...] = (
    FLUSH,
    UNLOCK,
    *(each for each in range_rounds.EACH if each.function not in (FLUSH.function, UNLOCK.function)),
)
"""For the walk that puts huge pages in place of tables."""
