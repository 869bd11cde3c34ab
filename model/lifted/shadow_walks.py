"""Walks over the tables that a lifted tree builds: ``mmu.c``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.c_types import ArrayType, CType, IntType, StructMember
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import NULL, Memory, Object, ObjectKind, Pointer, Value, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import map_rounds
from mmuproof.model.cuts import shadow_walks as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, is_nonzero
from mmuproof.model.lifted.mmus import WALKS, Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_field, read, read_member
from mmuproof.model.lifted.variables import ENTRY, NUMBER, variable_like, variable_of
from mmuproof.model.named import (
    functions,
    kvm_mmu,
    kvm_mmu_page,
    kvm_vcpu,
    page_role,
    shadow_iterator,
    switches,
    tdp_iter,
)
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.shadow_walks import (
    PAE_ROOTS,
    SPTES,
    LastSpteFound,
    MmioSpteFound,
    RootInUse,
    RootKind,
    ShadowWalks,
    SpteRead,
    SptesFound,
    TdpWalkRound,
    WalkBegun,
    WalkMoved,
)
from mmuproof.smt.terms import (
    FALSE,
    BitVec,
    Bool,
    all_of,
    any_of,
    boolean,
    bv,
    eq,
    ite,
    ne,
    negate,
    sle,
    slt,
    ult,
    var,
    zext,
)

_ADDRESS_BITS, _PAGE_SHIFT = (1 << 52) - (1 << 12), 12
_ROOT = f"{kvm_mmu.ROOT_MMU}.root.hpa"
_SPTE = IntType(64, False, "u64")


def _frame_bits(bench: Bench) -> BitVec:
    """The bits of an entry that name a frame."""
    name = switches.PHYSICAL_MASK
    if bench.unit.has_variable(name):
        return bench.session.global_value(bench.memory, name) & _ADDRESS_BITS
    return bv(_ADDRESS_BITS, 64)


class _WalkBench(Bench):
    """A bench with a vCPU that uses a root of some kind.

    Args:
        unit: the code.
        kind: the root's.
        is_tdp: whether the root is the TDP MMU's, where a kernel asks that of the root.
    """

    def __init__(self, unit: Unit, kind: RootKind, *, is_tdp: bool = False) -> None:
        given = {cuts.IS_DUMMY: 0, cuts.IS_TDP: int(is_tdp)}
        super().__init__(
            unit,
            (
                *(replace(cut, gives=bv(value, 8)) for cut, value in given.items()),
                replace(cuts.TDP_WALK, gives=bv(-1, 32)),
                *cuts.CUTS,
            ),
        )
        self.vcpu = self.add("vcpu", kvm_vcpu.STRUCT)
        self.mmus = Mmus(self.vcpu)
        self.mmus.connect(self.memory, nested=False, l2=False)
        role, guest = (
            self.mmus.place(part, name)
            for part, name in ((Part.ROOT_MMU, "root_role"), (WALKS[MmuKind.SHADOW], "cpu_role"))
        )
        self._set(role, "level", kind.root_level)
        self._set(role, page_role.DIRECT, int(kind.direct))
        self._set(guest, "level", kind.guest_level)
        self.pae_root, self.sptes = _array("pae_root", PAE_ROOTS), _array("sptes", SPTES)
        place = self.mmus.place(Part.ROOT_MMU, kvm_mmu.PAE_ROOT)
        self.memory.write(self.vcpu, place.offset, place.width, pointer_to(self.pae_root))
        self.write(self.vcpu, _ROOT, zext(var("frame of the root", 40), 64) << _PAGE_SHIFT)
        self.spte, self.root_level = _input("*spte", _SPTE), _input("*root_level", IntType(32, True, "int"))
        self.before, self.addr = self.memory.copy(), var("addr", 64)

    def _set(self, role: StructMember, name: str, value: int) -> None:
        member = bit_field(role, name)
        self.memory.write(self.vcpu, member.offset, member.width, bv(value, member.width))

    def begins(self) -> RootInUse:
        """What the walk begins with."""
        root = self.read(self.vcpu, _ROOT, self.before)
        return RootInUse(
            root=root,
            pae_root=_values(self.before, self.pae_root, PAE_ROOTS),
            addr=self.addr,
            linear_base=self.session.global_value(self.before, switches.PAGE_OFFSET_BASE),
            frame_bits=_frame_bits(self),
        )

    def run(self, function: str) -> Value | None:
        """Call a function that walks."""
        pointers = {
            **{name: pointer_to(self.spte) for name in ("sptep", "spte")},
            "sptes": pointer_to(self.sptes),
            "root_level": pointer_to(self.root_level),
        }
        values = dict.fromkeys(("addr", "gpa"), self.addr)
        return self.session.call(self.memory, function, objects=self.objects, values=values, pointers=pointers)

    def reads(self, count: int) -> tuple[tuple[SpteRead, ...], Bool]:
        """The reads that it has made, of so many tables, and whether it has made more."""
        calls = self.session.calls(cuts.READ.function)
        if not calls:
            raise NotThere([f"{cuts.READ.function}()"])
        made = tuple(
            SpteRead(
                happens=call.guard,
                address=address_of(self.session.pointer_argument(call, "sptep")),
                spte=answer_of(call, 64),
            )
            for call in calls
        )
        return made[:count], any_of(*(each.happens for each in made[count:]))


def _input(name: str, type_: CType) -> Object:
    return Object(name=name, type=type_, kind=ObjectKind.INPUT, by_pointer=True)


def _array(name: str, count: int) -> Object:
    return _input(name, ArrayType(_SPTE, count, f"u64[{count}]"))


def _values(memory: Memory, array: Object, count: int) -> tuple[BitVec, ...]:
    return tuple(read(memory, array, number * 64, 64) for number in range(count))


def address_of(pointer: Pointer) -> BitVec:
    """The number that a pointer is; 0 where it is null.

    Raises:
        Refused: it leads to an object.
    """
    address = bv(0, 64)
    for target in pointer.targets:
        if target.address is not None:
            address = ite(target.guard, target.address, address)
        elif not target.is_null and target.unset is None:
            raise Refused("a pointer to an object where a number is meant")
    return address


class _TdpBench(Bench):
    """A bench on which a walk of the TDP MMU is any one round, and what it has found is kept behind pointers."""

    def __init__(self, unit: Unit, function: str) -> None:
        self.root = _input("root", unit.record(kvm_mmu_page.STRUCT))
        known = (*(replace(cut, gives=pointer_to(self.root)) for cut in cuts.ROOTS), *cuts.TDP)
        super().__init__(unit, known, any_round=frozenset({function}))
        self.vcpu = self.add("vcpu", kvm_vcpu.STRUCT)
        Mmus(self.vcpu).connect(self.memory, nested=False, l2=False)
        self.sptes, self.spte = _array("sptes", SPTES), _input("*spte", _SPTE)
        self.root_level = _input("*root_level", IntType(32, True, "int"))
        self.before = self.memory.copy()
        pointers = {"sptes": self.sptes, "spte": self.spte, "root_level": self.root_level}
        self.answer = self.session.call(
            self.memory,
            function,
            objects=self.objects,
            values={"addr": var("addr", 64), "gfn": var("gfn", 64)},
            pointers={name: pointer_to(object_) for name, object_ in pointers.items()},
        )
        self.made = self.session.round(function)
        self.walk = variable_of(self.made, tdp_iter.STRUCT)

    def found(self, *, frame: BitVec, finds_none: Bool, keeps: Bool, hands_on: Bool) -> TdpWalkRound:
        """The round."""
        start, root = (
            self.session.only_call(*(cut.function for cut in known)) for known in ((map_rounds.TDP_START,), cuts.ROOTS)
        )
        of_root = same_place(self.session.pointer_argument(start, "root"), pointer_to(self.root))
        walked = self.session.argument(root, "root", "shadow_page")
        in_range = all_of(ne(self.at_head(tdp_iter.VALID), 0), ult(self.at_head(tdp_iter.GFN), frame + 1))
        return TdpWalkRound(
            function=self.made.function,
            frame=frame,
            first_gfn=self.session.argument(start, "next_last_level_gfn"),
            lowest=self.session.argument(start, "min_level"),
            root=self.read(self.vcpu, _ROOT, self.before),
            root_walked=ite(of_root, walked, bv(0, 64)),
            finds_none=finds_none,
            in_range=in_range,
            level=self.at_head(tdp_iter.LEVEL),
            goes_on=self.made.goes_on,
            keeps=keeps,
            ends=negate(self.made.goes_on),
            hands_on=hands_on,
            evidence=self.session.evidence(),
        )

    def at_head(self, path: str) -> BitVec:
        """What a member of the walk holds when the round begins."""
        return self.read(self.walk, path, self.made.head)

    def pointer(self, memory: Memory, object_: Object, offset: int = 0) -> Pointer:
        """A pointer in memory."""
        pointer = as_pointer(memory.read(object_, offset, 64))
        if pointer is None:
            raise Refused(f"{object_.name} holds a number where a pointer is meant")
        return pointer


class LiftedShadowWalks(ShadowWalks, Remembers):
    """``mmu.c`` and ``tdp_mmu.c`` of a lifted tree.

    Args:
        unit: ``mmu.c``.
        tdp: ``tdp_mmu.c``.
    """

    def __init__(self, unit: Unit, tdp: Unit) -> None:
        super().__init__()
        self._unit, self._tdp = unit, tdp

    @once
    def begun(self, root_level: int) -> WalkBegun:
        """See `ShadowWalks.begun`."""
        bench = Bench(self._unit, cuts.CUTS)
        vcpu, walk = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("iterator", shadow_iterator.STRUCT)
        mmus = Mmus(vcpu)
        mmus.connect(bench.memory, nested=False, l2=False)
        role = mmus.place(Part.ROOT_MMU, kvm_mmu.ROOT_ROLE)
        for name, value in (("level", root_level), (page_role.DIRECT, 1)):
            member = bit_field(role, name)
            bench.memory.write(vcpu, member.offset, member.width, bv(value, member.width))
        root, dummy = bench.read(vcpu, _ROOT), bv(0, 8)
        if self._unit.has_function(cuts.IS_DUMMY.function):
            dummy = bench.integer(cuts.IS_DUMMY.function, shadow_page=root)
        bench.call(functions.SHADOW_WALK_INIT, addr=var("addr", 64))
        return WalkBegun(
            root=root,
            dummy=ne(dummy, 0),
            level=bench.read(walk, shadow_iterator.LEVEL),
            root_level=root_level,
            evidence=bench.session.evidence(),
        )

    @once
    def sptes(self, kind: RootKind) -> SptesFound:
        """See `ShadowWalks.sptes`."""
        bench = _WalkBench(self._unit, kind)
        leaf = bench.run("get_walk")
        assert isinstance(leaf, BitVec)
        reads, reads_more = bench.reads(kind.levels)
        return SptesFound(
            begins=bench.begins(),
            reads=reads,
            reads_more=reads_more,
            root_level=read(bench.memory, bench.root_level, 0, 32),
            leaf=leaf,
            sptes=_values(bench.memory, bench.sptes, SPTES),
            sptes_before=_values(bench.before, bench.sptes, SPTES),
            evidence=bench.session.evidence(),
        )

    @once
    def last_spte(self, kind: RootKind) -> LastSpteFound:
        """See `ShadowWalks.last_spte`."""
        bench = _WalkBench(self._unit, kind)
        found = bench.run(functions.FAST_PF_GET_LAST_SPTEP)
        assert isinstance(found, Pointer)
        reads, reads_more = bench.reads(kind.levels)
        return LastSpteFound(
            begins=bench.begins(),
            reads=reads,
            reads_more=reads_more,
            found=negate(any_of(*(each.guard for each in found.targets if each.is_null))),
            address=address_of(found),
            spte=read(bench.memory, bench.spte, 0, 64),
            evidence=bench.session.evidence(),
        )

    @once
    def mmio_spte(self, root_level: int) -> MmioSpteFound:
        """See `ShadowWalks.mmio_spte`."""
        bench, broken = self._mmio_spte(root_level, by_tdp_mmu=False)
        reads, reads_more = bench.reads(root_level)
        judged, reserved = self._judged(bench, reads, root_level)
        other, _ = self._mmio_spte(root_level, by_tdp_mmu=True)
        return MmioSpteFound(
            root=bench.read(bench.vcpu, _ROOT, bench.before),
            reads=reads,
            reads_more=reads_more,
            judged=judged,
            reserved=reserved,
            spte=read(bench.memory, bench.spte, 0, 64),
            broken=broken,
            asks_tdp_mmu=other.session.called(cuts.TDP_WALK.function),
            evidence=bench.session.evidence(),
        )

    def _mmio_spte(self, root_level: int, *, by_tdp_mmu: bool) -> tuple[_WalkBench, Bool]:
        """A bench on which ``get_mmio_spte()`` is called, and whether that says that the SPTEs are broken."""
        kind = RootKind(root_level=root_level, guest_level=root_level, direct=True)
        bench = _WalkBench(self._unit, kind, is_tdp=by_tdp_mmu)
        if not self._unit.has_function(cuts.IS_TDP.function):
            bench.set(switches.TDP_MMU_ENABLED, boolean(by_tdp_mmu))
        broken = bench.run(functions.GET_MMIO_SPTE)
        assert isinstance(broken, BitVec)
        return bench, ne(broken, 0)

    @staticmethod
    def _judged(
        bench: _WalkBench, reads: Sequence[SpteRead], root_level: int
    ) -> tuple[tuple[Bool, ...], tuple[Bool, ...]]:
        """Of each SPTE, whether it is asked for reserved bits at its level, and whether it has some."""
        table = bench.mmus.place(Part.ROOT_MMU, *kvm_mmu.SPTE_TABLE)
        own = pointer_to(bench.vcpu, table.offset)
        judged, reserved = [FALSE] * len(reads), [FALSE] * len(reads)
        calls = bench.session.calls(cuts.IS_RESERVED.function)
        if not calls:
            raise NotThere([f"{cuts.IS_RESERVED.function}()"])
        for call in calls:
            spte, level = (bench.session.argument(call, name) for name in ("spte", "level"))
            (check,) = (each for each in call.arguments if isinstance(each, Pointer))
            for number, each in enumerate(reads):
                mine = all_of(call.guard, same_place(check, own), eq(level, root_level - number), eq(spte, each.spte))
                judged[number] = any_of(judged[number], mine)
                reserved[number] = ite(mine, is_nonzero(call), reserved[number])
        return tuple(judged), tuple(reserved)

    @once
    def moved(self) -> WalkMoved:
        """See `ShadowWalks.moved`."""
        bench = Bench(self._unit, cuts.CUTS)
        walk, entry = bench.add("iterator", shadow_iterator.STRUCT), _input("*sptep", _SPTE)
        bench.write(walk, shadow_iterator.SPTEP, pointer_to(entry))
        level, spte = bench.read(walk, shadow_iterator.LEVEL), read(bench.memory, entry, 0, 64)
        bench.call(functions.SHADOW_WALK_NEXT)
        after = bench.read(walk, shadow_iterator.LEVEL)
        return WalkMoved(
            level=level,
            spte=spte,
            level_after=after,
            goes_on=sle(bv(1, 32), after),
            table_after=bench.read(walk, shadow_iterator.SHADOW_ADDR),
            frame_bits=_frame_bits(bench),
            evidence=bench.session.evidence(),
        )

    @once
    def tdp_sptes(self) -> TdpWalkRound:
        """See `ShadowWalks.tdp_sptes`."""
        bench = _TdpBench(self._tdp, functions.KVM_TDP_MMU_GET_WALK)
        made, answer = bench.made, bench.answer
        leaf = variable_like(made, NUMBER, "leaf")
        assert isinstance(answer, BitVec)
        before, level = _values(made.head, bench.sptes, SPTES), bench.at_head(tdp_iter.LEVEL)
        role = bit_field(Mmus(bench.vcpu).place(Part.ROOT_MMU, kvm_mmu.ROOT_ROLE), page_role.LEVEL)
        root_level = zext(read_member(bench.before, bench.vcpu, role), 32)
        keeps = FALSE
        if made.end is not None:
            after, own = _values(made.end, bench.sptes, SPTES), bench.at_head(tdp_iter.OLD_SPTE)
            same = (
                eq(new, ite(eq(level, number), own, old))
                for number, (old, new) in enumerate(zip(before, after, strict=True))
            )
            keeps = all_of(*same, eq(read(made.end, leaf, 0, 32), level))
        handed_on = (eq(old, new) for old, new in zip(before, _values(bench.memory, bench.sptes, SPTES), strict=True))
        return bench.found(
            frame=var("addr", 64) >> _PAGE_SHIFT,
            finds_none=slt(read(made.entered, leaf, 0, 32), bv(0, 32)),
            keeps=keeps,
            hands_on=all_of(
                *handed_on,
                eq(answer, read(made.head, leaf, 0, 32)),
                eq(read(bench.memory, bench.root_level, 0, 32), root_level),
            ),
        )

    @once
    def tdp_last_spte(self) -> TdpWalkRound:
        """See `ShadowWalks.tdp_last_spte`."""
        bench = _TdpBench(self._tdp, functions.KVM_TDP_MMU_FAST_PF_GET_LAST_SPTEP)
        made, answer = bench.made, bench.answer
        sptep = variable_like(made, ENTRY, "sptep")
        assert isinstance(answer, Pointer)
        keeps, place = FALSE, bench.place(bench.walk, tdp_iter.SPTEP)
        if made.end is not None:
            own = bench.pointer(made.head, bench.walk, place.offset)
            keeps = all_of(
                eq(read(made.end, bench.spte, 0, 64), bench.at_head(tdp_iter.OLD_SPTE)),
                same_place(bench.pointer(made.end, sptep), own),
            )
        return bench.found(
            frame=var("gfn", 64)
            if "gfn" in self._tdp.parameter_names(made.function)
            else var("addr", 64) >> _PAGE_SHIFT,
            finds_none=same_place(bench.pointer(made.entered, sptep), NULL),
            keeps=keeps,
            hands_on=all_of(
                same_place(answer, bench.pointer(made.head, sptep)),
                eq(read(bench.memory, bench.spte, 0, 64), read(made.head, bench.spte, 0, 64)),
            ),
        )
