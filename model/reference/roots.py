"""Roots, as Linux 7.2.13 asks for them and takes them."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.cuts import roots as cuts
from mmuproof.model.evidence import CheckKind
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag, role_value
from mmuproof.model.reference.base.trace import Trace
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
    bit,
    bool_var,
    bv,
    eq,
    extract,
    implies,
    ite,
    ne,
    negate,
    ule,
    ult,
    var,
    zext,
)

_INVALID = (1 << 64) - 1
_PCID_ENABLE_BIT, _NO_FLUSH = 17, 1 << 63
_SECONDARY_CONTROLS_BIT, _ENABLE_EPT_BIT = 31, 1


class ReferenceRoots(ReferenceArea, Roots):
    """``kvm_mmu_new_pgd()`` and who calls it."""

    def asked(self, change: RootChange) -> RootAsked:
        """See `Roots.asked`."""
        done, needed, legal = TRUE, TRUE, TRUE
        due, loads, loaded = FALSE, FALSE, FALSE
        if change in (RootChange.NESTED_CR3_VMX, RootChange.NESTED_CR3_SVM):
            nested, reloads, pae = _flag("nested"), ne(var("reload_pdptrs", 8), 0), _flag("is_pae_paging()")
            unloadable = all_of(reloads, pae, negate(nested), eq(var("load_pdptrs()", 32), 0))
            says, loaded = _flag("kvm_vcpu_is_legal_cr3()"), ne(var("load_pdptrs()", 32), 0)
            legal, taken = (says, says) if self._asks_whether_legal() else (FALSE, TRUE)
            due = all_of(reloads, pae, negate(nested))
            loads = all_of(taken, due)
            done, needed = all_of(taken, negate(unloadable)), negate(nested)
        elif change is RootChange.CR3:
            done, needed = self._cr3()
            legal, loaded = _flag("kvm_vcpu_is_legal_cr3()"), ne(var("load_pdptrs()", 32), 0)
            due = all_of(self._is_looked_at(), legal, _flag("is_pae_paging()#2"))
            loads, legal = due, any_of(all_of(self._is_looked_at(), legal), negate(needed))
        return RootAsked(
            done=done,
            asked=all_of(done, needed, self._asks(change)),
            needed=needed,
            same_tables=TRUE,
            legal=legal,
            pdptes_read=loads,
            pdptes_loaded=loaded,
            pdptes_due=due,
            in_role=self.set_up_before(change),
            evidence=Trace(change.value).evidence,
        )

    def eptp_switched(self) -> EptpSwitched:
        """See `Roots.eptp_switched`."""
        trace, address = Trace("nested_vmx_eptp_switching"), var("vmcs12->eptp_list_address", 64)
        index = extract(var("vcpu->arch.regs[1]", 64), 31, 0)
        before, found = var("vmcs12->ept_pointer", 64), var("new_eptp after kvm_vcpu_read_guest_page()", 64)
        primary, secondary = (var(f"vmcs12->{name}_vm_exec_control", 32) for name in ("cpu_based", "secondary"))
        with_ept = all_of(bit(primary, _SECONDARY_CONTROLS_BIT), bit(secondary, _ENABLE_EPT_BIT))
        readable = eq(var("kvm_vcpu_read_guest_page()", 32), 0)
        read, other = all_of(with_ept, self._is_listed(index), readable), ne(found, before)
        valid = all_of(read, other, ne(var("nested_vmx_check_eptp()", 1), 0))
        switched = all_of(read, other, self._is_allowed(valid))
        return EptpSwitched(
            index=index,
            list_address=address,
            done=any_of(all_of(read, negate(other)), switched),
            gfn=address >> 12,
            offset=index * self._entry_bytes(),
            length=bv(8, 32),
            found=found,
            valid=valid,
            before=before,
            after=ite(switched, found, before),
            rebuilt=switched,
            at_rebuild=self._at_rebuild(before, found),
            evidence=trace.evidence,
        )

    def _is_listed(self, index: BitVec) -> Bool:
        return ult(index, 512)

    def _entry_bytes(self) -> int:
        return 8

    def _is_allowed(self, valid: Bool) -> Bool:
        return valid

    def _at_rebuild(self, before: BitVec, found: BitVec) -> BitVec:
        """The EPTP of L2 when the MMU is set up for it."""
        return found

    def set_up_before(self, change: RootChange) -> Bool:
        """Whether the MMU is set up for the new registers before it is asked for a root."""
        return TRUE

    def _asks(self, change: RootChange) -> Bool:
        """Whether ``kvm_mmu_new_pgd()`` is called where it is needed."""
        return TRUE

    def _asks_whether_root_is_shown(self) -> bool:
        """Whether it is asked if a memory slot shows the frame in which the guest's tables begin."""
        return True

    def _asks_whether_legal(self) -> bool:
        """Whether it is asked if the guest can have a CR3 that is loaded with L2 or for L1 again."""
        return True

    def _is_looked_at(self) -> Bool:
        """Whether a write of CR3 is more than a flush."""
        with_pcid = bit(var("vcpu->arch.cr4", 64), _PCID_ENABLE_BIT)
        cr3 = var("cr3", 64)
        value = ite(with_pcid, cr3 & ~bv(_NO_FLUSH, 64), cr3)
        return any_of(ne(value, var("vcpu->arch.cr3", 64)), _flag("is_pae_paging()"))

    def _cr3(self) -> tuple[Bool, Bool]:
        """Whether a write of CR3 succeeds, and whether the tables are others then."""
        before, cr3 = var("vcpu->arch.cr3", 64), var("cr3", 64)
        with_pcid = bit(var("vcpu->arch.cr4", 64), _PCID_ENABLE_BIT)
        value = ite(with_pcid, cr3 & ~bv(_NO_FLUSH, 64), cr3)
        other = ne(value, before)
        loads, loads_again = _flag("is_pae_paging()"), _flag("is_pae_paging()#2")
        unloadable = all_of(loads_again, eq(var("load_pdptrs()", 32), 0))
        legal = all_of(_flag("kvm_vcpu_is_legal_cr3()"), negate(unloadable))
        return any_of(all_of(negate(other), negate(loads)), legal), all_of(legal, other)

    def taken(self) -> RootTaken:
        """See `Roots.taken`."""
        trace = Trace("kvm_mmu_new_pgd")
        pgd, role = var("new_pgd", 64), var("mmu->root_role", PAGE_ROLE_BITS)
        direct = role_flag(role, "direct")
        names = ("root", *(f"prev_roots[{number}]" for number in range(KEPT_ROOTS - 1)))
        before = tuple(KeptRoot(*(var(f"mmu->{name}.{each}", 64) for each in ("pgd", "hpa"))) for name in names)
        roles = tuple(var(f"page of root {number}->role", PAGE_ROLE_BITS) for number in range(KEPT_ROOTS))
        with_page = (bool_var("the root in use has a page"), *(TRUE for _ in names[1:]))
        taking = Taking(before=before, roles=roles, with_page=with_page, pgd=pgd, role=role, direct=direct)
        after, freed = self._taken(taking)
        return RootTaken(
            pgd=pgd,
            role=role,
            direct=direct,
            before=before,
            page_roles=roles,
            with_page=with_page,
            after=after,
            freed=freed,
            loads=self._loads(_valid(after[0])),
            forgets=self._forgets(_valid(after[0])),
            evidence=trace.evidence,
        )

    def _loads(self, found: Bool) -> Bool:
        """Whether the processor is told of the root: of each that is found, and a new one is loaded when it is made."""
        return found

    def _forgets(self, found: Bool) -> Bool:
        """Whether the last access to MMIO is forgotten; with a new root it is when that is brought up to date."""
        return found

    def _taken(self, taking: Taking) -> tuple[_Roots, tuple[Bool, ...]]:
        """The roots afterwards, and which of those before are given up."""
        current, *earlier = taking.before
        kept = all_of(_valid(current), self._may_be_kept(taking.has_page(current.hpa)))
        with_current, last_freed = self._rotated(taking)
        without = self._bubbled(taking, (_choose(_valid(current), _NONE, current), *earlier))
        freed = tuple(
            all_of(kept, last_freed, _valid(root), eq(with_current[0].hpa, root.hpa), taking.has_page(root.hpa))
            for root in taking.before
        )
        dropped = _choose(_valid(with_current[0]), _NONE, with_current[0])
        rotated = (_choose(last_freed, dropped, with_current[0]), *with_current[1:])
        return _either(kept, rotated, without), freed

    def _may_be_kept(self, with_page: Bool) -> Bool:
        """Whether the root in use may be used again later, by whether it has a page."""
        return with_page

    def _rotated(self, taking: Taking) -> tuple[_Roots, Bool]:
        """The one in use goes to the end of the others, up to where one is found; and whether none is."""
        roots, missed = taking.before, negate(self._usable(taking, taking.before[0]))
        for place in range(1, KEPT_ROOTS):
            swapped = list(roots)
            swapped[0], swapped[place] = roots[place], roots[0]
            roots = _either(missed, tuple(swapped), roots)
            missed = all_of(missed, negate(self._usable(taking, roots[0])))
        return roots, missed

    def _bubbled(self, taking: Taking, roots: _Roots) -> _Roots:
        """The first that fits becomes the one in use, and those behind it move up."""
        found = roots
        for place in reversed(range(1, KEPT_ROOTS)):
            moved = list(roots)
            moved[0], moved[place] = roots[place], roots[0]
            moved[place:] = [*moved[place + 1 :], self._emptied(moved[-1])]
            found = _either(self._usable(taking, roots[place]), tuple(moved), found)
        return found

    def _emptied(self, root: KeptRoot) -> KeptRoot:
        """The last place once those behind have moved up."""
        return KeptRoot(root.pgd, bv(_INVALID, 64))

    def _usable(self, taking: Taking, root: KeptRoot) -> Bool:
        """``is_root_usable()``."""
        same = any_of(taking.direct, eq(root.pgd, taking.pgd))
        return all_of(_valid(root), same, taking.has_page(root.hpa), self._has_role(taking, root))

    def _has_role(self, taking: Taking, root: KeptRoot) -> Bool:
        """Whether a root's page has the role that the MMU's root is to have."""
        return eq(taking.page_role(root.hpa), taking.role)

    # -- roots of the guest's tables -----------------------------------------------------------------------

    def made(self) -> RootsMade:
        """See `Roots.made`."""
        c, trace = self.constants, Trace("mmu_alloc_shadow_roots")
        guest_level, level = (
            role_value(var(f"vcpu->arch.root_mmu.{name}", bits), "level")
            for name, bits in (("cpu_role", 64), ("root_role", PAGE_ROLE_BITS))
        )
        me_value, pgd = var("shadow_me_value", 64), var("kvm_mmu_get_guest_pgd()", 64)
        pae, pml4, pml5 = tables = tuple(var(f"&{name}", 64) for name in ("pae_root", "pml4_root", "pml5_root"))
        pdptes = tuple(var(f"get_pdptr() {number}", 64) for number in range(1, 5))
        visible = tuple(_flag(numbered("kvm_vcpu_is_visible_gfn()", number)) for number in range(2, 6))
        shown, failed = _flag("kvm_vcpu_is_visible_gfn()"), ne(var("mmu_first_shadow_root_alloc()", 32), 0)
        available = negate(bool_var("make_mmu_pages_available() fails"))
        root_visible, seen = (shown, shown) if self._asks_whether_root_is_shown() else (FALSE, TRUE)
        done = all_of(seen, negate(failed), available)
        whole, has_pae, above = ule(bv(4, 4), guest_level), eq(guest_level, 3), ule(bv(4, 4), level)
        frame = (pgd & c.SPTE_BASE_ADDR_MASK) >> c.PAGE_SHIFT
        flags = me_value | self._pae_flags() | ite(above, bv(self._special_flags(), 64), 0)
        quarters, entries = [], []
        for number, (pdpte, is_visible) in enumerate(zip(pdptes, visible, strict=True)):
            maps = any_of(negate(has_pae), all_of(bit(pdpte, 0), is_visible))
            gfn = ite(has_pae, pdpte >> c.PAGE_SHIFT, frame)
            quadrant = ite(eq(guest_level, 2), bv(self._quadrant(number), 32), 0)
            quarters.append(
                PageAsked(
                    when=all_of(done, negate(whole), maps),
                    gfn=gfn,
                    quadrant=quadrant,
                    level=bv(2, 8),
                    address=var(f"mmu_alloc_root() {number + 2}", 64),
                )
            )
            made = ite(maps, quarters[-1].address | flags, bv(0, 64))
            entries.append(ite(all_of(done, negate(whole)), made, var(f"pae_root[{number}]", 64)))
        small = all_of(done, negate(whole))
        special = (
            ite(all_of(small, above), pae | flags, var("pml4_root[0]", 64)),
            ite(all_of(small, eq(level, 5)), pml4 | flags, var("pml5_root[0]", 64)),
        )
        page = PageAsked(
            when=all_of(done, whole),
            gfn=frame,
            quadrant=bv(0, 32),
            level=zext(level, 8),
            address=var("mmu_alloc_root() 1", 64),
        )
        root = ite(whole, page.address, ite(eq(level, 5), pml5, ite(eq(level, 4), pml4, pae)))
        return RootsMade(
            done=done,
            guest_level=guest_level,
            level=level,
            pgd=pgd,
            root_visible=root_visible,
            pdptes=pdptes,
            visible=visible,
            whole=page,
            quarters=tuple(quarters),
            entries=tuple(entries),
            special=special,
            tables=tables,
            root=root,
            root_pgd=pgd,
            me_value=me_value,
            evidence=trace.evidence,
        )

    def made_direct(self) -> DirectRootsMade:
        """See `Roots.made_direct`."""
        trace = Trace("mmu_alloc_direct_roots")
        level = role_value(var("vcpu->arch.root_mmu.root_role", PAGE_ROLE_BITS), "level")
        me_value, table = var("shadow_me_value", 64), var("&pae_root", 64)
        tdp_mmu = ne(var("tdp_mmu_enabled", 1), 0)
        available = all_of(negate(tdp_mmu), negate(bool_var("make_mmu_pages_available() fails")))
        whole, small = all_of(available, ule(bv(4, 4), level)), all_of(available, eq(level, 3))
        trace.check(CheckKind.WARN, implies(available, any_of(whole, small)))
        pages = tuple(
            PageAsked(
                when=small if number else whole,
                gfn=bv(self._first_frame(number - 1) if number else 0, 64),
                quadrant=bv(0, 32),
                level=bv(2, 8) if number else zext(level, 8),
                address=var(f"mmu_alloc_root() {number + 1}", 64),
            )
            for number in range(5)
        )
        flags = self._direct_flags(me_value)
        entries = enumerate(pages[1:])
        had = var("vcpu->arch.root_mmu.root.hpa", 64)
        for cut in (cuts.ALLOC_ROOT, cuts.TDP_ROOT[0], cuts.MAKE_AVAILABLE):
            trace.cut(cut)
        return DirectRootsMade(
            done=any_of(tdp_mmu, whole, small),
            tdp_mmu=tdp_mmu,
            of_tdp_mmu=tdp_mmu,
            level=level,
            whole=pages[0],
            quarters=pages[1:],
            entries=tuple(ite(small, page.address | flags, var(f"pae_root[{number}]", 64)) for number, page in entries),
            table=table,
            root=ite(whole, pages[0].address, ite(small, table, had)),
            root_pgd=ite(any_of(whole, small), bv(0, 64), var("vcpu->arch.root_mmu.root.pgd", 64)),
            me_value=me_value,
            evidence=trace.evidence,
        )

    def _first_frame(self, quarter: int) -> int:
        """The first frame that an entry of a PAE root maps, each a GByte."""
        return quarter << 30 - self.constants.PAGE_SHIFT

    def _direct_flags(self, me_value: BitVec) -> BitVec:
        """What an entry of a PAE root has besides an address."""
        return me_value | self.constants.PT_PRESENT_MASK

    def _pae_flags(self) -> int:
        """What an entry of the PAE root has besides an address and encryption."""
        return self.constants.PT_PRESENT_MASK

    def _special_flags(self) -> int:
        """What entries have besides where the PAE root is no root for the processor."""
        c = self.constants
        return c.PT_WRITABLE_MASK | c.PT_USER_MASK | c.PT_ACCESSED_MASK

    def _quadrant(self, number: int) -> int:
        """Which quarter of a table of 4-byte entries a page is for."""
        return number


_Roots = tuple[KeptRoot, ...]
_NONE = KeptRoot(bv(0, 64), bv(_INVALID, 64))


@dataclass(frozen=True, kw_only=True)
class Taking:
    """What ``kvm_mmu_new_pgd()`` goes by."""

    before: _Roots
    roles: tuple[BitVec, ...]
    with_page: tuple[Bool, ...]
    pgd: BitVec
    role: BitVec
    direct: Bool

    def has_page(self, hpa: BitVec) -> Bool:
        """Whether the root at an address has a page."""
        found = TRUE
        for root, there in reversed(list(zip(self.before, self.with_page, strict=True))):
            found = ite(eq(hpa, root.hpa), there, found)
        return found

    def page_role(self, hpa: BitVec) -> BitVec:
        """The role of the page of the root at an address."""
        found = self.roles[0]
        for root, role in reversed(list(zip(self.before, self.roles, strict=True))):
            found = ite(eq(hpa, root.hpa), role, found)
        return found


def _valid(root: KeptRoot) -> Bool:
    return ne(root.hpa, _INVALID)


def _choose(condition: Bool, then: KeptRoot, other: KeptRoot) -> KeptRoot:
    return KeptRoot(ite(condition, then.pgd, other.pgd), ite(condition, then.hpa, other.hpa))


def _either(condition: Bool, then: _Roots, other: _Roots) -> _Roots:
    return tuple(_choose(condition, one, two) for one, two in zip(then, other, strict=True))


def _flag(name: str) -> Bool:
    return ne(var(name, 1), 0)
