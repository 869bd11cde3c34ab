"""The roots that an kvm_mmu.MMU keeps in a lifted tree: ``mmu.c``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.c_types import ArrayType, IntType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import (
    NULL,
    Memory,
    Object,
    ObjectKind,
    Pointer,
    Value,
    choose,
    pointer_to,
    same_place,
)
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import kept_roots as cuts
from mmuproof.model.cuts import roots as root_cuts
from mmuproof.model.cuts.invalidations import FREE_ROOTS
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
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.cached_roots import ROOTS
from mmuproof.model.lifted.calls_made import is_called, is_nonzero
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session, has_member, read
from mmuproof.model.named import functions, kvm_mmu, kvm_mmu_page, kvm_vcpu, kvm_vm, list_heads, page_role
from mmuproof.smt.graph import variables
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bit, bool_var, bv, eq, ne, negate, resize, var

_ANY_ADDRESS = (1 << 64) - 1
_TABLE = ArrayType(IntType(64, False, "u64"), PAE_ENTRIES, f"u64[{PAE_ENTRIES}]")


class RootDesk(Bench):
    """A bench with an MMU whose roots have a page each, or none.

    Args:
        unit: ``mmu.c``.
        followed: the calls that are followed here.
        added: others that are not.
    """

    def __init__(self, unit: Unit, *, followed: tuple[Cut, ...] = (), added: tuple[Cut, ...] = ()) -> None:
        self.pages = [self._page(unit, f"page of {root}") for root in ROOTS]
        self.below = [self._page(unit, f"page below entry {number}") for number in range(PAE_ENTRIES)]
        finds = (replace(cut, gives=self._page_of) for cut in root_cuts.PAGE_OF_ROOT)
        children = (
            replace(cut, gives=self._child_of) for cut in cuts.CHILD if cut.function == functions.SPTE_TO_CHILD_SP
        )
        known = (cut for cut in cuts.SWEEP if cut not in (*followed, root_cuts.DUMMY_ROOT))
        dummy = replace(root_cuts.DUMMY_ROOT, gives=self._is_dummy)
        super().__init__(unit, (*finds, *children, dummy, *added, *known))
        self.mmu, self.kvm = self.add("mmu", kvm_mmu.MMU), self.add("kvm", kvm_vm.STRUCT)
        self.hpas = [self.read(self.mmu, f"{root}.{kvm_mmu.HPA}") for root in ROOTS]
        self.table = Object(name="pae_root", type=_TABLE, kind=ObjectKind.INPUT, by_pointer=True)
        self.entries = [read(self.memory, self.table, number * 64, 64) for number in range(PAE_ENTRIES)]
        self.write(self.mmu, kvm_mmu.PAE_ROOT, pointer_to(self.table))

    @staticmethod
    def _page(unit: Unit, name: str) -> Object:
        return Object(name=name, type=unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)

    @staticmethod
    def _told(arguments: Sequence[Value | None], among: Sequence[BitVec]) -> int | None:
        """Which of some addresses a function is told, or a part of it."""
        told = arguments[0]
        assert isinstance(told, BitVec)
        names = set(variables(told))
        found = [number for number, each in enumerate(among) if set(variables(each)) == names]
        return found[0] if len(found) == 1 else None

    def _number_of(self, arguments: Sequence[Value | None]) -> int:
        """Which root a function is told the address of."""
        number = self._told(arguments, self.hpas)
        if number is None:
            raise Refused("what is told of a root is the address of none")
        return number

    @staticmethod
    def _has_page(number: int) -> Bool:
        return bool_var(f"{ROOTS[number]} has a page")

    def _page_of(self, arguments: Sequence[Value | None]) -> Value:
        if self._told(arguments, self.entries) is not None:
            return self._child_of(arguments)
        number = self._number_of(arguments)
        return choose(self._has_page(number), pointer_to(self.pages[number]), NULL)

    def _is_dummy(self, arguments: Sequence[Value | None]) -> Value:
        return resize(var(f"{ROOTS[self._number_of(arguments)]} is the dummy", 1), 8)

    def _child_of(self, arguments: Sequence[Value | None]) -> Value:
        number = self._told(arguments, self.entries)
        if number is None:
            raise Refused("what is told of an entry is none of the PAE root")
        return pointer_to(self.below[number])

    def met(self, number: int, freed: Bool = FALSE) -> RootMet:
        """A root as it is at first."""
        page, start = self.pages[number], Memory()
        return RootMet(
            in_use=number == 0,
            hpa=self.hpas[number],
            dummy=ne(var(f"{ROOTS[number]} is the dummy", 1), 0),
            with_page=self._has_page(number),
            guest_mode=ne(self.flag(page, kvm_mmu_page.ROLE, page_role.GUEST_MODE, start), 0),
            invalid=ne(self.flag(page, kvm_mmu_page.ROLE, page_role.INVALID, start), 0),
            of_tdp=ne(self.read(page, kvm_mmu_page.TDP_MMU_PAGE, start), 0),
            made_in=self.read(page, kvm_mmu_page.MMU_VALID_GEN, start),
            unsync=ne(self.read(page, kvm_mmu_page.UNSYNC, start), 0),
            unsync_below=ne(self.read(page, kvm_mmu_page.UNSYNC_CHILDREN, start), 0),
            freed=freed,
        )

    def freed(self, number: int) -> Bool:
        """Whether a root is given up."""
        place = pointer_to(self.mmu)
        return any_of(
            *(
                all_of(
                    call.guard,
                    same_place(self.session.pointer_argument(call, "mmu"), place),
                    bit(self.session.argument(call, "roots_to_free"), number),
                )
                for call in self.session.calls(FREE_ROOTS.function)
            )
        )


class LiftedKeptRoots(KeptRoots, Remembers):
    """What a lifted tree does with the roots of an kvm_mmu.MMU.

    Args:
        unit: ``mmu.c``.
        _tdp: ``tdp_mmu.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _tdp: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def swept(self, who: RootsSwept) -> RootsGone:
        """See `KeptRoots.swept`."""
        desk = RootDesk(self._unit)
        if who is RootsSwept.UNSYNC:
            self._vcpu(desk)
        desk.call(who.value)
        return RootsGone(
            function=who.value,
            generation=desk.read(desk.kvm, kvm_vm.MMU_VALID_GEN),
            roots=tuple(desk.met(number, desk.freed(number)) for number in range(len(ROOTS))),
            evidence=desk.session.evidence(),
        )

    @staticmethod
    def _vcpu(desk: RootDesk) -> Object:
        """A vCPU with the kvm_mmu.MMU."""
        vcpu = desk.add("vcpu", kvm_vcpu.STRUCT)
        desk.write(vcpu, kvm_mmu.IN_USE, pointer_to(desk.mmu))
        desk.write(vcpu, kvm_vcpu.KVM, pointer_to(desk.kvm))
        return vcpu

    @once
    def synced(self) -> RootsSynced:
        """See `KeptRoots.synced`."""
        desk = RootDesk(self._unit)
        self._vcpu(desk)
        walk = desk.mmu
        if has_member(self._unit.record(kvm_mmu.MMU), [kvm_mmu.W]):
            walk = desk.add("walk", kvm_mmu.WALKERS[-1])
            desk.write(desk.mmu, kvm_mmu.W, pointer_to(walk))
        guest_level = desk.flag(walk, kvm_mmu.CPU_ROLE_BASE, page_role.LEVEL)
        desk.call(functions.KVM_MMU_SYNC_ROOTS)

        def is_synced(page: Object) -> Bool:
            calls = desk.session.calls(cuts.SYNC_CHILDREN.function)
            return is_called(calls, pointer_to(page))

        return RootsSynced(
            direct=ne(desk.flag(desk.mmu, kvm_mmu.ROOT_ROLE, page_role.DIRECT), 0),
            root=desk.met(0),
            guest_level=guest_level,
            entries=tuple(desk.entries),
            synced=is_synced(desk.pages[0]),
            synced_entries=tuple(map(is_synced, desk.below)),
            mmio_forgotten=forgets_mmio(desk.session),
            evidence=desk.session.evidence(),
        )

    @once
    def page_freed(self) -> RootPageFreed:
        """See `KeptRoots.page_freed`."""
        desk = RootDesk(self._unit)
        page, place = desk.pages[0], desk.place(desk.mmu, kvm_mmu.ROOT_HPA)
        before = [desk.read(page, name) for name in (kvm_mmu_page.ROOT_COUNT, kvm_mmu_page.TDP_MMU_PAGE)]
        hpa, invalid = desk.hpas[0], ne(desk.flag(page, kvm_mmu_page.ROLE, page_role.INVALID), 0)
        listed = Object(
            name="invalid_list", type=self._unit.record(list_heads.LIST), kind=ObjectKind.INPUT, by_pointer=True
        )
        pointers = {"root_hpa": pointer_to(desk.mmu, place.offset), "invalid_list": pointer_to(listed)}
        desk.session.call(desk.memory, root_cuts.FREE_ROOT.function, objects=desk.objects, pointers=pointers)
        put, zapped = (
            any_of(
                *(
                    all_of(call.guard, same_place(_pointer(call, 1), pointer_to(page)))
                    for call in desk.session.calls(cut.function)
                )
            )
            for cut in (cuts.PUT, cuts.ZAP)
        )
        return RootPageFreed(
            hpa=hpa,
            hpa_after=desk.read(desk.mmu, kvm_mmu.ROOT_HPA),
            with_page=desk.met(0).with_page,
            of_tdp=ne(before[1], 0),
            invalid=invalid,
            count=before[0],
            count_after=desk.read(page, kvm_mmu_page.ROOT_COUNT),
            put=put,
            zapped=zapped,
            evidence=desk.session.evidence(),
        )

    @once
    def loaded(self) -> RootsLoaded:
        """See `KeptRoots.loaded`."""
        bench = Bench(self._unit, cuts.LOADING)
        vcpu, mmu = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("mmu", kvm_mmu.MMU)
        bench.write(vcpu, kvm_mmu.IN_USE, pointer_to(mmu))
        direct = ne(bench.flag(mmu, kvm_mmu.ROOT_ROLE, page_role.DIRECT), 0)
        answer = bench.integer(functions.KVM_MMU_LOAD)
        made = bench.session.machine.calls_made

        def after(later: tuple[Cut, ...], earlier: tuple[Cut, ...]) -> Bool:
            befores = bench.session.calls(*(cut.function for cut in earlier))
            calls = bench.session.calls(*(cut.function for cut in later))
            last = max((made.index(each) for each in befores), default=-1)
            return any_of(*(each.guard for each in calls if made.index(each) > last))

        def gives_nought(cut: Cut) -> Bool:
            return any_of(*(all_of(call.guard, negate(is_nonzero(call))) for call in bench.session.calls(cut.function)))

        making = (cuts.MAKE_DIRECT, cuts.MAKE_SHADOW)
        return RootsLoaded(
            direct=direct,
            topped_up=gives_nought(cuts.TOP_UP),
            special=gives_nought(cuts.SPECIAL),
            made_direct=bench.session.called(cuts.MAKE_DIRECT.function),
            made_shadow=bench.session.called(cuts.MAKE_SHADOW.function),
            made=any_of(*map(gives_nought, making)),
            synced=after((cuts.SYNC,), making),
            loaded=after((cuts.LOAD,), (*making, cuts.SYNC)),
            flushed=after(cuts.FLUSH, (*making, cuts.LOAD)),
            answer=answer,
            evidence=bench.session.evidence(),
        )

    @once
    def unloaded(self) -> RootsUnloaded:
        """See `KeptRoots.unloaded`."""
        bench = Bench(self._unit, (*cuts.SWEEP, *root_cuts.PAGE_OF_ROOT))
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        bench.write(vcpu, kvm_vcpu.KVM, pointer_to(bench.add("kvm", kvm_vm.STRUCT)))
        bench.call(functions.KVM_MMU_UNLOAD)
        every = bv((1 << len(ROOTS)) - 1, 64)

        def all_of_mmu(name: str) -> Bool:
            place = pointer_to(vcpu, bench.place(vcpu, name).offset)
            return any_of(
                *(
                    all_of(
                        call.guard,
                        same_place(bench.session.pointer_argument(call, "mmu"), place),
                        eq(bench.session.argument(call, "roots_to_free") & every, every),
                    )
                    for call in bench.session.calls(FREE_ROOTS.function)
                )
            )

        return RootsUnloaded(
            own=all_of_mmu(kvm_mmu.ROOT_MMU),
            nested=all_of_mmu(kvm_mmu.GUEST_MMU),
            mmio_forgotten=forgets_mmio(bench.session),
            evidence=bench.session.evidence(),
        )

    @once
    def context_reset(self) -> ContextReset:
        """See `KeptRoots.context_reset`."""
        bench = Bench(self._unit, cuts.RESETS)
        vcpu = pointer_to(bench.add("vcpu", kvm_vcpu.STRUCT))
        bench.call(functions.KVM_MMU_RESET_CONTEXT)
        given_up, set_up = (is_called(bench.session.calls(cut.function), vcpu) for cut in (cuts.UNLOAD, cuts.SET_UP))
        return ContextReset(given_up=given_up, set_up=set_up, evidence=bench.session.evidence())


def forgets_mmio(session: Session) -> Bool:
    """Whether the last access to MMIO is forgotten, whatever its address was."""
    calls = session.calls(cuts.FORGET_MMIO.function)
    return any_of(*(all_of(call.guard, eq(session.argument(call, "gva"), _ANY_ADDRESS)) for call in calls))


def _pointer(call: CallMade, position: int) -> Pointer:
    """A pointer that a call is given."""
    told = call.arguments[position]
    assert isinstance(told, Pointer)
    return told
