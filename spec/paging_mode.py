"""The paging mode that a processor is in, and which controls count in it (SDM 5.1, APM 5.1).

Not described: controls of shadow stacks, supervisor protection keys, linear-address masking and HLAT paging.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, bv, implies, ite, negate

CR0_WP_BIT, CR0_PG_BIT = 16, 31
CR4_PSE_BIT, CR4_PAE_BIT, CR4_LA57_BIT = 4, 5, 12
CR4_SMEP_BIT, CR4_SMAP_BIT, CR4_PKE_BIT = 20, 21, 22
EFER_LME_BIT, EFER_LMA_BIT, EFER_NXE_BIT = 8, 10, 11
REGISTER_WIDTH = 64
PDPTES_IN_PAGE = 0xFE0
"""The bits of CR3 that say where in its page PAE paging's PDPTEs begin: SDM Table 4-7, APM 5.2.3."""
PDPTE_BYTES, PDPTES_BYTES = 8, 32
"""How large one PDPTE is, and all four."""
LEVELS_WIDTH = 4


@dataclass(frozen=True)
class ControlRegisters:
    """The registers that choose the paging mode, 64 bits each."""

    cr0: BitVec
    cr4: BitVec
    efer: BitVec

    def possible(self) -> Bool:
        """Whether a processor can hold these values.

        IA-32e mode is active (EFER.LMA) only while paging is on, and paging can be turned on in it only with
        CR4.PAE, which cannot be cleared in it.  Source: SDM 5.1.1, 5.1.2.
        """
        return implies(bit(self.efer, EFER_LMA_BIT), all_of(bit(self.cr0, CR0_PG_BIT), bit(self.cr4, CR4_PAE_BIT)))

    def enabled_before_active(self) -> Bool:
        """Whether IA-32e mode is active only if it is enabled (EFER.LME).  Source: SDM 5.1.1, APM 14.6.1."""
        return implies(bit(self.efer, EFER_LMA_BIT), bit(self.efer, EFER_LME_BIT))


@dataclass(frozen=True, kw_only=True)
class PagingMode:
    """A paging mode, and the controls as they count in it: one that the mode does not know is false.

    Attributes:
        enabled: linear addresses are translated at all.
        ia32e: 4-level or 5-level paging.
        five_levels: 5-level paging.
        pae: PAE paging, three levels; in it, bits 62:52 of an entry have to be 0.
        two_levels: 32-bit paging, whose entries have four bytes; all others have eight.
        levels: how many levels of tables there are, 0 without paging (4 bits).
        four_mbyte_pages: an entry of 32-bit paging can map 4 MBytes; in all other modes large pages always exist.
        write_protect: a supervisor-mode write needs R/W.
        smep: a supervisor-mode fetch from a user-mode address is denied.
        smap: a supervisor-mode data access to a user-mode address is denied.
        execute_disable: XD counts; where it does not, an entry of eight bytes with XD is reserved.
        protection_keys: protection keys of user-mode addresses count.
        fetches_told: a page fault's error code says whether the access was a fetch.

    Source: SDM 5.1.1 (modes), 5.1.3 (controls), 5.7 (error code); APM 5.1.
    """

    enabled: Bool
    ia32e: Bool
    five_levels: Bool
    pae: Bool
    two_levels: Bool
    levels: BitVec
    four_mbyte_pages: Bool
    write_protect: Bool
    smep: Bool
    smap: Bool
    execute_disable: Bool
    protection_keys: Bool
    fetches_told: Bool


def paging_mode(registers: ControlRegisters) -> PagingMode:
    """The mode that the registers choose; they have to be possible."""
    enabled = bit(registers.cr0, CR0_PG_BIT)
    extended = bit(registers.cr4, CR4_PAE_BIT)
    long = bit(registers.efer, EFER_LMA_BIT)
    no_execute = bit(registers.efer, EFER_NXE_BIT)
    ia32e = all_of(enabled, long)
    five_levels = all_of(ia32e, bit(registers.cr4, CR4_LA57_BIT))
    pae = all_of(enabled, extended, negate(long))
    two_levels = all_of(enabled, negate(extended), negate(long))
    smep = all_of(enabled, bit(registers.cr4, CR4_SMEP_BIT))
    execute_disable = all_of(any_of(pae, ia32e), no_execute)

    def if_mode(mode: Bool, levels: int) -> BitVec:
        return ite(mode, bv(levels, LEVELS_WIDTH), bv(0, LEVELS_WIDTH))

    levels = if_mode(two_levels, 2) | if_mode(pae, 3) | if_mode(all_of(ia32e, negate(five_levels)), 4)
    return PagingMode(
        enabled=enabled,
        ia32e=ia32e,
        five_levels=five_levels,
        pae=pae,
        two_levels=two_levels,
        levels=levels | if_mode(five_levels, 5),
        four_mbyte_pages=all_of(two_levels, bit(registers.cr4, CR4_PSE_BIT)),
        write_protect=all_of(enabled, bit(registers.cr0, CR0_WP_BIT)),
        smep=smep,
        smap=all_of(enabled, bit(registers.cr4, CR4_SMAP_BIT)),
        execute_disable=execute_disable,
        protection_keys=all_of(ia32e, bit(registers.cr4, CR4_PKE_BIT)),
        fetches_told=any_of(smep, execute_disable),
    )
