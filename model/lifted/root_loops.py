"""What a lifted tree's TDP MMU does root by root: ``tdp_mmu.c``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from types import MappingProxyType

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import NULL, Pointer, Value, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import root_loops as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_nonzero, left_at, numbers_given, told_of
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_fields, has_member
from mmuproof.model.named import (
    constants,
    functions,
    kvm_gfn_range,
    kvm_memory_slot,
    kvm_mmu_page,
    kvm_vm,
    page_role,
    tdp_iter,
)
from mmuproof.model.root_loops import (
    GIVEN,
    ROOTS,
    TOLD,
    RootAged,
    RootDeed,
    RootLoop,
    RootLoops,
    RootsAged,
    RootsDone,
    RootsHandedOut,
)
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
    to_bv,
    ult,
    var,
    zext,
)

_NAMES: Mapping[RootLoop, tuple[str, ...]] = MappingProxyType(
    {
        RootLoop.INVALIDATE: (RootLoop.INVALIDATE.value, functions.KVM_TDP_MMU_INVALIDATE_ALL_ROOTS),
        RootLoop.RECOVER: (RootLoop.RECOVER.value, functions.KVM_TDP_MMU_ZAP_COLLAPSIBLE_SPTES),
    }
)
"""What loops have been called over time."""
_AGES = ("kvm_tdp_mmu_age_gfn_range", "kvm_tdp_mmu_test_age_gfn")
_WIDTHS = {"flush": 8, "shared": 8, "wrprot": 8, "min_level": 32, "target_level": 32, "root_types": 32}


class _Kinds:
    """The kinds of roots that somebody asks for.

    Args:
        unit: the code.
        types: a set of KVM_*_ROOTS; in older trees, whether valid roots alone are asked for.
        is_set: which of the two it is.
    """

    def __init__(self, unit: Unit, types: BitVec, *, is_set: bool) -> None:
        def has(name: str) -> Bool:
            return ne(types & constant_of(unit, name), 0)

        self.invalid = has(constants.KVM_INVALID_ROOTS) if is_set else eq(types, 0)
        self.direct, self.mirror = (
            map(has, (constants.KVM_DIRECT_ROOTS, constants.KVM_MIRROR_ROOTS)) if is_set else (TRUE, TRUE)
        )

    def include(self, invalid: Bool, mirror: Bool) -> Bool:
        """Whether a root is of one of them."""
        return all_of(any_of(self.invalid, negate(invalid)), ite(mirror, self.mirror, self.direct))


class _RootsBench(Bench):
    """A bench with a VM that has two roots of the TDP MMU, and no others.

    Args:
        unit: the code.
        known: the calls that are not followed.
    """

    def __init__(self, unit: Unit, known: Sequence[Cut]) -> None:
        self.kinds: dict[int, _Kinds] = {}
        answers = {cuts.NEXT_ROOT: self._next, cuts.GET_ROOT: self._get}
        super().__init__(unit, tuple(replace(cut, gives=answers.get(cut)) for cut in known))
        self.kvm, self.slot = self.add("kvm", kvm_vm.STRUCT), self.add("slot", kvm_memory_slot.STRUCT)
        self.range = self.add("range", kvm_gfn_range.STRUCT)
        self.write(self.range, kvm_gfn_range.SLOT, pointer_to(self.slot))
        self.roots = [self.add(f"root{number + 1}", kvm_mmu_page.STRUCT) for number in range(ROOTS)]
        head, link = (
            self.place(self.kvm, kvm_vm.TDP_MMU_ROOTS).offset,
            self.place(self.roots[0], kvm_mmu_page.LINK).offset,
        )
        links = [pointer_to(self.kvm, head), *(pointer_to(root, link) for root in self.roots)]
        self.write(self.kvm, kvm_vm.TDP_MMU_ROOTS_NEXT, links[1])
        for root, following in zip(self.roots, (*links[2:], links[0]), strict=True):
            self.write(root, kvm_mmu_page.LINK_NEXT, following)
        self.before = self.memory.copy()

    def _get(self, arguments: Sequence[Value | None]) -> Value:
        """Whether a reference to a root can be taken."""
        root, held = arguments[0], FALSE
        assert isinstance(root, Pointer)
        for number, each in enumerate(self.roots):
            held = any_of(held, all_of(same_place(root, pointer_to(each)), self.held(number)))
        return to_bv(held, 8)

    @staticmethod
    def held(number: int) -> Bool:
        """Whether a reference to a root can be taken."""
        return bool_var(f"a reference to root{number + 1} can be taken")

    def _next(self, arguments: Sequence[Value | None]) -> Value:
        """The root after the one that ``tdp_mmu_next_root()`` is told."""
        names = self.unit.parameter_names(cuts.NEXT_ROOT.function)
        by_name = dict(zip(names, arguments, strict=True))
        if "prev_root" not in by_name:
            raise NotThere([f"a parameter prev_root of {cuts.NEXT_ROOT.function}()"])
        former, number = by_name["prev_root"], 0
        if not isinstance(former, Pointer) or len(former.targets) != 1:
            raise Refused(f"{cuts.NEXT_ROOT.function}() is asked for what follows any of several roots")
        place = former.targets[0].place
        if place is not None:
            number = self.roots.index(place.object) + 1
        if number == ROOTS:
            return NULL
        self.kinds[number] = self._kinds(by_name)
        return pointer_to(self.roots[number])

    def _kinds(self, arguments: Mapping[str, Value | None]) -> _Kinds:
        name = next((each for each in ("types", "only_valid") if each in arguments), "")
        types = arguments.get(name)
        if not isinstance(types, BitVec):
            raise NotThere([f"a parameter types of {cuts.NEXT_ROOT.function}()"])
        return _Kinds(self.unit, types, is_set=name == "types")

    def role(self, number: int, name: str) -> Bool:
        """A member of a root's role, as it is now; false if roles have none of the name."""
        root = self.roots[number]
        if name not in bit_fields(self.place(root, kvm_mmu_page.ROLE).type):
            return FALSE
        return ne(self.flag(root, kvm_mmu_page.ROLE, name), 0)

    def scheduled(self, number: int) -> Bool:
        """Whether it is noted that a root is still to be zapped."""
        return ne(self.read(self.roots[number], kvm_mmu_page.TDP_MMU_SCHEDULED_ROOT_TO_ZAP), 0)

    def of(self, number: int, *functions: str) -> tuple[tuple[CallMade, Bool], ...]:
        """The calls of some functions for a root, each with when it is made for it."""
        found: list[tuple[CallMade, Bool]] = []
        for call in self.session.calls(*functions):
            told = self.session.pointer_argument(call, "root")
            found.append((call, all_of(call.guard, same_place(told, pointer_to(self.roots[number])))))
        return tuple(each for each in found if each[1] is not FALSE)


class LiftedRootLoops(RootLoops, Remembers):
    """``tdp_mmu.c`` of a lifted tree.

    Args:
        unit: it.
        _mmu: ``mmu.c``, in which is read what those write that are not followed.
        _spte: ``spte.c``, likewise.
    """

    def __init__(self, unit: Unit, _mmu: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def done(self, loop: RootLoop) -> RootsDone:
        """See `RootLoops.done`."""
        bench, function = _RootsBench(self._unit, cuts.CUTS), self._unit.function(*_NAMES.get(loop, (loop.value,)))
        has = self._unit.parameter_names(function.name)
        values = {name: self._told(name) for name in (*GIVEN[loop], "root_types") if "->" not in name}
        given = {name: self._given(bench, name, has, values) for name in GIVEN[loop]}
        before = [(bench.role(number, page_role.INVALID), bench.scheduled(number)) for number in range(ROOTS)]
        answer = bench.session.call(bench.memory, function.name, objects=bench.objects, values=values)
        if "root_types" in has:
            bench.kinds = dict.fromkeys(range(ROOTS), _Kinds(self._unit, values["root_types"], is_set=True))
        has_mirrors, of_shared, of_private = self._meant(bench)
        return RootsDone(
            roots=tuple(self._deed(bench, loop, number, *before[number]) for number in range(ROOTS)),
            given=given,
            has_mirrors=has_mirrors,
            of_shared=of_shared,
            of_private=of_private,
            answer=ne(answer, 0) if isinstance(answer, BitVec) else FALSE,
            evidence=bench.session.evidence(),
        )

    @staticmethod
    def _told(name: str) -> BitVec:
        width = _WIDTHS.get(name, 64)
        return var(name, width) & 1 if width == 8 else var(name, width)

    @staticmethod
    def _given(bench: _RootsBench, name: str, has: Sequence[str], values: Mapping[str, BitVec]) -> BitVec:
        owner, _, member = name.partition("->")
        if member:
            return zext(bench.read(bench.slot if owner == "slot" else bench.range, member), 64)
        # Where the lock is taken for reading anyhow, nobody says so.
        return zext(values[name], 64) if name in has or name != "shared" else bv(1, 64)

    def _meant(self, bench: _RootsBench) -> tuple[Bool, Bool, Bool]:
        """Whether the VM has mirrors, and whether shared and private frames are meant."""
        if not has_member(self._unit.record(kvm_vm.ARCH), [kvm_vm.ARCH_GFN_DIRECT_BITS]):
            return FALSE, TRUE, TRUE
        mirrors = eq(
            bench.read(bench.kvm, kvm_vm.VM_TYPE, bench.before), constant_of(self._unit, constants.KVM_X86_TDX_VM)
        )
        meant = bench.read(bench.range, kvm_gfn_range.ATTR_FILTER, bench.before)
        of_shared, of_private = (
            ne(meant & constant_of(self._unit, name), 0)
            for name in (constants.KVM_FILTER_SHARED, constants.KVM_FILTER_PRIVATE)
        )
        return mirrors, of_shared, of_private

    def _deed(self, bench: _RootsBench, loop: RootLoop, number: int, invalid: Bool, scheduled: Bool) -> RootDeed:
        mirror, smm, kinds = (
            bench.role(number, page_role.IS_MIRROR),
            bench.role(number, page_role.SMM),
            bench.kinds.get(number),
        )
        works = bench.of(number, *(cut.function for cut in cuts.WORKERS))
        puts = bench.of(number, cuts.PUT_ROOT.function)
        made = bench.session.machine.calls_made
        done = any_of(*(when for _, when in works))
        told, answer = dict.fromkeys(TOLD[loop], bv(0, 64)), FALSE
        for call, when in works:
            told = {name: ite(when, self._argument(bench, call, name), value) for name, value in told.items()}
            answer = ite(when, _answered(call), answer)
        put = any_of(
            *(
                all_of(done, when)
                for call, when in puts
                if all(made.index(each) < made.index(call) for each, _ in works)
            )
        )
        return RootDeed(
            invalid=invalid,
            mirror=mirror,
            smm=smm,
            scheduled=scheduled,
            handed_out=TRUE if kinds is None else kinds.include(invalid, mirror),
            done=done,
            told=told,
            answer=answer,
            invalid_after=bench.role(number, page_role.INVALID),
            scheduled_after=bench.scheduled(number),
            put=put,
        )

    def _argument(self, bench: _RootsBench, call: CallMade, name: str) -> BitVec:
        if name == "slot":
            return to_bv(same_place(bench.session.pointer_argument(call, name), pointer_to(bench.slot)), 64)
        return zext(bench.session.argument(call, name), 64)

    @once
    def handed_out(self) -> RootsHandedOut:
        """See `RootLoops.handed_out`."""
        bench = _RootsBench(self._unit, [cut for cut in cuts.CUTS if cut is not cuts.NEXT_ROOT])
        name, before = cuts.NEXT_ROOT.function, bench.memory.copy()
        values = {"types": var("types", 32), "only_valid": var("only_valid", 8) & 1, "shared": var("shared", 8) & 1}
        has = self._unit.parameter_names(name)
        kinds = _Kinds(self._unit, values["types" if "types" in has else "only_valid"], is_set="types" in has)

        def given(former: Pointer) -> tuple[Bool, ...]:
            bench.memory = before.copy()
            found = bench.session.call(
                bench.memory, name, objects=bench.objects, values=values, pointers={"prev_root": former}
            )
            if not isinstance(found, Pointer):
                raise Refused(f"{name}() gives no pointer")
            return tuple(same_place(found, pointer_to(root)) for root in bench.roots)

        first, after_first = given(NULL), given(pointer_to(bench.roots[0]))
        return RootsHandedOut(
            invalid=tuple(bench.role(number, page_role.INVALID) for number in range(ROOTS)),
            mirror=tuple(bench.role(number, page_role.IS_MIRROR) for number in range(ROOTS)),
            held=tuple(bench.held(number) for number in range(ROOTS)),
            wants_invalid=kinds.invalid,
            wants_direct=kinds.direct,
            wants_mirror=kinds.mirror,
            first=first,
            after_first=after_first[1],
            evidence=bench.session.evidence(),
        )

    @once
    def aged(self, tests: bool) -> RootsAged:
        """See `RootLoops.aged`."""
        valid = ((0, tdp_iter.VALID, bv(1, 8)),)
        steps = {cuts.START: valid, cuts.NEXT: ((0, tdp_iter.VALID, bv(0, 8)),)}
        bench = _RootsBench(self._unit, [replace(cut, stores=steps.get(cut, ())) for cut in cuts.AGES])
        has_mirrors, of_shared, of_private = self._meant(bench)
        answer = bench.integer(_AGES[tests])
        return RootsAged(
            tests=tests,
            roots=tuple(self._aged(bench, number) for number in range(ROOTS)),
            space=zext(bench.read(bench.slot, kvm_memory_slot.AS_ID), 64),
            start=bench.read(bench.range, kvm_gfn_range.START),
            has_mirrors=has_mirrors,
            of_shared=of_shared,
            of_private=of_private,
            answer=ne(answer, 0),
            evidence=bench.session.evidence(),
        )

    def _aged(self, bench: _RootsBench, number: int) -> RootAged:
        session, calls = bench.session, bench.session.machine.calls_made
        starts = bench.of(number, cuts.START.function)
        if len(starts) != 1:
            raise NotThere([f"one walk below each root, in {_AGES[0]}()"])
        ((start, walked),) = starts
        level, gfn, spte = (
            left_at(start, 0, width, name)
            for name, width in ((tdp_iter.LEVEL, 32), (tdp_iter.GFN, 64), (tdp_iter.OLD_SPTE, 64))
        )
        # What is called between this walk and the next one is for this one's entry.
        after = calls[calls.index(start) + 1 :]
        own = list(takewhile(lambda call: call.function != cuts.START.function, after))
        asked = [call for call in own if call.function == cuts.ACCESSED.function]
        ages = {cut.function for cut in (*cuts.AGE, *cuts.FORMER_AGE)}
        return RootAged(
            invalid=bench.role(number, page_role.INVALID),
            mirror=bench.role(number, page_role.IS_MIRROR),
            smm=bench.role(number, page_role.SMM),
            walked=walked,
            first=session.argument(start, "next_last_level_gfn"),
            lowest=session.argument(start, "min_level"),
            in_range=ult(gfn, bench.read(bench.range, kvm_gfn_range.END)),
            level=level,
            spte=spte,
            accessed=told_of(
                ((call, all_of(call.guard, eq(numbers_given(call)[0], spte))) for call in asked),
                f"the entry below root{number + 1} tells of an access",
            ),
            aged=any_of(*(call.guard for call in own if call.function in ages)),
        )


def _answered(call: CallMade) -> Bool:
    """What a function answers that does the work, as a truth value; false if it answers nothing."""
    return is_nonzero(call) if call.bits else FALSE
