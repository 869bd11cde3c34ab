"""What a lifted tree stores in page tables: the TDP MMU's ``tdp_mmu.c`` and the shadow MMU's ``mmu.c``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Place, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import stores as cuts
from mmuproof.model.lifted.calls_made import answer_of, is_given, is_nonzero
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.entry_bench import NEW_MMIO_SPTE, NEW_NONLEAF_SPTE, NEW_SPTE, EntryBench, page_table
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_field, read
from mmuproof.model.named import (
    constants,
    functions,
    kvm_mmu_page,
    kvm_page_fault,
    kvm_vcpu,
    kvm_vm,
    page_role,
    spte_masks,
    tdp_iter,
)
from mmuproof.model.stores import ENTRIES, LOOKED_AT, LinkStored, MirrorStored, SmallStored, SplitStored, Stored, Stores
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bv, eq, ite, ne, negate, var, zext

_MAPPED = MappingProxyType({cuts.MAKE_SPTE.function: NEW_SPTE, cuts.MAKE_MMIO_SPTE.function: NEW_MMIO_SPTE})


class _StoreDesk(EntryBench):
    """A bench on which there is also the page that an entry may lead to, and its table."""

    def __init__(self, unit: Unit, known: Sequence[Cut]) -> None:
        super().__init__(unit, known, LOOKED_AT)
        self.childs = page_table("child->spt")
        self.child = Object(name="child", type=self.page.type, kind=ObjectKind.INPUT, by_pointer=True)
        self.write(self.child, kvm_mmu_page.SPT, pointer_to(self.childs))
        self.level: BitVec | None = None
        self.before = self.memory.copy()

    def walk(self) -> BitVec:
        """Let calls get the TDP MMU's walk, which has come to the entry; what it holds according to that."""
        walk = self.add("iter", tdp_iter.STRUCT)
        self.write(walk, tdp_iter.SPTEP, self.sptep)
        self.level = self.read(walk, tdp_iter.LEVEL)
        return self.read(walk, tdp_iter.OLD_SPTE)

    def add_child(self) -> None:
        """Let the page that calls get be the one to link or to fill."""
        self.objects[kvm_mmu_page.STRUCT] = pointer_to(self.child)

    def stored(self, caller: str, made: Mapping[str, BitVec], judged: BitVec, locked: Bool) -> Stored:
        """What a call has left, by the functions that make entries and what these gave."""
        calls = self.session.calls(*made)
        if not calls:
            raise Refused(f"{caller}() makes no entry")
        return self.left(caller, [(call.guard, made[call.function]) for call in calls], judged, locked)

    def left(self, caller: str, made: Sequence[tuple[Bool, BitVec]], judged: BitVec, locked: Bool) -> Stored:
        """What a call has left: values that were made, and when."""
        value = made[0][1]
        for guard, each in made[1:]:
            value = ite(guard, each, value)
        others = (index for index in range(ENTRIES) if index != LOOKED_AT)
        return Stored(
            caller=caller,
            level=self.level
            if self.level is not None
            else zext(self.flag(self.page, kvm_mmu_page.ROLE, page_role.LEVEL), 32),
            makes=any_of(*(guard for guard, _ in made)),
            made=value,
            judged=judged,
            locked=locked,
            before=self.entry(self.before),
            after=self.entry(self.memory),
            beside=any_of(*(ne(self.entry(self.before, each), self.entry(self.memory, each)) for each in others)),
            evidence=self.session.evidence(),
        )

    def linked(self, caller: str, judged: BitVec, locked: Bool, childs_ad_disabled: Bool) -> LinkStored:
        """What a call has left that links the child."""
        stored = self.stored(caller, {cuts.MAKE_NONLEAF_SPTE.function: NEW_NONLEAF_SPTE}, judged, locked)
        call = self.session.only_call(cuts.MAKE_NONLEAF_SPTE.function)
        table = self.session.pointer_argument(call, "child_pt")
        return LinkStored(
            **vars(stored),
            childs_table=any_of(*(each.guard for each in table.targets if each.place == Place(self.childs, 0))),
            ad_disabled=ne(self.session.argument(call, "ad_disabled"), 0),
            childs_ad_disabled=childs_ad_disabled,
        )

    def small(self) -> tuple[SmallStored, ...]:
        """What a call has left in the child's table."""
        calls = self.session.calls(*(cut.function for cut in cuts.MAKE_SMALL_SPTE))
        if len(calls) != ENTRIES:
            raise Refused(f"{len(calls)} entries are made for a table of {ENTRIES}")
        return tuple(self._small(index, call) for index, call in enumerate(calls))

    def _small(self, index: int, call: CallMade) -> SmallStored:
        told = self.session.argument
        return SmallStored(
            makes=call.guard,
            index=told(call, "index"),
            role=told(call, "role"),
            huge_spte=told(call, "huge_spte"),
            made=answer_of(call, 64),
            before=read(self.before, self.childs, index * 64, 64),
            after=read(self.memory, self.childs, index * 64, 64),
        )


class LiftedStores(Stores, Remembers):
    """The parts of a lifted tree that store SPTEs.

    Args:
        mmu: ``mmu.c``.
        tdp: ``tdp_mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, mmu: Unit, tdp: Unit, _spte: Unit) -> None:
        super().__init__()
        self._mmu, self._tdp = mmu, tdp

    @once
    def tdp_map(self) -> Stored:
        """See `Stores.tdp_map`."""
        name, desk = functions.TDP_MMU_MAP_HANDLE_TARGET_LEVEL, _StoreDesk(self._tdp, cuts.TDP)
        judged = desk.walk()
        desk.add("vcpu", kvm_vcpu.STRUCT)
        desk.add("fault", kvm_page_fault.STRUCT)
        desk.integer(name)
        return desk.stored(name, _MAPPED, judged, FALSE)

    @once
    def tdp_link(self) -> LinkStored:
        """See `Stores.tdp_link`."""
        desk = _StoreDesk(self._tdp, cuts.TDP)
        return self._tdp_linked(desk, functions.TDP_MMU_LINK_SP)

    def _tdp_linked(self, desk: _StoreDesk, name: str) -> LinkStored:
        shared, judged = var("shared", 1), desk.walk()
        desk.add("kvm", kvm_vm.STRUCT)
        desk.add_child()
        desk.integer(name, shared=shared, account_nx=var("account_nx", 1))
        if self._tdp.has_variable(spte_masks.AD_ENABLED):
            enabled = desk.setting(spte_masks.AD_ENABLED)
        else:
            enabled = ne(desk.integer(spte_masks.AD_ENABLED), 0)
        return desk.linked(name, judged, eq(shared, 0), negate(enabled))

    @once
    def tdp_split(self) -> SplitStored:
        """See `Stores.tdp_split`."""
        desk = _StoreDesk(self._tdp, cuts.TDP)
        link = self._tdp_linked(desk, functions.TDP_MMU_SPLIT_HUGE_PAGE)
        set_ups = desk.session.calls(functions.TDP_MMU_INIT_SP)
        return SplitStored(
            link=link,
            role=desk.read(desk.child, kvm_mmu_page.ROLE),
            prepares=any_of(*(all_of(each.guard, is_given(each, pointer_to(desk.child))) for each in set_ups)),
            small=desk.small(),
        )

    @once
    def mirrored(self) -> MirrorStored:
        """See `Stores.mirrored`."""
        name, tells = functions.TDP_MMU_SET_SPTE_ATOMIC, replace(cuts.AFTER_A_CHANGE, watched=True)
        desk = _StoreDesk(self._tdp, (tells, *(cut for cut in cuts.TDP if cut is not cuts.AFTER_A_CHANGE)))
        judged, made = desk.walk(), var("new_spte", 64)
        mirror = bit_field(desk.place(desk.page, kvm_mmu_page.ROLE), page_role.IS_MIRROR)
        desk.memory.write(desk.page, mirror.offset, mirror.width, bv(1, mirror.width))
        desk.add("kvm", kvm_vm.STRUCT)
        answer = desk.integer(name, new_spte=made)
        call = desk.session.only_call(tells.function)
        assert call.memory is not None
        others = (index for index in range(ENTRIES) if index != LOOKED_AT)
        return MirrorStored(
            before=desk.entry(desk.before),
            judged=judged,
            made=made,
            frozen=bv(constant_of(self._tdp, constants.FROZEN_SPTE), 64),
            changes=call.guard,
            meanwhile=desk.entry(call.memory),
            failed=is_nonzero(call),
            after=desk.entry(desk.memory),
            succeeds=eq(answer, 0),
            beside=any_of(*(ne(desk.entry(desk.before, each), desk.entry(desk.memory, each)) for each in others)),
            evidence=desk.session.evidence(),
        )

    @once
    def shadow_map(self) -> Stored:
        """See `Stores.shadow_map`."""
        desk = _StoreDesk(self._mmu, cuts.SHADOW)
        desk.set_by_shadow_mmu()
        return desk.stored(functions.MMU_SET_SPTE, _MAPPED, desk.entry(desk.before), TRUE)

    @once
    def shadow_link(self) -> LinkStored:
        """See `Stores.shadow_link`."""
        name, desk = functions.INNER_LINK_SHADOW_PAGE, _StoreDesk(self._mmu, cuts.SHADOW)
        desk.add("kvm", kvm_vm.STRUCT)
        desk.add("cache", kvm_vm.CACHE)
        desk.add_child()
        without = ne(desk.flag(desk.child, kvm_mmu_page.ROLE, page_role.AD_DISABLED), 0)
        pointers = {"sptep": desk.sptep}
        desk.session.call(desk.memory, name, objects=desk.objects, values={"flush": var("flush", 8)}, pointers=pointers)
        return desk.linked(name, desk.entry(desk.before), TRUE, without)

    @once
    def fast_fix(self) -> Stored:
        """See `Stores.fast_fix`."""
        name, desk = "fast_pf_fix_direct_spte", _StoreDesk(self._mmu, cuts.SHADOW)
        desk.add("vcpu", kvm_vcpu.STRUCT)
        desk.add("fault", kvm_page_fault.STRUCT)
        old, new = var("old_spte", 64), var("new_spte", 64)
        desk.integer(name, {"sptep": desk.sptep}, old_spte=old, new_spte=new)
        return desk.left(name, [(TRUE, new)], old, FALSE)
