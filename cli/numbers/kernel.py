"""KVM's names of bits, and what its own predicates say of an SPTE: both are asked of a kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from mmuproof.cli.numbers.hardware import EntryPlace
from mmuproof.cli.numbers.layout import Layout, ones
from mmuproof.model import bit_names
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.roles import RoleField
from mmuproof.model.spte_changes import SpteAt
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.hardware_spte import FORMATS, saved_bits, saved_slots
from mmuproof.smt.graph import evaluate_all, variables
from mmuproof.smt.terms import Term, bv
from mmuproof.spec.entry_layout import field_named

_NAMES: Mapping[NumberKind, tuple[str, ...]] = MappingProxyType(
    {
        NumberKind.EPT_VIOLATION: bit_names.EPT_VIOLATION,
        NumberKind.EXIT_INFO_1: bit_names.ERROR_CODE,
        NumberKind.ERROR_CODE: bit_names.ERROR_CODE,
        NumberKind.PRIMARY_CONTROLS: bit_names.PRIMARY_CONTROLS,
        NumberKind.SECONDARY_CONTROLS: bit_names.SECONDARY_CONTROLS,
        NumberKind.TERTIARY_CONTROLS: bit_names.TERTIARY_CONTROLS,
    }
)
_ACCESS = ("ACC_READ_MASK", "ACC_WRITE_MASK", "ACC_EXEC_MASK", "ACC_USER_MASK")
_AD_TYPES = ("SPTE_TDP_AD_ENABLED", "SPTE_TDP_AD_DISABLED", "SPTE_TDP_AD_WRPROT_ONLY")
PERMISSIONS = {0: "R", 1: "W", 2: "X", 10: "XU"}
PFN, MEMORY_TYPE = "pfn", "VMX_EPT_MT_EPTE_SHIFT"


@dataclass(frozen=True, kw_only=True)
class SpteState:
    """What KVM makes of an SPTE.

    Args:
        layout: KVM's names for its bits.
        words: what it is, each in a few words.
        summary: the same in one word, where it is no present SPTE; empty if it is.
        notes: what the bits by themselves do not tell, in short.
        is_kernels: whether it is one that KVM makes.
    """

    layout: Layout
    words: tuple[str, ...]
    summary: str = ""
    notes: tuple[str, ...] = ()
    is_kernels: bool = True


class KernelNumbers:
    """What one kernel calls the bits of numbers.

    Args:
        kvm: the kernel.
    """

    def __init__(self, kvm: Kvm) -> None:
        self._kvm = kvm
        self._masks: dict[Vendor, ShadowMasks] = {}

    def word_layout(self, kind: NumberKind) -> Layout:
        """The kernel's names for the bits of a word that is no entry."""
        if kind is NumberKind.ROLE:
            names = {bit: each.name for each in self.role_members for bit in range(each.low, each.low + each.width)}
            return Layout.of_names("union kvm_cpu_role", names)
        return Layout.of_names("KVM", self._kvm.named_bits(_NAMES[kind]).names)

    def lost_names(self, kind: NumberKind, vendor: Vendor) -> tuple[str, ...]:
        """Names of bits that an earlier kernel has and this one has not."""
        if kind is NumberKind.GUEST_ENTRY:
            return self._kvm.named_bits(_entry_names(vendor)).lost
        return self._kvm.named_bits(_NAMES[kind]).lost if kind in _NAMES else ()

    def guest_entry_layout(self, vendor: Vendor) -> Layout:
        """The kernel's names for the bits of a guest's entry."""
        return Layout.of_names("KVM", self._kvm.named_bits(_entry_names(vendor)).names)

    @cached_property
    def role_members(self) -> tuple[RoleField, ...]:
        """The members of a role."""
        return self._kvm.roles.layout()

    @cached_property
    def access_names(self) -> Mapping[int, str]:
        """What the bits of an access are called, by number: the first name where one has two."""
        found: dict[int, str] = {}
        for name in _ACCESS:
            if self._kvm.defines(name):
                bit = self._kvm.constant(name).bit_length() - 1
                found.setdefault(bit, name.removeprefix("ACC_").removesuffix("_MASK"))
        return found

    @property
    def role_bits(self) -> int:
        """The bits of a role that are in a member."""
        return sum(1 << bit for each in self.role_members for bit in range(each.low, each.low + each.width))

    # -- SPTEs -----------------------------------------------------------------------------------------------

    def spte(self, vendor: Vendor, number: int, at: EntryPlace, known: Mapping[str, int] | None = None) -> SpteState:
        """What KVM makes of an SPTE of a vendor's tables.

        Args:
            vendor: whose tables.
            number: the SPTE.
            at: where it stands.
            known: what is known of the host and of KVM's masks: the values of their variables.
        """
        masks = self.masks(vendor)
        values = {**host_values(masks, at.max_physical_address), **(known or {})}
        spte = bv(number, 64)
        said = self._kvm.sptes.predicates(masks, spte)
        nonpresent = self._kvm.constant("SHADOW_NONPRESENT_VALUE") if self._has_nonpresent_value else 0
        frozen, mmio, present = evaluate_all([said.is_frozen, said.is_mmio, said.is_shadow_present], values)
        if frozen:
            name = "FROZEN_SPTE" if self._kvm.defines("FROZEN_SPTE") else "REMOVED_SPTE"
            return _whole(name, "frozen: another CPU is changing it")
        if number == nonpresent:
            name = "SHADOW_NONPRESENT_VALUE" if self._has_nonpresent_value else "0"
            return _whole(name, "not present: nothing is mapped here")
        if present:
            return self._present(masks, number, at, values)
        if mmio:
            return self._mmio(masks, number, values)
        return SpteState(
            layout=Layout.of_names("KVM", self._named(masks, at, values)),
            words=("not MMU-present, and nothing that KVM marks otherwise: no SPTE of KVM's",),
            is_kernels=False,
        )

    @property
    def _has_nonpresent_value(self) -> bool:
        return self._kvm.defines("SHADOW_NONPRESENT_VALUE")

    def masks(self, vendor: Vendor) -> ShadowMasks:
        """The masks of a vendor's tables."""
        if vendor not in self._masks:
            self._masks[vendor] = self._kvm.masks.shadow_masks(vendor)
        return self._masks[vendor]

    def leaf_layout(self, vendor: Vendor, at: EntryPlace) -> Layout:
        """KVM's names for the bits of a present SPTE that maps a page, the slots of access tracking among them."""
        masks = self.masks(vendor)
        names = self._named(masks, at, host_values(masks, at.max_physical_address))
        return Layout.of_names("KVM", {**names, **self._slots(vendor)})

    def _slots(self, vendor: Vendor) -> dict[int, str]:
        """Where access tracking, which only EPT can need, puts permissions away."""
        if vendor is not Vendor.INTEL:
            return {}
        shift = self._kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_SHIFT")
        return {bit + shift: f"saved {PERMISSIONS.get(bit, f'bit {bit}')}" for bit in ones(saved_bits(self._kvm))}

    def _named(self, masks: ShadowMasks, at: EntryPlace, values: Mapping[str, int]) -> dict[int, str]:
        """The names of the bits of a present SPTE."""
        kvm = self._kvm
        execute = "shadow_xs_mask" if kvm.defines("ACC_READ_MASK") else "shadow_x_mask"
        terms = {
            execute: masks.x,
            "shadow_xu_mask": masks.xu,
            "shadow_user_mask": masks.user,
            "shadow_nx_mask": masks.nx,
            "shadow_accessed_mask": masks.accessed,
            "shadow_dirty_mask": masks.dirty,
            "shadow_present_mask": masks.present,
            "shadow_host_writable_mask": masks.host_writable,
            "shadow_mmu_writable_mask": masks.mmu_writable,
            "shadow_me_value": masks.me_value,
            "shadow_me_mask": masks.me_mask,
        }
        found = dict(zip(terms, evaluate_all(list(terms.values()), values), strict=True))
        found["SPTE_MMU_PRESENT_MASK"] = kvm.constant("SPTE_MMU_PRESENT_MASK")
        found["SPTE_TDP_AD_MASK"] = kvm.constant("SPTE_TDP_AD_MASK")
        found |= fixed_masks(masks.vendor)
        if at.level > 1:
            found["PT_PAGE_SIZE_MASK"] = 1 << 7
        usable = (1 << at.max_physical_address) - 1
        found[PFN] = field_named(FORMATS[masks.vendor], 1, True, "address").mask & usable
        return by_bit(found)

    def _present(self, masks: ShadowMasks, number: int, at: EntryPlace, values: Mapping[str, int]) -> SpteState:
        names, vendor = self._named(masks, at, values), masks.vendor
        facts = self._kvm.spte_changes.facts(masks, SpteAt(bv(number, 64), bv(at.level, 4)))
        terms: dict[str, Term] = {
            "tracked": facts.is_access_track_spte,
            "leaf": facts.is_last_spte,
            "writable": facts.is_writable_pte,
            "mmu_writable": facts.is_mmu_writable_spte,
            "host_writable": masks.host_writable,
        }
        told = dict(zip(terms, evaluate_all(list(terms.values()), values), strict=True))
        words, notes = ["MMU-present"], []
        if told["tracked"] and vendor is Vendor.INTEL:
            names |= self._slots(vendor)
            kept = number & saved_slots(self._kvm)
            shift = self._kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_SHIFT")
            saved = "|".join(PERMISSIONS.get(bit - shift, f"bit {bit - shift}") for bit in ones(kept))
            words.append(f"access-tracked: not used since it was aged, saved {saved or 'nothing'}")
            notes.append("access-tracked")
        ad_type = number & self._kvm.constant("SPTE_TDP_AD_MASK")
        notes += [name for name in _AD_TYPES[1:] if self._kvm.defines(name) and self._kvm.constant(name) == ad_type]
        if not told["leaf"]:
            words.append("leads to a page table")
        elif not told["writable"]:
            host = number & told["host_writable"]
            if told["mmu_writable"]:
                words.append("write-protected, but MMU-writable: a write is logged, or finds it access-tracked")
            elif host:
                words.append("write-protected, and not MMU-writable: writes are tracked, or not allowed to the guest")
            else:
                words.append("write-protected: not host-writable")
        return SpteState(layout=Layout.of_names("KVM", names), words=tuple(words), notes=tuple(notes))

    def _mmio(self, masks: ShadowMasks, number: int, values: Mapping[str, int]) -> SpteState:
        content = self._kvm.mmio.content(masks, bv(number, 64))
        gfn, access, generation = evaluate_all([content.gfn, content.access, content.generation], values)
        mask, access_mask = evaluate_all([masks.mmio_mask, masks.mmio_access_mask], values)
        found = {
            "shadow_mmio_mask": mask,
            "shadow_mmio_access_mask": access_mask,
            "MMIO_SPTE_GEN_LOW_MASK": self._kvm.constant("MMIO_SPTE_GEN_LOW_MASK"),
            "MMIO_SPTE_GEN_HIGH_MASK": self._kvm.constant("MMIO_SPTE_GEN_HIGH_MASK"),
            "gfn": field_named(FORMATS[masks.vendor], 1, True, "address").mask,
        }
        text = f"MMIO, gfn {gfn:#x}, generation {generation}"
        return SpteState(
            layout=Layout.of_names("KVM", by_bit(found)),
            words=(f"{text}, access {access:#x}: an access is emulated",),
            summary=text,
        )


def fixed_masks(vendor: Vendor) -> dict[str, int]:
    """What KVM calls bits of an SPTE of which no mask is set up."""
    if vendor is not Vendor.INTEL:
        return {"PT_PRESENT_MASK": 1, "PT_WRITABLE_MASK": 1 << 1}
    return {"VMX_EPT_READABLE_MASK": 1, "PT_WRITABLE_MASK": 1 << 1, MEMORY_TYPE: 0b111 << 3, "VMX_EPT_IPAT_BIT": 1 << 6}


def by_bit(masks: Mapping[str, int]) -> dict[int, str]:
    """The names of bits; the first mask that claims one has it."""
    names: dict[int, str] = {}
    for name, mask in masks.items():
        for bit in ones(mask):
            names.setdefault(bit, name)
    return names


def _entry_names(vendor: Vendor) -> tuple[str, ...]:
    return bit_names.EPT_ENTRY if vendor is Vendor.INTEL else bit_names.PAGING_ENTRY


def _whole(name: str, words: str) -> SpteState:
    return SpteState(
        layout=Layout.of_names(name, dict.fromkeys(range(64), name)), words=(f"{name}: {words}",), summary=name
    )


def host_values(masks: ShadowMasks, max_physical_address: int) -> dict[str, int]:
    """A host with A/D bits and execute-only translations, without L1TF and memory encryption, that marks MMIO.

    The values are those of the variables that the masks depend on; one that is not named is 0.
    """
    host = masks.host
    widths = (host.x86_phys_bits, host.x86_cache_bits, host.maxphyaddr)
    values = {name: max_physical_address for width in widths for name in variables(width)}
    encryption = host.encryption
    off = (host.has_l1tf, host.is_amd, encryption.enabled, encryption.c_bit, encryption.sme_me_mask)
    values |= {name: 0 for no in off for name in variables(no)}
    values |= {name: 1 for yes in (host.has_ad_bits, host.has_exec_only) for name in variables(yes)}
    return {**values, **{name: 1 for name in variables(masks.enable_mmio_caching) if name not in values}}
