"""What a processor may go on using after an entry has changed: cached translations (SDM 31.4, APM 15.16 and 7.3).

A processor caches what entries say that are present, with their permissions and their frame, and need not look at an
entry again until it is told to (INVEPT, a flush of the guest's ASID).  An entry that is not present is not cached.
"""

from __future__ import annotations

from mmuproof.smt.terms import Bool, all_of, any_of, negate


def is_stale(*, cached: Bool, present: Bool, same_frame: Bool, lost_permission: Bool) -> Bool:
    """Whether a processor may allow through a cached translation what the entry no longer allows.

    Args:
        cached: the entry was present, so that there may be a translation.
        present: the entry is present now.
        same_frame: it leads to the same frame as before.
        lost_permission: the translation may allow what the entry does not allow any more.
    """
    return all_of(cached, any_of(negate(present), negate(same_frame), lost_permission))
