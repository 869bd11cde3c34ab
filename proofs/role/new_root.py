"""The root of other tables: it is asked for once the MMU's role is the new one, and taken only if it has that role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from types import MappingProxyType

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.roots import KeptRoot, RootChange, RootTaken
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, all_of, any_of, eq, implies, ne, negate

_NO_ROOT = (1 << 64) - 1
_CHANGES: Mapping[Vendor, tuple[RootChange, ...]] = MappingProxyType(
    {
        Vendor.INTEL: (RootChange.NESTED_EPT, RootChange.NESTED_CR3_VMX, RootChange.CR3),
        Vendor.AMD: (RootChange.NESTED_NPT, RootChange.NESTED_CR3_SVM, RootChange.CR3),
        Vendor.SHADOW: (RootChange.NESTED_CR3_VMX, RootChange.NESTED_CR3_SVM, RootChange.CR3),
    }
)
"""With which tables what happens; a host without TDP lets L1 have neither EPT nor nested page tables."""
_BY_ROLE = "KVM: kvm_mmu_new_pgd() looks for a root of the role that the MMU has at the call"


# -- role.new-root -------------------------------------------------------------------------------------------


def _asked(kvm: Kvm, change: RootChange) -> Claim:
    root, caller = kvm.roots.asked(change), f"{change.value}()"
    return never(
        given(
            shown=(Shown("the function succeeds", root.done), Shown("kvm_mmu_new_pgd() is called", root.asked)),
            evidence=root.evidence,
            part=caller,
        ),
        Wrong(
            "old-role",
            all_of(root.asked, negate(root.in_role)),
            f"{caller} asks for the root of other tables before the MMU has the role that goes with them.",
        ).told("the role of earlier tables", _BY_ROLE),
        Wrong(
            "old-root",
            all_of(root.done, root.needed, negate(root.asked)),
            f"{caller} changes the tables, and the MMU goes on with the root of those before.",
        ).told("kvm_mmu_new_pgd() is not called", "SDM 4.10.4.1, APM 5.5.1: what CR3 led to before is not used"),
        Wrong(
            "root-of-others",
            all_of(root.asked, negate(root.needed)),
            f"{caller} asks for another root where the tables that KVM builds stay the same.",
        ).told("kvm_mmu_new_pgd() is called", "KVM: the root of L2 on nested tables is that of L1's tables, not CR3"),
        Wrong(
            "another-root",
            all_of(root.asked, negate(root.same_tables)),
            f"{caller} asks for the root of other tables than the vCPU uses then.",
        ).told("another address", "KVM: the tables that the vCPU has afterwards"),
        Wrong(
            "illegal-cr3",
            all_of(root.done, negate(root.legal)),
            f"{caller} loads a CR3 that nobody has asked about, or that the guest cannot have.",
        ).told("CR3 is loaded", "SDM 27.3.1.1, APM 15.5.1, SDM MOV to CR: bits above MAXPHYADDR are reserved"),
        Wrong(
            "pdptes-unloaded",
            all_of(root.done, root.pdptes_due, negate(all_of(root.pdptes_read, root.pdptes_loaded))),
            f"{caller} goes on in PAE paging without the PDPTEs that CR3 has.",
        ).told("they are not loaded", "SDM 4.4.1: a load of CR3 loads them, and fails if it cannot"),
        Wrong(
            "pdptes-by-cr3",
            all_of(root.pdptes_read, negate(root.pdptes_due)),
            f"{caller} reads PDPTEs by CR3 where the processor does not find them by it.",
        ).told("they are read from memory", "SDM 27.3.2.4: with EPT they are fields of the VMCS"),
    )


def _new_root(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for change in _CHANGES[vendor]:
        yield _asked(kvm, change)


# -- role.root-reuse -----------------------------------------------------------------------------------------


def _is_root(root: KeptRoot) -> Bool:
    return ne(root.hpa, _NO_ROOT)


def _apart(roots: tuple[KeptRoot, ...]) -> Bool:
    """No root is kept twice."""
    return all_of(
        *(implies(all_of(_is_root(one), _is_root(two)), ne(one.hpa, two.hpa)) for one, two in combinations(roots, 2))
    )


def _fits(taken: RootTaken, number: int) -> Bool:
    """Whether a root is one for these tables, of this role."""
    for_these = any_of(taken.direct, eq(taken.before[number].pgd, taken.pgd))
    return all_of(for_these, taken.with_page[number], eq(taken.page_roles[number], taken.role))


def _root_reuse(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    taken = kvm.roots.taken()
    current, numbers = taken.after[0], range(len(taken.before))
    is_one = any_of(*(eq(current.hpa, root.hpa) for root in taken.before))
    misfit = any_of(
        *(all_of(eq(current.hpa, taken.before[number].hpa), negate(_fits(taken, number))) for number in numbers)
    )
    lost = any_of(
        *(
            all_of(_is_root(root), there, negate(freed), *(ne(root.hpa, each.hpa) for each in taken.after))
            for root, there, freed in zip(taken.before, taken.with_page, taken.freed, strict=True)
        )
    )
    yield never(
        given(
            Assumption("no root is kept twice: each place holds a reference of its own", _apart(taken.before)),
            shown=(
                Shown("new_pgd", taken.pgd),
                Shown("mmu->root_role", taken.role, kind=NumberKind.ROLE),
                *(Shown(f"pgd of root {number}", taken.before[number].pgd) for number in numbers),
                *(
                    Shown(f"role of root {number}", taken.page_roles[number], kind=NumberKind.ROLE)
                    for number in numbers
                ),
            ),
            evidence=taken.evidence,
        ),
        Wrong(
            "root-of-another-role",
            all_of(_is_root(current), any_of(misfit, negate(is_one))),
            "The MMU goes on with a root of other tables, or of another role than it has.",
        ).told("another root", "KVM's comments at is_root_usable(): the tables and the role have to be the same"),
        Wrong(
            "special-root-kept",
            any_of(
                *(
                    all_of(_is_root(root), negate(there), eq(root.hpa, kept.hpa))
                    for root, there in zip(taken.before, taken.with_page, strict=True)
                    for kept in taken.after[1:]
                )
            ),
            "A root without a page is kept for later, although nothing tells which tables and role it is for.",
        ).told("a table of PAE's entries is kept", "KVM's comment in fast_pgd_switch(): no special roots are reused"),
        Wrong("root-kept-twice", negate(_apart(taken.after)), "A root is kept in two places, and given up twice.").told(
            "one address twice", "KVM: each place holds a reference of its own"
        ),
        Wrong(
            "root-not-loaded",
            all_of(_is_root(current), negate(taken.loads)),
            "The MMU goes on with a root, and the processor with the one that it had.",
        ).told("nobody is asked to load it", "KVM: KVM_REQ_LOAD_MMU_PGD puts the root into EPTP or CR3"),
        Wrong(
            "mmio-remembered",
            all_of(_is_root(current), negate(taken.forgets)),
            "A linear address is taken for one of MMIO that earlier tables translated to it.",
        ).told("the last access to MMIO is remembered", "SDM 4.10.4.1: what CR3 led to before is not used"),
        Wrong("root-lost", lost, "A root is kept no longer, and nobody gives it up.").told(
            "it is in no place", "KVM: a root that is not kept is freed"
        ),
    )


THEOREMS = (
    Theorem(
        name="role.new-root",
        claim="Whatever changes the tables of a vCPU's MMU asks for the root of just those tables, and does so after "
        "the MMU has the role that goes with the new registers. A CR3 that is loaded is one that the guest can have, "
        "and PDPTEs are loaded by it where the processor would.",
        source="SDM 4.10.4.1, APM 5.5.1; KVM: kvm_mmu_new_pgd() looks for a root by the MMU's role",
        assumes=(
            "kvm_init_mmu() sets up the role that belongs to the registers: role.root-tdp, role.root-shadow",
            "with PAE paging, and where KVM knows that a write of CR3 changes nothing, the root may stay",
        ),
        state=several(_new_root),
        catches=(
            *showing("old-role", "nested-ept-root-before-role", "nested-root-before-set-up"),
            Catch("cr3-keeps-root", "old-root"),
            Catch("nested-cr3-unjudged", "illegal-cr3"),
        ),
    ),
    Theorem(
        name="role.root-reuse",
        claim="kvm_mmu_new_pgd() leaves no root in use, or one that it had before, of the MMU's role and for the "
        "tables asked for. Each root is kept once, or given up; one without a page is not kept. A root that is found "
        "is loaded before the guest runs, and the last access to MMIO is forgotten.",
        source="KVM's comments at is_root_usable() and cached_root_find_and_keep_current()",
        assumes=(
            "no root is kept twice",
            "of the roots that are kept only the one in use may be without a page: special roots are never kept",
        ),
        state=several(_root_reuse),
        catches=(
            Catch("root-taken-whatever-role", "root-of-another-role"),
            Catch("taken-root-kept", "root-kept-twice"),
            Catch("special-root-kept-for-later", "special-root-kept"),
            Catch("found-root-not-loaded", "root-not-loaded"),
            Catch("found-root-keeps-mmio", "mmio-remembered"),
        ),
    ),
)
