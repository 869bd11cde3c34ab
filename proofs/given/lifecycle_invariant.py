"""What every SPTE that KVM can hold looks like: the invariant of `lifecycle.*`.

An entry of KVM's page tables is not present, frozen, MMIO, or a present SPTE.  Of a present one KVM counts on
the conjuncts below.  They are as few as the induction, and the theorems that rest on it, allow: see
``tests/proofs/test_lifecycle.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.spte_changes import SpteAt
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.hardware_spte import FORMATS, executable, saved_slots, with_saved
from mmuproof.proofs.given.held_spte import use_is_known
from mmuproof.proofs.given.relations import has
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bool_var, eq, iff, implies, ite, ne, negate, ule, var
from mmuproof.spec.entry_layout import Control, EntryShape
from mmuproof.spec.memory_encryption import physical_address_width, without_c_bit
from mmuproof.spec.reserved import reserved_mask

_READ = 1 << 0
_WRITE = 1 << 1
_PAGE_SIZE = 1 << 7
_SUPPRESS_VE = 1 << 63
_HIGHEST_LEVEL = 5
HIGHEST_PAGE = 3
"""The level of the largest page, of 1 GByte."""

_EVERYWHERE = ("kind", "writable", "mmu-writable", "ad-type", "reserved", "nx-huge")

# KVM maps a huge page only where the hardware can, and its own tables always have NX where the format has it.
_CONTROLS: Mapping[Control, Bool] = {Control.PAGES_2M: TRUE, Control.PAGES_1G: TRUE, Control.NO_EXECUTE: TRUE}


@dataclass(frozen=True)
class HeldEntry:
    """A value of 64 bits in a page table of KVM's, and what the table's role says.

    Args:
        spte: the value.
        level: of the page table, 4 bits.
        ad_disabled: ``role.ad_disabled``.
    """

    spte: BitVec
    level: BitVec
    ad_disabled: Bool

    @property
    def at(self) -> SpteAt:
        """The value and its level."""
        return SpteAt(self.spte, self.level)

    @property
    def leaf(self) -> Bool:
        """Whether it maps a page if it is present: ``is_last_spte()``."""
        return any_of(eq(self.level, 1), has(self.spte, _PAGE_SIZE))

    @property
    def huge(self) -> Bool:
        """Whether it maps a huge page if it is present."""
        return all_of(self.leaf, ne(self.level, 1))


def any_entry(level: BitVec | None = None) -> HeldEntry:
    """Any entry of any page table, of a level if that is known."""
    return HeldEntry(var("spte", 64), level or var("sp->role.level", 4), bool_var("sp->role.ad_disabled"))


def possible(masks: ShadowMasks, entry: HeldEntry) -> tuple[Assumption, ...]:
    """What holds of the page tables themselves."""
    level = Assumption(
        "sp->role.level is 1 to 5, and no page is larger than 1 GByte",
        all_of(
            ne(entry.level, 0),
            ule(entry.level, _HIGHEST_LEVEL),
            any_of(ule(entry.level, HIGHEST_PAGE), negate(entry.leaf)),
        ),
    )
    if masks.vendor is Vendor.INTEL:
        without = Assumption(
            "a host without A/D bits has no tables with: role.root-tdp, and gating.ept-capabilities for L1's",
            any_of(masks.host.has_ad_bits, entry.ad_disabled),
        )
        return level, without
    return level, Assumption("only EPT can be without A/D bits: sp->role.ad_disabled is 0", ~entry.ad_disabled)


@dataclass(frozen=True)
class Conjunct:
    """One property of an entry.

    Args:
        name: what a refutation calls it.
        says: what is wrong where it does not hold, after "... that".
        holds: the property.
    """

    name: str
    says: str
    holds: Bool


def is_present(kvm: Kvm, spte: BitVec) -> Bool:
    """Whether an entry is a present SPTE, access-tracked or not: ``is_shadow_present_pte()``."""
    return has(spte, kvm.constant("SPTE_MMU_PRESENT_MASK"))


def present_leaf(kvm: Kvm, entry: HeldEntry) -> Assumption:
    """That an entry is what most operations look for."""
    return Assumption(
        "the entry maps a page: callers look for leaves that are present",
        all_of(is_present(kvm, entry.spte), entry.leaf),
    )


CONJUNCTS: Mapping[Vendor, tuple[str, ...]] = MappingProxyType(
    {
        Vendor.INTEL: (*_EVERYWHERE, "readable", "saved", "used", "suppress-ve"),
        Vendor.AMD: _EVERYWHERE,
        Vendor.SHADOW: _EVERYWHERE,
    }
)
"""The names of the conjuncts; "suppress-ve" only in kernels that give a guest #VE."""


def invariant(kvm: Kvm, masks: ShadowMasks, entry: HeldEntry) -> tuple[Conjunct, ...]:
    """The conjuncts of the invariant, for an entry."""
    spte, present = entry.spte, is_present(kvm, entry.spte)
    writable, mmu_writable = has(spte, _WRITE), ne(spte & masks.mmu_writable, 0)
    host_writable = ne(spte & masks.host_writable, 0)
    ad_type = spte & kvm.constant("SPTE_TDP_AD_MASK")
    disabled = eq(ad_type, kvm.constant("SPTE_TDP_AD_DISABLED"))
    saved = spte & saved_slots(kvm)

    def of_present(name: str, says: str, holds: Bool) -> Conjunct:
        return Conjunct(name, says, implies(present, holds))

    conjuncts = [
        Conjunct(
            "kind",
            "is neither present, nor frozen, nor MMIO, nor the value of an empty entry",
            any_of(present, is_not_present_kind(kvm, masks, spte)),
        ),
        of_present(
            "writable", "is writable without being MMU-writable", implies(all_of(entry.leaf, writable), mmu_writable)
        ),
        of_present(
            "mmu-writable",
            "is MMU-writable although the host maps the page read-only",
            implies(all_of(entry.leaf, mmu_writable), host_writable),
        ),
        of_present(
            "ad-type", "is with A/D bits in a table without, or the other way round", iff(disabled, entry.ad_disabled)
        ),
        of_present("reserved", "has a bit that the hardware holds reserved", eq(spte & reserved_bits(masks, entry), 0)),
        of_present(
            "nx-huge",
            "maps a huge page executable in spite of the iTLB-multihit mitigation",
            implies(
                all_of(entry.huge, kvm.spte_changes.is_nx_huge_page_enabled(masks)),
                negate(executable(masks.vendor, with_saved(kvm, masks.vendor, spte))),
            ),
        ),
    ]
    if masks.vendor is Vendor.INTEL:
        granted = ne(spte & masks.acc_track, 0)
        readable = has(with_saved(kvm, masks.vendor, spte), _READ)
        needs_read = any_of(writable, mmu_writable, negate(masks.host.has_exec_only))
        conjuncts += [
            of_present(
                "readable",
                "cannot be read, now or once it is restored, but written, or executed on a host "
                "without execute-only translations",
                implies(needs_read, readable),
            ),
            of_present(
                "saved",
                "has saved permissions although it is not access-tracked",
                any_of(eq(saved, 0), all_of(disabled, negate(granted))),
            ),
            of_present(
                "used",
                "counts as unused without A/D bits, and its use will not be noticed",
                implies(entry.leaf, use_is_known(kvm, masks, entry.at).term),
            ),
        ]
        if kvm.has(Feature.NONPRESENT_VALUE):
            # Before, KVM enabled #VE for nobody.
            conjuncts.append(of_present("suppress-ve", "does not suppress #VE", has(spte, _SUPPRESS_VE)))
    return tuple(conjuncts)


def is_not_present_kind(kvm: Kvm, masks: ShadowMasks, spte: BitVec) -> Bool:
    """Whether an entry is empty, frozen, or MMIO."""
    empty = eq(spte, kvm.constant("SHADOW_NONPRESENT_VALUE")) if kvm.has(Feature.NONPRESENT_VALUE) else eq(spte, 0)
    known = kvm.sptes.predicates(masks, spte)
    return any_of(empty, known.is_frozen, known.is_mmio)


def reserved_bits(masks: ShadowMasks, entry: HeldEntry) -> BitVec:
    """The bits that the hardware wants to be 0, by the entry's level and whether it maps a page."""
    entry_format, host = FORMATS[masks.vendor], masks.host
    encrypted = all_of(host.is_amd, host.encryption.enabled)
    width = physical_address_width(host.maxphyaddr, host.x86_phys_bits, enabled=encrypted)
    mask = reserved_mask(entry_format, EntryShape(1, True), _CONTROLS, width)
    for shape in (kind.shape for kind in entry_format.kinds):
        if shape != EntryShape(1, True):
            maps = entry.leaf if shape.maps_page else negate(entry.leaf)
            bits = reserved_mask(entry_format, shape, _CONTROLS, width)
            mask = ite(all_of(eq(entry.level, shape.level), maps), bits, mask)
    return without_c_bit(mask, host.encryption.c_bit, enabled=encrypted)
