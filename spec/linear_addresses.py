"""Linear addresses and process-context identifiers: what can be translated, and with what tag it is cached.

A processor tags what it caches of a translation with the PCID in use, unless the translation is global.
"""

from __future__ import annotations

from mmuproof.smt.terms import BitVec, Bool, bv, eq, extract, ite, sext

_FOUR_LEVELS, _FIVE_LEVELS = 48, 57
_PCID = 0xFFF


def canonical(address: BitVec, *, five_level: Bool) -> Bool:
    """Whether a linear address (64 bits) can be translated: its upper bits are copies of the highest that is.

    Args:
        address: the address.
        five_level: whether the tables have five levels (CR4.LA57), and linear addresses 57 bits.

    Source: SDM vol. 1, 3.3.7.1; APM vol. 2, 1.1.3.
    """
    wide, narrow = (eq(sext(extract(address, width - 1, 0), 64), address) for width in (_FIVE_LEVELS, _FOUR_LEVELS))
    return ite(five_level, wide, narrow)


def process_context(cr3: BitVec, *, has_pcid: Bool) -> BitVec:
    """The PCID (64 bits) under which translations of tables are cached.

    Args:
        cr3: what CR3 holds (64 bits).
        has_pcid: whether there are PCIDs (CR4.PCIDE).

    Source: SDM vol. 3, 5.10.1; APM vol. 2, 5.5.1.
    """
    return ite(has_pcid, cr3 & _PCID, bv(0, 64))
