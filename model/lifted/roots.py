"""Roots in a lifted tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mmuproof.lift.c_types import ArrayType, IntType, RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import NULL, Memory, Object, ObjectKind, Pointer, Value, pointer_to
from mmuproof.lift.machine.values import as_pointer, choose
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import common
from mmuproof.model.cuts import roots as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_legal, is_nonzero, is_request
from mmuproof.model.lifted.kept_roots import forgets_mmio
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_field, member, own_member, read, read_member
from mmuproof.model.lifted.tdp_mmu_use import uses_tdp_mmu
from mmuproof.model.lifted.vmcs12 import lent_vmcs12
from mmuproof.model.named import (
    functions,
    kvm_mmu,
    kvm_mmu_page,
    kvm_vcpu,
    kvm_vm,
    page_role,
    spte_masks,
    vcpu_requests,
    vcpu_svm,
    vcpu_vmx,
    vmcb_fields,
    vmcs12_fields,
)
from mmuproof.model.roots import (
    KEPT_ROOTS,
    DirectRootsMade,
    EptpSwitched,
    KeptRoot,
    PageAsked,
    RootAsked,
    RootChange,
    Roots,
    RootsMade,
    RootTaken,
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
    resize,
    to_bv,
    var,
)

_ROLE, _ROOT_ROLE = 32, f"{kvm_mmu.ROOT_MMU}.root_role"
_KEPT, _NO_SPACE = range(KEPT_ROOTS), -28
_PAE_TABLE = ArrayType(IntType(64, False, "u64"), 4, "u64[4]")
"""The root of PAE paging has four entries."""


_LEGAL = (functions.KVM_VCPU_IS_LEGAL_CR3, functions.KVM_VCPU_IS_ILLEGAL_GPA)
"""What says whether a guest can have a CR3, now and formerly."""
_RCX = 1
"""The number of RCX among the registers: SDM 3.4.1, APM 3.1.1."""


class LiftedRoots(Roots, Remembers):
    """The parts of a lifted tree that change and make roots.

    Args:
        mmu: ``mmu.c``.
        registers: the unit that sets CR3 for the guest.
        nested_vmx: ``vmx/nested.c``.
        nested_svm: ``svm/nested.c``.
    """

    def __init__(self, mmu: Unit, registers: Unit, nested_vmx: Unit, nested_svm: Unit) -> None:
        super().__init__()
        self._mmu, self._registers, self._nested_vmx, self._nested_svm = mmu, registers, nested_vmx, nested_svm

    @once
    def asked(self, change: RootChange) -> RootAsked:
        """See `Roots.asked`."""
        if change is RootChange.NESTED_EPT:
            return self._nested_ept()
        if change is RootChange.NESTED_NPT:
            return self._nested_npt()
        return self._nested_cr3(change) if change is not RootChange.CR3 else self._cr3()

    def _nested_ept(self) -> RootAsked:
        bench = Bench(self._nested_vmx, cuts.NESTED_TABLES, linked=(self._mmu,))
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        bench.lend_vcpu(vmx)
        vmcs12 = lent_vmcs12(bench, vmx)
        return self._on_nested_tables(RootChange.NESTED_EPT, bench, vmx, bench.read(vmcs12, vmcs12_fields.EPT_POINTER))

    def _nested_npt(self) -> RootAsked:
        bench = Bench(self._nested_svm, cuts.NESTED_TABLES, linked=(self._mmu,))
        svm = bench.add("svm", vcpu_svm.STRUCT)
        bench.lend_vcpu(svm)
        bench.write(svm, vcpu_svm.VMCB01_PTR, pointer_to(bench.add("vmcb01", vmcb_fields.STRUCT)))
        return self._on_nested_tables(
            RootChange.NESTED_NPT, bench, svm, bench.read(svm, vcpu_svm.NESTED_CTL_NESTED_CR3)
        )

    def _on_nested_tables(self, change: RootChange, bench: Bench, owner: Object, pgd: BitVec) -> RootAsked:
        Mmus(owner, "vcpu.").connect(bench.memory, nested=False, l2=False)
        bench.call(change.value)
        return _asked(
            bench,
            owner,
            "vcpu.",
            done=TRUE,
            needed=TRUE,
            wanted_pgd=pgd,
            wanted_role=_role_in_use(bench, bench.memory, owner, "vcpu."),
        )

    def _nested_cr3(self, change: RootChange) -> RootAsked:
        unit = self._nested_vmx if change is RootChange.NESTED_CR3_VMX else self._nested_svm
        # The role that the vCPU's registers call for is there once the MMU is set up for them.
        wanted = var("the role for the new registers", _ROLE)
        set_up = replace(
            cuts.INIT_MMU, writes=(), stores=((0, f"{kvm_mmu.ROOT_MMU}.{kvm_mmu.ROOT_ROLE_WORD}", wanted),)
        )
        bench = Bench(unit, (set_up, *cuts.LOAD_CR3))
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        nested, cr3 = var("nested", 1), var("cr3", 64)
        code = Object(name="entry_failure_code", type=IntType(32, False, "u32"), kind=ObjectKind.INPUT)
        mmus = Mmus(vcpu)
        mmus.connect(bench.memory, nested=False, l2=False)
        own = bench.memory.copy()
        mmus.connect(bench.memory, nested=True, l2=True)
        in_use = own_member(_record(vcpu), kvm_mmu.IN_USE)
        mmu = choose(
            ne(nested, 0),
            bench.memory.read(vcpu, in_use.offset, in_use.width),
            own.read(vcpu, in_use.offset, in_use.width),
        )
        bench.memory.write(vcpu, in_use.offset, in_use.width, mmu)
        refused = bench.integer(
            change.value,
            {"entry_failure_code": pointer_to(code)},
            cr3=cr3,
            nested_ept=resize(nested, 8),
            nested_npt=resize(nested, 8),
            reload_pdptrs=var("reload_pdptrs", 8),
        )
        return _asked(
            bench,
            vcpu,
            "",
            done=eq(refused, 0),
            needed=eq(nested, 0),
            wanted_pgd=bench.read(vcpu, kvm_vcpu.CR3),
            wanted_role=wanted,
            loads=TRUE,
            finds_pointers=all_of(eq(nested, 0), ne(var("reload_pdptrs", 8), 0)),
        )

    def _cr3(self) -> RootAsked:
        bench = Bench(self._registers, cuts.LOAD_CR3)
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        Mmus(vcpu).connect(bench.memory, nested=False, l2=False)
        before = bench.read(vcpu, kvm_vcpu.CR3)
        refused = bench.integer(RootChange.CR3.value, cr3=var("cr3", 64))
        after = bench.read(vcpu, kvm_vcpu.CR3)
        return _asked(
            bench,
            vcpu,
            "",
            done=eq(refused, 0),
            needed=ne(before, after),
            wanted_pgd=after,
            wanted_role=_role_in_use(bench, bench.memory, vcpu, ""),
            loads=ne(before, after),
            finds_pointers=any_of(*(call.guard for call in bench.session.calls(functions.IS_PAE_PAGING)[-1:])),
        )

    @once
    def eptp_switched(self) -> EptpSwitched:
        """See `Roots.eptp_switched`."""
        bench = Bench(self._nested_vmx, cuts.SWITCH)
        vcpu, vmcs12 = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("vmcs12", vmcs12_fields.STRUCT)
        index = read(bench.memory, vcpu, bench.place(vcpu, kvm_vcpu.REGISTERS).offset + _RCX * 64, 32)
        address, before = (
            bench.read(vmcs12, name) for name in (vmcs12_fields.EPTP_LIST_ADDRESS, vmcs12_fields.EPT_POINTER)
        )
        left = bench.integer(functions.NESTED_VMX_EPTP_SWITCHING)
        told = bench.session.argument
        reads = bench.session.only_call(cuts.READ_LIST.function)
        checks = bench.session.only_call(cuts.CHECK_EPTP.function)
        rebuilds = bench.session.only_call(cuts.SET_UP_EPT.function)
        return EptpSwitched(
            index=index,
            list_address=address,
            done=eq(left, 0),
            gfn=told(reads, "gfn"),
            offset=told(reads, "offset"),
            length=told(reads, "len"),
            found=told(checks, "new_eptp"),
            valid=all_of(checks.guard, is_nonzero(checks)),
            before=before,
            after=bench.read(vmcs12, vmcs12_fields.EPT_POINTER),
            rebuilt=rebuilds.guard,
            at_rebuild=bench.read(vmcs12, vmcs12_fields.EPT_POINTER, rebuilds.memory),
            evidence=bench.session.evidence(),
        )

    @once
    def taken(self) -> RootTaken:
        """See `Roots.taken`."""
        pages = [Bench(self._mmu, ()).add(f"page of root {number}", kvm_mmu_page.STRUCT) for number in _KEPT]
        with_page = [TRUE if number else bool_var("the root in use has a page") for number in _KEPT]
        before: list[KeptRoot] = []

        def page_of(arguments: Sequence[Value | None]) -> Value:
            asked, found = arguments[0], pointer_to(pages[0])
            assert isinstance(asked, BitVec)
            for root, page, there in reversed(list(zip(before, pages, with_page, strict=True))):
                found = as_pointer(choose(eq(asked, root.hpa), choose(there, pointer_to(page), NULL), found)) or NULL
            return found

        gone = replace(cuts.FREE_ROOT, writes=(), stores=((1, "", bv(-1, 64)),))
        finds = [replace(cut, gives=page_of) for cut in cuts.PAGE_OF_ROOT]

        def is_dummy(arguments: Sequence[Value | None]) -> Value:
            page = as_pointer(page_of(arguments))
            assert page is not None
            return to_bv(all_of(page.is_null, bool_var(f"{cuts.DUMMY_ROOT.function}()")), 8)

        bench = Bench(self._mmu, (*finds, gone, replace(cuts.DUMMY_ROOT, gives=is_dummy), *cuts.TAKE))
        vcpu, mmu = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("mmu", kvm_mmu.MMU)
        bench.write(vcpu, kvm_mmu.IN_USE, pointer_to(mmu))
        table = Object(name="pae_root", type=_PAE_TABLE, kind=ObjectKind.INPUT, by_pointer=True)
        bench.write(mmu, kvm_mmu.PAE_ROOT, choose(bool_var("there are special roots"), pointer_to(table), NULL))
        before += _kept(bench, mmu)
        role, is_direct = (
            bench.read(mmu, kvm_mmu.ROOT_ROLE),
            ne(bench.flag(mmu, kvm_mmu.ROOT_ROLE, page_role.DIRECT), 0),
        )
        roles = [bench.read(page, kvm_mmu_page.ROLE) for page in pages]
        pgd = var("new_pgd", 64)
        bench.call(functions.KVM_MMU_NEW_PGD, new_pgd=pgd)
        return RootTaken(
            pgd=pgd,
            role=role,
            direct=is_direct,
            before=tuple(before),
            page_roles=tuple(roles),
            with_page=tuple(with_page),
            after=tuple(_kept(bench, mmu)),
            freed=tuple(_freed(bench, mmu, root.hpa) for root in before),
            loads=_asks_to_load(bench),
            forgets=forgets_mmio(bench.session),
            evidence=bench.session.evidence(),
        )

    @once
    def made(self) -> RootsMade:
        """See `Roots.made`."""
        bench, vcpu, tables = self._making()
        mmus = Mmus(vcpu)
        walked = bit_field(mmus.place(Part.GUEST_WALK, kvm_mmu.CPU_ROLE), page_role.LEVEL)
        guest_level = read_member(bench.memory, vcpu, walked)
        level = bench.flag(vcpu, _ROOT_ROLE, page_role.LEVEL)
        failed = bench.integer("mmu_alloc_shadow_roots")
        asked = _pages_asked(bench)
        dummy = bench.session.called(cuts.DUMMY.function)

        of_root, of_pdptes = _frames_judged(bench, asked[0].gfn)
        return RootsMade(
            done=all_of(eq(failed, 0), negate(dummy)),
            guest_level=guest_level,
            level=level,
            pgd=var(f"{cuts.GUEST_PGD.function}()", 64),
            root_visible=of_root,
            pdptes=tuple(var(_made_by(cuts.GUEST_PDPTE, number), 64) for number in range(1, 5)),
            visible=of_pdptes,
            whole=asked[0],
            quarters=tuple(asked[1:]),
            entries=_entries(bench, tables[0]),
            special=tuple(_entries(bench, table)[0] for table in tables[1:]),
            tables=tuple(var(f"&{table.name}", 64) for table in tables),
            root=bench.read(vcpu, f"{kvm_mmu.ROOT_MMU}.{kvm_mmu.ROOT_HPA}"),
            root_pgd=bench.read(vcpu, f"{kvm_mmu.ROOT_MMU}.{kvm_mmu.ROOT_PGD}"),
            me_value=bench.session.global_value(bench.memory, spte_masks.ENCRYPTED_VALUE),
            evidence=bench.session.evidence(),
        )

    @once
    def made_direct(self) -> DirectRootsMade:
        """See `Roots.made_direct`."""
        bench, vcpu, (table, *_) = self._making()
        level = bench.flag(vcpu, _ROOT_ROLE, page_role.LEVEL)
        failed = bench.integer("mmu_alloc_direct_roots")
        whole, *quarters = _pages_asked(bench)
        return DirectRootsMade(
            done=eq(failed, 0),
            tdp_mmu=uses_tdp_mmu(bench, bench.pointee(vcpu, kvm_vcpu.KVM)),
            of_tdp_mmu=bench.session.called(*(cut.function for cut in cuts.TDP_ROOT)),
            level=level,
            whole=whole,
            quarters=tuple(quarters),
            entries=_entries(bench, table),
            table=var(f"&{table.name}", 64),
            root=bench.read(vcpu, f"{kvm_mmu.ROOT_MMU}.{kvm_mmu.ROOT_HPA}"),
            root_pgd=bench.read(vcpu, f"{kvm_mmu.ROOT_MMU}.{kvm_mmu.ROOT_PGD}"),
            me_value=bench.session.global_value(bench.memory, spte_masks.ENCRYPTED_VALUE),
            evidence=bench.session.evidence(),
        )

    def _making(self) -> tuple[Bench, Object, tuple[Object, ...]]:
        """A vCPU of a VM, with the tables above pages."""

        def numbered(cut: Cut) -> Cut:
            # A call is on the list already, so each has a number of its own.
            return replace(cut, gives=lambda _: var(_made_by(cut, len(bench.session.calls(cut.function))), 64))

        def address(arguments: Sequence[Value | None]) -> Value:
            # The number that stands for where a table is stands for its physical address as well.
            (table,) = arguments
            assert isinstance(table, BitVec)
            return table

        known = (numbered(cuts.ALLOC_ROOT), numbered(cuts.GUEST_PDPTE), replace(cuts.ADDRESS, gives=address))
        fails = bool_var(f"{cuts.MAKE_AVAILABLE.function}() fails")
        available = replace(cuts.MAKE_AVAILABLE, gives=ite(fails, bv(_NO_SPACE, 32), 0))
        bench = Bench(self._mmu, (*known, available, *cuts.MAKE))
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        bench.write(vcpu, kvm_vcpu.KVM, pointer_to(bench.add("kvm", kvm_vm.STRUCT)))
        Mmus(vcpu).connect(bench.memory, nested=False, l2=False)
        names = (kvm_mmu.PAE_ROOT, kvm_mmu.PML4_ROOT, kvm_mmu.PML5_ROOT)
        tables = tuple(Object(name=name, type=_PAE_TABLE, kind=ObjectKind.INPUT, by_pointer=True) for name in names)
        for table in tables:
            bench.write(vcpu, f"{kvm_mmu.ROOT_MMU}.{table.name}", pointer_to(table))
        return bench, vcpu, tables


def _pages_asked(bench: Bench) -> tuple[PageAsked, ...]:
    """The pages that are asked for: a whole one, and one for each entry of a PAE root."""
    asked, calls = [], bench.session.calls(cuts.ALLOC_ROOT.function)
    if len(calls) != 1 + _PAE_TABLE.count:
        raise Refused("roots are made in other ways than a whole one and four quarters")
    for number, call in enumerate(calls, 1):
        told = {name: bench.session.argument(call, name) for name in ("gfn", "quadrant", "level")}
        asked.append(PageAsked(when=call.guard, **told, address=var(_made_by(cuts.ALLOC_ROOT, number), 64)))
    return tuple(asked)


def _frames_judged(bench: Bench, root: BitVec) -> tuple[Bool, tuple[Bool, ...]]:
    """Whether memory slots show the frame of the guest's root, and those of its PDPTEs; open where nobody asks."""
    of_root, others = FALSE, []
    for call in bench.session.calls(*(each.function for each in cuts.VISIBLE)):
        shown = is_nonzero(call)
        if eq(bench.session.argument(call, "gfn"), root) == TRUE:
            of_root = any_of(of_root, all_of(call.guard, shown))
        else:
            others.append(shown)
    unasked = (bool_var(f"a slot shows the frame of PDPTE {number}") for number in range(_PAE_TABLE.count))
    return of_root, tuple(others) if len(others) == _PAE_TABLE.count else tuple(unasked)


def _entries(bench: Bench, table: Object) -> tuple[BitVec, ...]:
    """What a table holds."""
    return tuple(read(bench.memory, table, number * 64, 64) for number in range(_PAE_TABLE.count))


def _made_by(cut: Cut, number: int) -> str:
    """What the result of one of several calls is called."""
    return f"{cut.function}() {number}"


def _freed(bench: Bench, mmu: Object, hpa: BitVec) -> Bool:
    """Whether a root of this address is given up."""
    found = FALSE
    for call in bench.session.calls(cuts.FREE_ROOT.function):
        where = call.arguments[1]
        assert isinstance(where, Pointer)
        assert call.memory is not None
        for target in where.targets:
            if target.place is not None and target.place.object is mmu:
                held = read(call.memory, target.place.object, target.place.offset, 64)
                found = any_of(found, all_of(call.guard, target.guard, eq(held, hpa)))
    return found


def _kept(bench: Bench, mmu: Object) -> Iterator[KeptRoot]:
    """The roots that an MMU keeps, that in use first."""
    current, earlier = bench.place(mmu, kvm_mmu.ROOT), bench.place(mmu, kvm_mmu.PREV_ROOTS)
    assert isinstance(earlier.type, ArrayType)
    assert isinstance(current.type, RecordType)
    starts = (current.offset, *(earlier.offset + i * current.type.bits for i in range(earlier.type.count)))
    for start in starts:
        pgd, hpa = (own_member(current.type, name) for name in ("pgd", "hpa"))
        yield KeptRoot(*(read(bench.memory, mmu, start + each.offset, each.width) for each in (pgd, hpa)))


def _asked(
    bench: Bench,
    owner: Object,
    prefix: str,
    *,
    done: Bool,
    needed: Bool,
    wanted_pgd: BitVec,
    wanted_role: BitVec,
    loads: Bool = FALSE,
    finds_pointers: Bool = FALSE,
) -> RootAsked:
    """What the calls of ``kvm_mmu_new_pgd()`` are given."""
    calls = bench.session.calls(cuts.NEW_PGD.function)
    pgd, role = bv(0, 64), bv(0, _ROLE)
    for call in calls:
        assert call.memory is not None
        pgd = ite(call.guard, bench.session.argument(call, "new_pgd"), pgd)
        role = ite(call.guard, _role_in_use(bench, call.memory, owner, prefix), role)
    return RootAsked(
        done=done,
        asked=bench.session.called(cuts.NEW_PGD.function),
        needed=needed,
        same_tables=eq(pgd, wanted_pgd),
        legal=any_of(negate(loads), *(is_legal(call) for call in bench.session.calls(*_LEGAL))),
        pdptes_read=bench.session.called(functions.LOAD_PDPTRS),
        pdptes_loaded=_answers_yes(bench.session.calls(functions.LOAD_PDPTRS)),
        pdptes_due=all_of(finds_pointers, _answers_yes(bench.session.calls(functions.IS_PAE_PAGING)[-1:])),
        in_role=eq(role, wanted_role),
        evidence=bench.session.evidence(),
    )


def _answers_yes(calls: Sequence[CallMade]) -> Bool:
    return any_of(*(is_nonzero(call) for call in calls))


def _record(owner: Object) -> RecordType:
    assert isinstance(owner.type, RecordType)
    return owner.type


def _role_in_use(bench: Bench, memory: Memory, owner: Object, prefix: str) -> BitVec:
    """The role for the root of the MMU that a vCPU uses."""
    place = own_member(_record(owner), f"{prefix}{kvm_mmu.IN_USE}")
    pointer = memory.read(owner, place.offset, place.width)
    assert isinstance(pointer, Pointer)
    found, role = member(bench.unit.record(kvm_mmu.MMU), kvm_mmu.ROOT_ROLE), bv(0, _ROLE)
    for target in pointer.targets:
        if target.place is None:
            raise Refused("a vCPU uses no MMU")
        role = ite(target.guard, read(memory, target.place.object, target.place.offset + found.offset, _ROLE), role)
    return role


def _asks_to_load(bench: Bench) -> Bool:
    """Whether the vCPU is asked to load its root before it runs the guest again."""
    calls = bench.session.calls(*(cut.function for cut in common.REQUESTS))
    return any_of(*(all_of(call.guard, is_request(call, vcpu_requests.LOAD_MMU_PGD)) for call in calls))
