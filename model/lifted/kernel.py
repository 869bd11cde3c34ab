"""A kernel tree as an implementation of KVM's MMU."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from mmuproof.lift.source import KernelTree
from mmuproof.lift.stand_ins import clang_arguments, write_stand_ins
from mmuproof.lift.unit import Unit
from mmuproof.model.edits import SourceEdit, edited_files
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.lifted.masks import LiftedMasks
from mmuproof.model.lifted.sptes import LiftedSptes
from mmuproof.model.lifted.units import Units
from mmuproof.model.lifted.walks import LiftedWalks

MMU_C = "arch/x86/kvm/mmu/mmu.c"
SPTE_C = "arch/x86/kvm/mmu/spte.c"
UNITS = (MMU_C, SPTE_C)
"""The translation units that are lifted."""

MACROS = (
    "ACC_READ_MASK", "ACC_WRITE_MASK", "ACC_EXEC_MASK", "ACC_USER_MASK", "ACC_USER_EXEC_MASK", "ACC_ALL",
    "PFERR_PRESENT_MASK", "PFERR_WRITE_MASK", "PFERR_USER_MASK", "PFERR_RSVD_MASK", "PFERR_FETCH_MASK",
    "PFERR_PK_MASK", "PFERR_SS_MASK", "PFERR_IMPLICIT_ACCESS", "SVM_MISC_ENABLE_GMET",
    "FROZEN_SPTE", "REMOVED_SPTE", "SPTE_TDP_AD_DISABLED_MASK", "SHADOW_NONPRESENT_VALUE",
    "SPTE_MMU_PRESENT_MASK", "SPTE_TDP_AD_MASK", "SPTE_TDP_AD_ENABLED", "SPTE_TDP_AD_DISABLED",
    "SPTE_TDP_AD_WRPROT_ONLY", "SPTE_BASE_ADDR_MASK",
    "SHADOW_ACC_TRACK_SAVED_BITS_MASK", "SHADOW_ACC_TRACK_SAVED_BITS_SHIFT",
    "MMIO_SPTE_GEN_LOW_MASK", "MMIO_SPTE_GEN_HIGH_MASK",
)  # fmt: skip
"""The macros whose values are wanted; each unit knows those that its headers define."""

# Where a constant is looked up, if not in spte.c.
_ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "SVM_MISC_ENABLE_GMET": MMU_C,
    }
)

# What older trees call a constant.
_FORMER_NAMES = {
    "FROZEN_SPTE": "REMOVED_SPTE",
    "SPTE_TDP_AD_DISABLED": "SPTE_TDP_AD_DISABLED_MASK",
}


class LiftedKvm(Kvm):
    """KVM's MMU as a tree has it; each area is lifted from the units that hold it.

    Args:
        units: the tree's translation units.
        config: the kernel configuration under which they are parsed.
    """

    def __init__(self, units: Units, config: tuple[str, ...]) -> None:
        self.config = config
        self._units = units

    @cached_property
    def walks(self) -> LiftedWalks:
        """See `Kvm.walks`."""
        return LiftedWalks(self._units.get(MMU_C))

    @cached_property
    def masks(self) -> LiftedMasks:
        """See `Kvm.masks`."""
        return LiftedMasks(self._units.get(SPTE_C))

    @cached_property
    def sptes(self) -> LiftedSptes:
        """See `Kvm.sptes`."""
        return LiftedSptes(self._units.get(SPTE_C))

    def constant(self, name: str) -> int:
        """See `Kvm.constant`."""
        unit = self._units.get(_ELSEWHERE.get(name, SPTE_C))
        value = unit.constant(name)
        if value is None and name in _FORMER_NAMES:
            value = unit.constant(_FORMER_NAMES[name])
        if value is None:
            raise NotThere([name])
        return value

    def failed_assertions(self) -> tuple[str, ...]:
        """See `Kvm.failed_assertions`."""
        failed = (each for path in UNITS for each in self._units.get(path).failed_assertions)
        return tuple(sorted({f"The static_assert at {each.at} fails: {each.message}." for each in failed}))


@contextmanager
def open_kernel(tree: KernelTree, edits: Sequence[SourceEdit] = (), *, ahead: bool = False) -> Iterator[LiftedKvm]:
    """Parse a tree's MMU code; the result can be used inside the ``with`` block.

    Args:
        tree: the kernel's source.
        edits: changes to the text, made in memory.
        ahead: begin to parse every unit at once, for a run that will need them all; otherwise each is parsed
            when it is needed.

    Raises:
        ParseFailed: a translation unit does not parse; also later, from what the block asks.
        SourceError: a file is missing, or an edit does not fit; also later.
    """
    edited = edited_files(tree.root, edits)
    with tempfile.TemporaryDirectory(prefix="mmuproof-") as folder, ThreadPoolExecutor(2) as pool:
        stand_ins = write_stand_ins(tree.root, Path(folder))

        def parse(path: str) -> Unit:
            arguments = clang_arguments(tree.root, stand_ins, path)
            return Unit(tree.root, path, arguments, MACROS, edited)

        units = Units(parse, pool)
        units.start(UNITS if ahead else (SPTE_C, MMU_C))
        yield LiftedKvm(units, stand_ins.config)
