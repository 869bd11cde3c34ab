"""Pages of SPTEs that the TDP MMU links: whether they have been set up for their place before."""

from __future__ import annotations

from collections.abc import Iterable

from mmuproof.lift.machine.findings import CallMade
from mmuproof.model.lifted.calls_made import is_given
from mmuproof.model.lifted.session import Session
from mmuproof.model.named import functions
from mmuproof.smt.terms import Bool, all_of, any_of, negate


def any_unprepared(session: Session, links: Iterable[CallMade]) -> Bool:
    """Whether a page is linked without ``tdp_mmu_init_child_sp()`` of it, for the walk that it is linked by.

    Args:
        session: the run.
        links: the calls that link a page, their parameters ``sp`` and ``iter``.
    """
    order, set_ups = list(session.machine.calls_made), session.calls(functions.TDP_MMU_INIT_CHILD_SP)
    ways = []
    for link in links:
        page, walk = (session.pointer_argument(link, name) for name in ("sp", "iter"))
        before = (each for each in set_ups if order.index(each) < order.index(link))
        prepared = any_of(*(all_of(each.guard, is_given(each, page), is_given(each, walk)) for each in before))
        ways.append(all_of(link.guard, negate(prepared)))
    return any_of(*ways)
