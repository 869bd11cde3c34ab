"""The calls of giving roots up that are not followed."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, roots
from mmuproof.model.named import functions
from mmuproof.smt.terms import bv

NO_ROOT = (1 << 64) - 1
RELEASE = replace(
    roots.FREE_ROOT,
    reason="gives up a root if it is one, by role.freed-root, and leaves none; which is looked at",
    stores=((1, "", bv(NO_ROOT, 64)),),
)
COMMIT = Cut(
    function=functions.KVM_MMU_COMMIT_ZAP_PAGE,
    reason="frees the pages on a list, by flush.freed; that it is called, and when, is looked at",
    elsewhere=("*",),
)
RELEASES: tuple[Cut, ...] = (RELEASE, COMMIT, *common.READ_LOCK)
