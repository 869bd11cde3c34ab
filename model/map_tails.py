"""What is done to a fault around the loop that maps it: how the walk begins, what is mapped, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.smt.terms import Bool


@dataclass(frozen=True, kw_only=True)
class MapTail:
    """What a function that maps a page does before its loop, in it and behind it, besides what its rounds are for.

    Attributes:
        begins_elsewhere: the walk begins for another address than the fault's.
        another_page: the page is mapped from another frame of the host's, for another slot or at another entry
            than the fault and the walk have, or the choice of its frame and size is not the last word on them.
        strays: something else changes that decides about a guest's access: an SPTE, which page of SPTEs is for
            what, what a walk of the guest's tables has noted, a memory slot, or an MMU.
        answers_otherwise: the fault is answered otherwise than what maps the page says, or as if it had been
            mapped where nothing is.
        changed_after: the entry is changed again afterwards, or entries around another one are mapped ahead.
        refusal_unnoted: a table is put in place of a huge page that was refused, and does not say so, or says so of
            one that was not.
    """

    begins_elsewhere: Bool
    another_page: Bool
    strays: Bool
    answers_otherwise: Bool
    changed_after: Bool
    refusal_unnoted: Bool
