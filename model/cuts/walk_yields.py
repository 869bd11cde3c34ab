"""The calls that letting others in makes and that are not followed."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

FLUSH = Cut(
    function=functions.KVM_FLUSH_REMOTE_TLBS, reason="flushes all; whether it is called, and when, is looked at"
)
LEAVE = replace(common.RCU[1], reason="lets tables be freed that nothing leads to; when is looked at")
LET_IN = tuple(
    Cut(function=name, reason="gives the lock up for a while; when is looked at")
    for name in ("__cond_resched_rwlock_read", functions.INNER_COND_RESCHED_RWLOCK_WRITE)
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    FLUSH,
    LEAVE,
    common.RCU[0],
    *LET_IN,
    *common.each("whether somebody waits: any answer", functions.NEED_RESCHED, functions.RWLOCK_NEEDBREAK),
)
