"""The calls of making the tables above a PAE root that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common

ZEROED, PLAIN = (
    tuple(Cut(function=name, reason="a new page, or none; whether it is zeroed is looked at") for name in names)
    for names in (("get_zeroed_page", "get_zeroed_page_noprof"), ("__get_free_pages", "get_free_pages_noprof"))
)
GIVE_BACK = Cut(function="free_pages", reason="gives a page back; which is looked at")
CUTS: tuple[Cut, ...] = (*common.CUTS, *ZEROED, *PLAIN, GIVE_BACK)
