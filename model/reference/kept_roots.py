"""What Linux 7.2.13 does with the roots that an MMU keeps."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.kept_roots import (
    PAE_ENTRIES,
    ContextReset,
    KeptRoots,
    RootMet,
    RootPageFreed,
    RootsGone,
    RootsLoaded,
    RootsSwept,
    RootsSynced,
    RootsUnloaded,
)
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import CPU_ROLE_BITS, PAGE_ROLE_BITS, role_flag, role_value
from mmuproof.model.roots import KEPT_ROOTS
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bool_var,
    bv,
    eq,
    ite,
    ne,
    negate,
    ult,
    var,
    zext,
)

_ROOTS = ("root", *(f"prev_roots[{number}]" for number in range(KEPT_ROOTS - 1)))
_INVALID, _GENERATION = (1 << 64) - 1, var("kvm->arch.mmu_valid_gen", 8)
_DIRECT = role_flag(var("mmu->root_role", PAGE_ROLE_BITS), "direct")


def met_root(number: int, freed: Bool = FALSE) -> RootMet:
    """A root as it is at first."""
    name = _ROOTS[number]
    page = f"page of {name}->"
    role = var(f"{page}role", PAGE_ROLE_BITS)
    return RootMet(
        in_use=number == 0,
        hpa=var(f"mmu->{name}.hpa", 64),
        dummy=ne(var(f"{name} is the dummy", 1), 0),
        with_page=bool_var(f"{name} has a page"),
        guest_mode=role_flag(role, "guest_mode"),
        invalid=role_flag(role, "invalid"),
        of_tdp=ne(var(f"{page}tdp_mmu_page", 1), 0),
        made_in=var(f"{page}mmu_valid_gen", 8),
        unsync=ne(var(f"{page}unsync", 1), 0),
        unsync_below=ne(var(f"{page}unsync_children", 64) & 0xFFFF_FFFF, 0),
        freed=freed,
    )


class ReferenceKeptRoots(ReferenceArea, KeptRoots):
    """``kvm_mmu_sync_roots()``, ``kvm_mmu_load()`` and what gives roots up."""

    def swept(self, who: RootsSwept) -> RootsGone:
        """See `KeptRoots.swept`."""
        met = [met_root(number) for number in range(KEPT_ROOTS)]
        judge = {
            RootsSwept.OBSOLETE: self._is_obsolete,
            RootsSwept.GUEST_MODE: self._is_of_guest_mode,
            RootsSwept.UNSYNC: self._is_unsync,
        }[who]
        goes = [
            all_of(ne(root.hpa, _INVALID), judge(root)) if who is RootsSwept.OBSOLETE or not root.in_use else FALSE
            for root in met
        ]
        return RootsGone(
            function=who.value,
            generation=_GENERATION,
            roots=tuple(met_root(number, each) for number, each in enumerate(goes)),
            evidence=Evidence(),
        )

    def _is_obsolete(self, root: RootMet) -> Bool:
        of_old = all_of(negate(root.of_tdp), ne(root.made_in, _GENERATION))
        return any_of(self._without_page(root), root.invalid, of_old)

    def _without_page(self, root: RootMet) -> Bool:
        """Whether a root is taken for obsolete because it has no page."""
        return negate(root.with_page)

    def _is_of_guest_mode(self, root: RootMet) -> Bool:
        return any_of(negate(root.with_page), root.guest_mode)

    def _is_unsync(self, root: RootMet) -> Bool:
        return all_of(negate(root.dummy), root.with_page, any_of(root.unsync, self._below(root)))

    def _below(self, root: RootMet) -> Bool:
        """Whether a root may be out of sync for what is below it."""
        return root.unsync_below

    def synced(self) -> RootsSynced:
        """See `KeptRoots.synced`."""
        root, level = met_root(0), role_value(var("mmu->cpu_role", CPU_ROLE_BITS), "level")
        entries = tuple(var(f"pae_root[{number}]", 64) for number in range(PAE_ENTRIES))
        looks = all_of(negate(_DIRECT), ne(root.hpa, _INVALID))
        small = ult(zext(level, 32), bv(4, 32))
        return RootsSynced(
            direct=_DIRECT,
            root=root,
            guest_level=level,
            entries=entries,
            synced=all_of(looks, negate(small), self._is_unsync(root)),
            synced_entries=tuple(
                all_of(looks, small, self._goes_through(number, ne(entry, 0))) for number, entry in enumerate(entries)
            ),
            mmio_forgotten=looks,
            evidence=Evidence(),
        )

    def _goes_through(self, _number: int, valid: Bool) -> Bool:
        """Whether an entry of the PAE root is gone through."""
        return valid

    def page_freed(self) -> RootPageFreed:
        """See `KeptRoots.page_freed`."""
        root, count = met_root(0), var("page of root->root_count", 32)
        goes = all_of(ne(root.hpa, _INVALID), root.with_page)
        counted = all_of(goes, negate(root.of_tdp))
        return RootPageFreed(
            hpa=root.hpa,
            hpa_after=ite(goes, self._left(root.hpa), root.hpa),
            with_page=root.with_page,
            of_tdp=root.of_tdp,
            invalid=root.invalid,
            count=count,
            count_after=ite(counted, count - 1, count),
            put=all_of(goes, root.of_tdp),
            zapped=all_of(counted, self._is_unused(count - 1), root.invalid),
            evidence=Evidence(),
        )

    def _is_unused(self, count: BitVec) -> Bool:
        """Whether a page is no root any more, by how many use it."""
        return eq(count, 0)

    def _left(self, _hpa: BitVec) -> BitVec:
        """What stands where a root was."""
        return bv(_INVALID, 64)

    def loaded(self) -> RootsLoaded:
        """See `KeptRoots.loaded`."""
        topped_up, special, direct, shadow = (
            var(f"{name}()", 32)
            for name in (
                "mmu_topup_memory_caches",
                "mmu_alloc_special_roots",
                "mmu_alloc_direct_roots",
                "mmu_alloc_shadow_roots",
            )
        )
        ready = eq(topped_up, 0)
        makes = all_of(ready, eq(special, 0))
        made = ite(_DIRECT, direct, shadow)
        done = all_of(makes, eq(made, 0))
        return RootsLoaded(
            direct=_DIRECT,
            topped_up=ready,
            special=makes,
            made_direct=all_of(makes, _DIRECT),
            made_shadow=all_of(makes, negate(_DIRECT)),
            made=done,
            synced=self._syncs(done),
            loaded=done,
            flushed=self._flushes(done),
            answer=ite(makes, made, ite(ready, special, topped_up)),
            evidence=Evidence(),
        )

    def _syncs(self, done: Bool) -> Bool:
        """Whether the tables are brought up to date, after they are made."""
        return done

    def _flushes(self, done: Bool) -> Bool:
        """Whether there is a flush, at the end."""
        return done

    def unloaded(self) -> RootsUnloaded:
        """See `KeptRoots.unloaded`."""
        return RootsUnloaded(
            own=TRUE, nested=self._of_nested(), mmio_forgotten=self._forgets_any_access(), evidence=Evidence()
        )

    def _forgets_any_access(self) -> Bool:
        """Whether the last access to MMIO is forgotten, whatever its address was."""
        return TRUE

    def _of_nested(self) -> Bool:
        """Whether the roots for L2 go."""
        return TRUE

    def context_reset(self) -> ContextReset:
        """See `KeptRoots.context_reset`."""
        return ContextReset(given_up=self._gives_all_up(), set_up=TRUE, evidence=Evidence())

    def _gives_all_up(self) -> Bool:
        """Whether roots go where MMUs are set up anew."""
        return TRUE
