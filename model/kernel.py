"""A kernel tree as an implementation of KVM's MMU: its translation units, parsed side by side."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from mmuproof.lift.errors import Missing
from mmuproof.lift.source import KernelTree
from mmuproof.lift.stand_ins import clang_arguments, write_stand_ins
from mmuproof.lift.unit import Unit
from mmuproof.model.edits import SourceEdit, edited_files
from mmuproof.model.kvm import (
    GpteFormat,
    GuestWalk,
    Kvm,
    MadeSpte,
    NestedControls,
    NestedSetUp,
    NotThere,
    PermissionFault,
    Predicates,
    ShadowMasks,
    SpteRequest,
    Tracked,
    WalkKind,
)
from mmuproof.model.lifted_spte import LiftedSptes
from mmuproof.model.lifted_walk import LiftedWalks
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import BitVec, Bool

_WALK_UNIT = "arch/x86/kvm/mmu/mmu.c"
_SPTE_UNIT = "arch/x86/kvm/mmu/spte.c"
_MACROS = (
    "ACC_READ_MASK", "ACC_WRITE_MASK", "ACC_EXEC_MASK", "ACC_USER_MASK", "ACC_USER_EXEC_MASK", "ACC_ALL",
    "PFERR_PRESENT_MASK", "PFERR_WRITE_MASK", "PFERR_USER_MASK", "PFERR_RSVD_MASK", "PFERR_FETCH_MASK",
    "PFERR_PK_MASK", "PFERR_SS_MASK", "PFERR_IMPLICIT_ACCESS", "SVM_MISC_ENABLE_GMET",
    "FROZEN_SPTE", "REMOVED_SPTE", "SPTE_TDP_AD_DISABLED_MASK", "SHADOW_NONPRESENT_VALUE",
    "SPTE_MMU_PRESENT_MASK", "SPTE_TDP_AD_MASK", "SPTE_TDP_AD_ENABLED", "SPTE_TDP_AD_DISABLED",
    "SPTE_TDP_AD_WRPROT_ONLY", "SPTE_BASE_ADDR_MASK",
    "SHADOW_ACC_TRACK_SAVED_BITS_MASK", "SHADOW_ACC_TRACK_SAVED_BITS_SHIFT",
    "MMIO_SPTE_GEN_LOW_MASK", "MMIO_SPTE_GEN_HIGH_MASK",
)  # fmt: skip
# What older trees call a constant.
_FORMER_NAMES = {
    "FROZEN_SPTE": "REMOVED_SPTE",
    "SPTE_TDP_AD_DISABLED": "SPTE_TDP_AD_DISABLED_MASK",
}

_P = ParamSpec("_P")
_R = TypeVar("_R")


class LiftedKvm(Kvm):
    """KVM's MMU as a tree has it.

    Args:
        walks: the unit that walks guest page tables.
        sptes: the unit that makes SPTEs.
        config: the kernel configuration under which both were parsed.
    """

    def __init__(self, walks: Unit, sptes: Unit, config: tuple[str, ...]) -> None:
        self.config = config
        self._walk_unit, self._spte_unit = walks, sptes
        self._walks, self._sptes = LiftedWalks(walks), LiftedSptes(sptes)
        self._known: dict[tuple[object, ...], object] = {}

    def _once(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Call a function that gives the same for the same arguments; a name that the tree lacks is `NotThere`.

        Several theorems ask the same of the code, and lifting is most of the work.
        """
        key = (function, *args, *kwargs.items())
        if key not in self._known:
            self._known[key] = _found(function, *args, **kwargs)
        return cast(_R, self._known[key])

    def constant(self, name: str) -> int:
        """See `Kvm.constant`."""
        value = self._spte_unit.constant(name)
        if value is None and name in _FORMER_NAMES:
            value = self._spte_unit.constant(_FORMER_NAMES[name])
        if value is None:
            raise NotThere([name])
        return value

    @property
    def has_gmet(self) -> bool:
        """See `Kvm.has_gmet`."""
        return _found(lambda: self._walks.has_gmet)

    @property
    def role_access_bits(self) -> int:
        """See `Kvm.role_access_bits`."""
        return _found(self._walks.role_access_bits)

    def failed_assertions(self) -> tuple[str, ...]:
        """See `Kvm.failed_assertions`."""
        failed = (*self._walk_unit.failed_assertions, *self._spte_unit.failed_assertions)
        return tuple(sorted({f"The static_assert at {each.at} fails: {each.message}." for each in failed}))

    def guest_walk(self, kind: WalkKind, *, world: str = "", role: BitVec | None = None) -> GuestWalk:
        """See `Kvm.guest_walk`."""
        return self._once(self._walks.guest_walk, kind, world, role)

    def nested_set_up(self, kind: WalkKind, controls: NestedControls) -> NestedSetUp:
        """See `Kvm.nested_set_up`."""
        return self._once(self._walks.nested_set_up, kind, controls)

    def permission_fault(
        self, walk: GuestWalk, pte_access: BitVec, pte_pkey: BitVec, access: BitVec
    ) -> PermissionFault:
        """See `Kvm.permission_fault`."""
        return self._once(self._walks.permission_fault, walk, pte_access, pte_pkey, access)

    def gpte_access(self, gpte_format: GpteFormat, gpte: BitVec) -> BitVec:
        """See `Kvm.gpte_access`."""
        return self._once(self._walks.gpte_access, gpte_format, gpte)

    def is_present_gpte(self, gpte_format: GpteFormat, walk: GuestWalk, gpte: BitVec) -> Bool:
        """See `Kvm.is_present_gpte`."""
        return self._once(self._walks.is_present_gpte, gpte_format, walk, gpte)

    def is_bad_mt_xwr(self, gpte: BitVec, execonly: Bool) -> Bool:
        """See `Kvm.is_bad_mt_xwr`."""
        return self._once(self._walks.is_bad_mt_xwr, gpte, execonly)

    def has_bad_mt_xwr(self, walk: GuestWalk, gpte: BitVec) -> Bool:
        """See `Kvm.has_bad_mt_xwr`."""
        return self._once(self._walks.has_bad_mt_xwr, walk, gpte)

    def shadow_masks(self, vendor: Vendor) -> ShadowMasks:
        """See `Kvm.shadow_masks`."""
        return self._once(self._sptes.shadow_masks, vendor)

    def predicates(self, masks: ShadowMasks, spte: BitVec) -> Predicates:
        """See `Kvm.predicates`."""
        return self._once(self._sptes.predicates, masks, spte)

    def make_spte(self, masks: ShadowMasks, request: SpteRequest) -> MadeSpte:
        """See `Kvm.make_spte`."""
        return self._once(self._sptes.make_spte, masks, request)

    def access_track(self, masks: ShadowMasks, spte: BitVec) -> Tracked:
        """See `Kvm.access_track`."""
        return self._once(self._sptes.access_track, masks, spte)


def _found(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Call a function; a name that the tree lacks is what the interface says it is."""
    try:
        return function(*args, **kwargs)
    except Missing as missing:
        raise NotThere(missing.names) from None


@contextmanager
def open_kernel(tree: KernelTree, edits: Sequence[SourceEdit] = ()) -> Iterator[LiftedKvm]:
    """Parse a tree's MMU code; the result can be used inside the ``with`` block.

    Args:
        tree: the kernel's source.
        edits: changes to the text, made in memory.

    Raises:
        ParseFailed: a translation unit does not parse.
        SourceError: a file is missing, or an edit does not fit.
    """
    edited = edited_files(tree.root, edits)
    with tempfile.TemporaryDirectory(prefix="mmuproof-") as folder:
        stand_ins = write_stand_ins(tree.root, Path(folder))

        def parse(path: str) -> Unit:
            arguments = clang_arguments(tree.root, stand_ins, path)
            return Unit(tree.root, path, arguments, _MACROS, edited)

        # clang runs outside the interpreter's lock, so threads do parse at the same time.
        with ThreadPoolExecutor(2) as pool:
            walks, sptes = pool.map(parse, (_WALK_UNIT, _SPTE_UNIT))
        yield LiftedKvm(walks, sptes, stand_ins.config)
