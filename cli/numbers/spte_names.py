"""What the bits of an SPTE are called where no whole kernel is at hand: by its masks and constants alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmuproof.cli.numbers.decoded import Decoded, decoded_entry
from mmuproof.cli.numbers.hardware import EntryPlace
from mmuproof.cli.numbers.kernel import PERMISSIONS, PFN, SpteState, by_bit, fixed_masks
from mmuproof.cli.numbers.layout import Layout, ones
from mmuproof.compare.mask_setup import OF_THE_HOST
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.hardware_spte import FORMATS
from mmuproof.smt.graph import evaluate_all, variables
from mmuproof.smt.terms import BitVec
from mmuproof.spec.entry_layout import field_named
from mmuproof.spec.ept_layout import PAGE_SIZE_BIT

_PRESENT, _AD_TYPE = "SPTE_MMU_PRESENT_MASK", "SPTE_TDP_AD_MASK"
_MARKERS = (_PRESENT, _AD_TYPE)
SAVED = ("SHADOW_ACC_TRACK_SAVED_BITS_MASK", "SHADOW_ACC_TRACK_SAVED_BITS_SHIFT")
_WHOLE = ("FROZEN_SPTE", "REMOVED_SPTE")
_AD_TYPES = ("SPTE_TDP_AD_DISABLED", "SPTE_TDP_AD_WRPROT_ONLY")
_READ = "ACC_READ_MASK"
CONSTANTS = (*_MARKERS, *_WHOLE, *_AD_TYPES, _READ)
"""The constants that are asked for."""
MASKS = (
    "shadow_x_mask",
    "shadow_xs_mask",
    "shadow_xu_mask",
    "shadow_user_mask",
    "shadow_nx_mask",
    "shadow_accessed_mask",
    "shadow_dirty_mask",
    "shadow_present_mask",
    "shadow_host_writable_mask",
    "shadow_mmu_writable_mask",
    "shadow_me_value",
)
"""The masks."""
_WIDEST = 52


@dataclass(frozen=True, kw_only=True)
class SpteNames:
    """What the bits of the SPTEs of a vendor's tables are called.

    Args:
        vendor: whose tables.
        masks: KVM's masks as they are set up, by name, as far as they are known.
        constants: KVM's constants, likewise.
    """

    vendor: Vendor
    masks: Mapping[str, BitVec]
    constants: Mapping[str, int]

    @classmethod
    def of_masks(cls, masks: ShadowMasks, constants: Mapping[str, int]) -> SpteNames:
        """Those of masks that a kernel sets up.

        Args:
            masks: they.
            constants: the kernel's constants.
        """
        named = {name: getattr(masks, name.removeprefix("shadow_").removesuffix("_mask"), None) for name in MASKS}
        if _READ in constants:
            # Where there is a bit for reading, X is told apart by mode.
            named["shadow_xs_mask"] = named.pop("shadow_x_mask")
        return cls(
            vendor=masks.vendor,
            masks={name: mask for name, mask in named.items() if isinstance(mask, BitVec)},
            constants=constants,
        )

    def decode(self, kind: NumberKind, number: int, values: Mapping[str, int]) -> Decoded | None:
        """What an SPTE says; None of what is none, and of 0.

        Args:
            kind: what the number is.
            number: it.
            values: the values of variables that the masks depend on.
        """
        if kind is not NumberKind.SPTE or not number:
            return None
        at = EntryPlace(2 if number >> PAGE_SIZE_BIT & 1 else 1, _WIDEST)
        return decoded_entry(kind, number, self.vendor, at, self._state(number, values))

    def bit_name(self, bit: int, values: Mapping[str, int]) -> str:
        """What one bit of an SPTE is called, in short; empty if it has no name.

        Args:
            bit: its number.
            values: as for `decode`.
        """
        decoded = self.decode(NumberKind.SPTE, 1 << bit, values)
        summary = "" if decoded is None else decoded.summary.partition(",")[0]
        return "" if summary.startswith(("ignored", "0", "unnamed")) else summary

    @property
    def leaf_layout(self) -> Layout:
        """The names of the bits of an SPTE that maps a small page, on a host with all that KVM looks for."""
        values = {name: 1 for name in variables(*self.masks.values()) if name.endswith(OF_THE_HOST)}
        return Layout.of_names("KVM", {**self._names(values), **self._slots()})

    def _slots(self) -> dict[int, str]:
        """Where access tracking, which only EPT can need, puts permissions away."""
        saved, shift = (self.constants.get(name) for name in SAVED)
        if self.vendor is not Vendor.INTEL or saved is None or shift is None:
            return {}
        return {bit + shift: f"saved {PERMISSIONS.get(bit, f'bit {bit}')}" for bit in ones(saved)}

    def _state(self, number: int, values: Mapping[str, int]) -> SpteState:
        whole = next((name for name in _WHOLE if self.constants.get(name) == number), "")
        layout = Layout.of_names("KVM", self._names(values))
        if whole:
            return SpteState(layout=layout, words=(), summary=whole)
        ad_type = number & self.constants.get(_AD_TYPE, 0)
        notes = [name for name in _AD_TYPES if ad_type and self.constants.get(name) == ad_type]
        notes += [] if number & self.constants.get(_PRESENT, 0) else ["not MMU-present"]
        return SpteState(layout=layout, words=(), notes=tuple(notes))

    def _names(self, values: Mapping[str, int]) -> dict[int, str]:
        known = [name for name in MASKS if name in self.masks]
        found = dict(zip(known, evaluate_all([self.masks[name] for name in known], values), strict=True))
        found |= {name: self.constants[name] for name in _MARKERS if name in self.constants}
        found[PFN] = field_named(FORMATS[self.vendor], 1, True, "address").mask
        return by_bit({**found, **fixed_masks(self.vendor)})
