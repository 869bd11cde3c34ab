"""How a vCPU comes by a root of the TDP MMU in a lifted tree: ``tdp_mmu.c``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, Pointer, Target, Value, choose, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import tdp_roots as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answered_last, given_last, is_called, is_given, is_nonzero, numbers_given
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_field, read_member
from mmuproof.model.named import functions, kvm_mmu, kvm_mmu_page, kvm_vcpu, kvm_vm, page_role
from mmuproof.model.tdp_roots import TdpRoots, TdpRootTaken
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bool_var, bv, eq, ite, ne, negate, resize, var

_TAKES = (functions.KVM_TDP_MMU_ALLOC_ROOT, functions.KVM_TDP_MMU_GET_VCPU_ROOT_HPA)
_HELD = 2
_FOUND, _LISTED, _NEW = "found root", "listed root", "new root"
_PAGES = {_FOUND: 0x1000, _LISTED: 0x2000, _NEW: 0x3000}
"""Where the entries of each root are."""
_ROOT, _MIRROR_ROOT = "root.hpa", "mirror_root_hpa"


class LiftedTdpRoots(TdpRoots, Remembers):
    """The roots of a lifted tree's TDP MMU.

    Args:
        unit: ``tdp_mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    def _root(self, name: str) -> Object:
        return Object(name=name, type=self._unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)

    def _bench(self, roots: dict[str, Object]) -> Bench:
        """A bench with a VM that has one root or none, and maybe another one when its list is looked at again."""

        def next_root(arguments: Sequence[Value | None]) -> Value:
            before = arguments[1]
            if isinstance(before, Pointer) and before.is_null is TRUE:
                return choose(bool_var("no root is found"), NULL, pointer_to(roots[_FOUND]))
            return NULL

        given: dict[Cut, Value | Callable[[Sequence[Value | None]], Value]]
        given = {cuts.MAKE: pointer_to(roots[_NEW]), cuts.FIRST: next_root}
        known = tuple(replace(cut, gives=given[cut]) if cut in given else cut for cut in cuts.TAKES)
        bench = Bench(self._unit, known)
        vcpu, kvm = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("kvm", kvm_vm.STRUCT)
        bench.write(vcpu, kvm_vcpu.KVM, pointer_to(kvm))
        Mmus(vcpu).connect(bench.memory, nested=False, l2=False)
        for name, root in roots.items():
            bench.write(root, kvm_mmu_page.SPT, Pointer((Target(guard=TRUE, address=bv(_PAGES[name], 64)),)))
            root.settled = True
        head, link = bench.place(kvm, kvm_vm.TDP_MMU_ROOTS), bench.place(roots[_LISTED], kvm_mmu_page.LINK)
        bench.memory.write(kvm, head.offset, 64, pointer_to(roots[_LISTED], link.offset))
        bench.memory.write(roots[_LISTED], link.offset, 64, pointer_to(kvm, head.offset))
        vcpu.settled = kvm.settled = True
        return bench

    @once
    def taken(self) -> TdpRootTaken:
        """See `TdpRoots.taken`."""
        roots = {name: self._root(name) for name in (_FOUND, _LISTED, _NEW)}
        bench = self._bench(roots)
        function = self._unit.function(*_TAKES)
        session, vcpu = bench.session, bench.objects[kvm_vcpu.STRUCT].targets[0].place
        assert vcpu is not None
        wanted = read_member(bench.memory, vcpu.object, Mmus(vcpu.object).place(Part.ROOT_MMU, kvm_mmu.ROOT_ROLE))
        mirror = ne(var("mirror", 8) & 1, 0) if "mirror" in self._unit.parameter_names(function.name) else FALSE
        places = [bench.place(vcpu.object, f"{kvm_mmu.ROOT_MMU}.{_ROOT}")]
        if mirror is not FALSE:
            places.append(bench.place(vcpu.object, f"{kvm_mmu.ROOT_MMU}.{_MIRROR_ROOT}"))
        before = [read_member(bench.memory, vcpu.object, place) for place in places]
        values = {"mirror": var("mirror", 8) & 1}
        answer = session.call(bench.memory, function.name, objects=bench.objects, values=values)
        after = [read_member(bench.memory, vcpu.object, place) for place in places]
        asked = session.calls(*(cut.function for cut in cuts.ADDRESS))
        page, (_, address) = given_last(asked, 64), answered_last(asked, 64)
        # Before 6.9 whoever asks puts the address there.
        own = answer if isinstance(answer, BitVec) and answer.width == after[0].width else after[0]
        taken = {name: eq(page, at) for name, at in _PAGES.items()}
        begins = session.calls(cuts.BEGIN.function)
        return TdpRootTaken(
            mirror=mirror,
            wanted=wanted if mirror is FALSE else ite(mirror, wanted | _mirror_bit(bench, roots[_FOUND]), wanted),
            found_role=bench.read(roots[_FOUND], kvm_mmu_page.ROLE),
            found=taken[_FOUND],
            listed_role=bench.read(roots[_LISTED], kvm_mmu_page.ROLE),
            listed=taken[_LISTED],
            held=any_of(
                *(
                    all_of(call.guard, is_given(call, pointer_to(roots[_LISTED])), is_nonzero(call))
                    for call in session.calls(cuts.HOLD.function)
                )
            ),
            made=taken[_NEW],
            made_role=resize(numbers_given(begins[0])[-1], 32) if len(begins) == 1 else bv(0, 32),
            made_held=_is_held(bench, roots[_NEW]),
            in_place=eq(ite(mirror, after[-1], own), address),
            beside=any_of(
                *(
                    all_of(when, ne(now, then))
                    for when, now, then in zip((mirror, negate(mirror))[: len(after)], after, before, strict=True)
                )
            ),
            evidence=session.evidence(),
        )


def _mirror_bit(bench: Bench, root: Object) -> int:
    """The bit of a role that tells a root which mirrors a table of TDX's."""
    role = bench.place(root, kvm_mmu_page.ROLE)
    return 1 << (bit_field(role, page_role.IS_MIRROR).offset - role.offset)


def _is_held(bench: Bench, root: Object) -> Bool:
    """Whether a new root is held twice, and is put on the VM's list."""
    session, kvm = bench.session, bench.objects[kvm_vm.STRUCT].targets[0].place
    assert kvm is not None
    count, link = (
        pointer_to(root, bench.place(root, name).offset)
        for name in (kvm_mmu_page.TDP_MMU_ROOT_COUNT, kvm_mmu_page.LINK)
    )
    roots = pointer_to(kvm.object, bench.place(kvm.object, kvm_vm.TDP_MMU_ROOTS).offset)
    counts = session.calls(*(cut.function for cut in cuts.COUNT))
    lists = session.calls(cuts.LIST.function)
    return all_of(
        any_of(*(all_of(c.guard, is_given(c, count), eq(resize(numbers_given(c)[0], 32), _HELD)) for c in counts)),
        is_called(lists, link, roots),
    )
