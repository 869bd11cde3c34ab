"""The call on the way to a root's page that is not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

PAGE = Cut(
    function=functions.TO_SHADOW_PAGE,
    reason="the page of SPTEs that is at an address, by what its frame notes; of which is looked at",
)
CUTS: tuple[Cut, ...] = (*common.CUTS, PAGE)
