"""Which entries of a guest's page tables translate a linear address (SDM 5.3 to 5.5, APM 5.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, negate
from mmuproof.spec.entry_layout import Control, EntryFormat
from mmuproof.spec.reserved import maps_page


def entries_used(
    entry_format: EntryFormat, entries: Sequence[BitVec], controls: Mapping[Control, Bool]
) -> tuple[Bool, ...]:
    """For each entry that a walk can read, whether it is one of those that translate the address.

    The walk is one that comes to its end: every entry used is present, and has no reserved bit.

    Args:
        entry_format: the paging mode.
        entries: from the root's table down to the PTE.  The PDPTEs of PAE paging, which grant no rights of their
            own, are left out.
        controls: whether each control is on that decides about large pages.

    Raises:
        ValueError: the format has no such levels.
        KeyError: ``controls`` lacks one that decides.
    """
    used: list[Bool] = []
    goes_on = TRUE
    for level, entry in zip(range(len(entries), 0, -1), entries, strict=True):
        used.append(goes_on)
        goes_on = all_of(goes_on, negate(maps_page(entry_format, entry, level, controls)))
    return tuple(used)
