"""Roles of pages below the root: what they inherit, what direct pages grant, and who may share a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reserved_bits import MmuKind, MmuRequest
from mmuproof.model.roles import AccessAsked, Descent, DirectMapping, Members, RoleInputs
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.expected_roles import EVERY_REGISTER, RoleAsked, asked, roles_now
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import (
    BitVec,
    Bool,
    all_of,
    any_of,
    bool_var,
    eq,
    extract,
    iff,
    implies,
    ite,
    ne,
    negate,
    resize,
    to_bv,
    ult,
    var,
)
from mmuproof.spec.paging_mode import PagingMode

_DIRECT: Mapping[Vendor, MmuKind] = MappingProxyType(
    {Vendor.INTEL: MmuKind.TDP, Vendor.AMD: MmuKind.TDP, Vendor.SHADOW: MmuKind.SHADOW}
)
_OF_THE_PAGE = ("level", "direct", "access", "passthrough", "invalid", "quadrant")
"""Members that a page does not take from the one above: what they are is said of each."""

_SPTE_BYTES_LOG = 3
PARENT_VALID = "the page above is in use, so its role is not invalid: KVM's WARN in kvm_mmu_child_role()"
ROOTS = "the root has the access that KVM's set-up of the MMU gives it"


# -- what a page inherits ----------------------------------------------------------------------------------


def _inherited(descent: Descent, *names: str) -> Bool:
    """Whether members besides these are another in the page below."""
    kept = [name for name in descent.parent if name not in names]
    return any_of(*(ne(descent.parent[name], descent.child[name]) for name in kept))


def _shown(descent: Descent) -> tuple[Shown, ...]:
    return (
        Shown("parent.role", descent.parent_role, kind=NumberKind.ROLE),
        Shown("child.role", descent.child_role, kind=NumberKind.ROLE),
    )


def _level_symptom(descent: Descent) -> Symptom:
    wrong = ne(descent.child["level"], descent.parent["level"] - 1)
    return Wrong("child-level", wrong, "A page is not one level below the page that points to it.").told(
        "another level", "SDM 5.5: an entry of one level points to a table of the next"
    )


def _mode_symptom(when: Bool) -> Symptom:
    return Wrong(
        "child-mode", when, "A page below another is shadowed for another mode of the guest, or of the vCPU."
    ).told("another role", "KVM: one walk is of one mode")


def _claim(
    symptoms: Sequence[Symptom],
    evidence: Descent | DirectMapping,
    part: str,
    assumptions: Sequence[Assumption],
    shown: Sequence[Shown],
) -> Claim:
    holds = negate(any_of(*(each.when for each in symptoms)))
    return always(holds, given(*assumptions, shown=tuple(shown), evidence=evidence.evidence, part=part), *symptoms)


def _quadrant(descent: Descent) -> BitVec:
    """Which part of the guest's table a page shadows (2 bits): of two, by the parity of the SPTE above."""
    half = resize(extract(descent.sptep, _SPTE_BYTES_LOG, _SPTE_BYTES_LOG), 2)
    return ite(eq(descent.parent["has_4_byte_gpte"], 1), half, descent.parent["quadrant"])


def _child(kvm: Kvm) -> Claim:
    direct, access = bool_var("direct"), var("access", 32)
    descent = kvm.roles.child_role(direct, access)
    child = descent.child
    symptoms = (
        Wrong(
            "child-access",
            ne(resize(child["access"], 32), access),
            "A page of SPTEs does not have the access that is asked for.",
        ).told("another access", "KVM: what is asked for is what the entries above grant"),
        Wrong(
            "child-direct",
            ne(child["direct"], to_bv(direct)),
            "A page is not direct where it is asked to be, or is where it is not.",
        ).told("another role", "KVM: a direct page shadows no table"),
        Wrong(
            "child-passthrough",
            any_of(*(ne(child[name], 0) for name in ("passthrough", "invalid") if name in child)),
            "A page below another is taken for one that only passes on, or for one that is not used.",
        ).told("another role", "KVM: only a root passes on"),
        Wrong(
            "child-quadrant",
            ne(child["quadrant"], _quadrant(descent)),
            "A page shadows another part of the guest's table than the one that leads to it.",
        ).told(
            "another quadrant",
            "SDM 5.3: a table of 1024 entries translates 4 MBytes, which takes two pages of 512 SPTEs",
        ),
        _level_symptom(descent),
        _mode_symptom(_inherited(descent, *_OF_THE_PAGE)),
    )
    return _claim(
        symptoms,
        descent,
        "kvm_mmu_child_role()",
        (
            Assumption("the access has no bit outside ACC_ALL", eq(access & ~kvm.constant("ACC_ALL"), 0)),
            Assumption(PARENT_VALID, eq(descent.parent["invalid"], 0)),
        ),
        (*_shown(descent), Shown("access", access, relations.acc_flags(kvm))),
    )


def _tdp_child(kvm: Kvm) -> Claim:
    descent = kvm.roles.tdp_child_role()
    symptoms = (
        Wrong(
            "child-access",
            ne(descent.child["access"], descent.parent["access"]),
            "A page of the TDP MMU does not have the access of the page above, which is the root's.",
        ).told("another access", "KVM: direct pages grant what the root grants"),
        _level_symptom(descent),
        _mode_symptom(_inherited(descent, "level", "access")),
    )
    return _claim(symptoms, descent, "tdp_mmu_init_child_sp()", (), _shown(descent))


def _root(kvm: Kvm) -> Claim:
    level, quadrant = var("level", 8), var("quadrant", 32)
    descent = kvm.roles.alloc_root(level, quadrant)
    symptoms = (
        Wrong(
            "root-access",
            ne(descent.child["access"], descent.parent["access"]),
            "A root page does not have the access of its MMU's root role.",
        ).told("another access", "KVM: direct pages grant what the root grants"),
        Wrong(
            "root-place",
            any_of(ne(resize(descent.child["level"], 8), level), ne(resize(descent.child["quadrant"], 32), quadrant)),
            "A root page is not of the level or the part of the guest's table that is asked for.",
        ).told("another role", "KVM: mmu_alloc_root()'s arguments"),
        _mode_symptom(_inherited(descent, "level", "quadrant", "access")),
    )
    return _claim(
        symptoms,
        descent,
        "mmu_alloc_root()",
        (
            Assumption("the level is 1 to 5", all_of(ne(level, 0), ult(level, 6))),
            Assumption("the quadrant is 0 to 3", ult(quadrant, 4)),
        ),
        (*_shown(descent), Shown("level", level), Shown("quadrant", quadrant)),
    )


# -- what direct pages grant -----------------------------------------------------------------------------------


def _mapped(kvm: Kvm, mapping: DirectMapping, vendor: Vendor) -> Claim:
    """Pages and SPTEs are asked for with the root's access."""
    now = asked("now")
    roles = roles_now(kvm, vendor, _DIRECT[vendor], now)
    granted = resize(roles.root["access"], 32)

    def wrong(calls: Sequence[AccessAsked]) -> Bool:
        return any_of(*(all_of(each.when, ne(each.access, mapping.access)) for each in calls))

    symptoms = (
        Wrong(
            "page-access",
            wrong(mapping.children),
            f"{mapping.caller}() asks for a page of SPTEs with another access than the root's.",
        ).told("another access", "KVM: direct pages grant what the root grants"),
        Wrong(
            "leaf-access",
            wrong(mapping.leaves),
            f"{mapping.caller}() makes an SPTE with another access than the root's.",
        ).told("another access", "KVM: direct pages grant what the root grants"),
    )
    shown = (
        Shown("root_role.access", mapping.access, relations.acc_flags(kvm)),
        *(
            Shown(f"access for {each.function}()", each.access, relations.acc_flags(kvm))
            for each in (*mapping.children, *mapping.leaves)
        ),
    )
    return _claim(
        symptoms,
        mapping,
        f"{mapping.caller}()",
        (
            now.possible,
            Assumption(ROOTS, eq(mapping.access, granted)),
            Assumption("the root is direct", eq(roles.root["direct"], 1)),
        ),
        shown,
    )


def _access(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    yield _root(kvm)
    yield _child(kvm)
    yield _mapped(kvm, kvm.roles.direct_map(), vendor)
    if vendor is not Vendor.SHADOW:
        yield _tdp_child(kvm)
        yield _mapped(kvm, kvm.roles.tdp_map(), vendor)


# -- who shares a page -------------------------------------------------------------------------------------------


def _same_page(one: Members, other: Members) -> Bool:
    """Whether pages of two walks can be the same page: of one level, and below the root."""
    own = ("level", "quadrant", "passthrough")
    return all_of(*(eq(one[name], other[name]) for name in one if name not in own))


_KINDS: Mapping[Vendor, tuple[MmuKind, ...]] = MappingProxyType(
    {
        Vendor.INTEL: (MmuKind.TDP, MmuKind.NESTED_EPT),
        Vendor.AMD: (MmuKind.TDP, MmuKind.NESTED_NPT),
        Vendor.SHADOW: (MmuKind.SHADOW,),
    }
)


@dataclass(frozen=True)
class _Matter:
    """Something in which vCPUs that share a page of SPTEs have to be alike.

    Args:
        part: what it is called.
        symptom: what it is called when they are not.
        alike: that they are.
    """

    part: str
    symptom: str
    alike: Bool

    def although(self, words: str, source: str) -> tuple[str, Symptom]:
        """Its part, and what is wrong where they share a page although they are not alike."""
        sentence = f"vCPUs share a page of SPTEs although {words}."
        return self.part, Wrong(self.symptom, negate(self.alike), sentence).told("one page of SPTEs for both", source)


def _page_sharing(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    return [claim for kind in _KINDS[vendor] for claim in _shared(kvm, vendor, kind)]


def _shared(kvm: Kvm, vendor: Vendor, kind: MmuKind) -> Iterator[Claim]:
    first, second = asked("of A"), asked("of B")
    one, other = (roles_now(kvm, vendor, kind, now, world=name) for now, name in ((first, "A"), (second, "B")))
    paging = Assumption("L1 has paging on: VMRUN needs it", all_of(first.mode.enabled, second.mode.enabled))
    alike = Assumption(
        "the vCPUs' pages have the same role, but for the level, which is the same too",
        _same_page(one.root, other.root),
    )
    shown = (
        Shown(f"{each.name} of {world}", each.term, each.flags)
        for world, now in zip("AB", (first, second), strict=True)
        for each in (*now.shown, Shown("MBEC for L2", now.request.mbec), Shown("GMET for L2", now.request.gmet))
    )
    case = given(
        first.possible,
        second.possible,
        *((paging,) if kind is MmuKind.NESTED_NPT else ()),
        alike,
        shown=(
            *shown,
            Shown("root_role of A", one.root_role, kind=NumberKind.ROLE),
            Shown("root_role of B", other.root_role, kind=NumberKind.ROLE),
        ),
        evidence=one.evidence + other.evidence,
    )
    for part, symptom in _matters(kvm, kind, (first, second), (one.inputs, other.inputs)):
        yield never(replace(case, part=f"{kind.value}: {part}"), symptom)


def _matters(
    kvm: Kvm, kind: MmuKind, now: tuple[RoleAsked, RoleAsked], inputs: tuple[RoleInputs, RoleInputs]
) -> Iterator[tuple[str, Symptom]]:
    """In what vCPUs that share pages of an MMU have to be alike."""
    if kind is MmuKind.NESTED_EPT:
        # An MMU for L2 is never used in SMM, and always for L2.
        yield from _matters_of_ept(kvm, *(each.request for each in now))
        return
    one, other = inputs
    yield _Matter(
        "the vCPU's mode", "address-space", all_of(iff(one.smm, other.smm), iff(one.guest_mode, other.guest_mode))
    ).although(
        "one is in SMM or runs L2", "KVM: SMM has memory slots of its own, and L2's writes are not logged by PML"
    )
    if kind is MmuKind.TDP:
        return
    yield from _matters_of_paging(*(each.mode for each in now))
    if kind is MmuKind.SHADOW:
        yield from _matters_without_write_protection(*(each.mode for each in now))
    elif kvm.has(Feature.GMET):
        yield _Matter("GMET", "execute-control", iff(*(each.request.gmet for each in now))).although(
            "U denies a supervisor's fetch for one and none for the other", "APM 15.25.13"
        )


def _matters_of_ept(kvm: Kvm, one: MmuRequest, other: MmuRequest) -> Iterator[tuple[str, Symptom]]:
    yield _Matter("A/D bits", "accessed-dirty", iff(one.accessed_dirty, other.accessed_dirty)).although(
        "one's EPT has A/D bits, the other's not", "SDM 25.6.11: EPTP bit 6"
    )
    if relations.has_mbec(kvm):
        yield _Matter("MBEC", "execute-control", iff(one.mbec, other.mbec)).although(
            "XU is a permission for one and nothing for the other", "SDM 31.3.2, 31.3.3.2: MBEC"
        )


def _matters_of_paging(one: PagingMode, other: PagingMode) -> Iterator[tuple[str, Symptom]]:
    sizes = all_of(iff(one.two_levels, other.two_levels), iff(one.enabled, other.enabled))
    yield _Matter("the size of entries", "entry-size", sizes).although(
        "one's entries have four bytes and the other's eight", "SDM 5.1.1"
    )
    both_eight = negate(any_of(one.two_levels, other.two_levels))
    disabled = implies(both_eight, iff(one.execute_disable, other.execute_disable))
    yield _Matter("EFER.NXE", "execute-disable", disabled).although(
        "XD denies fetches for one and is reserved for the other",
        "SDM 5.4, 5.5: with NXE, XD denies fetches; without, it is reserved",
    )
    yield _Matter("CR4.PSE", "page-size", iff(one.four_mbyte_pages, other.four_mbyte_pages)).although(
        "one has 4-MByte pages and the other ignores the bit",
        "SDM 5.3: with CR4.PSE, PS maps a page; without, it is ignored",
    )
    yield _Matter("PAE paging", "reserved-bits", iff(one.pae, other.pae)).although(
        "bits 62:52 are reserved for one and ignored for the other", "SDM 5.4, 5.5: bits 62:52"
    )


def _matters_without_write_protection(one: PagingMode, other: PagingMode) -> Iterator[tuple[str, Symptom]]:
    """Of shadow pages: what the SPTE has to enforce.

    Without CR0.WP a page that a supervisor writes is mapped as its own, so that SMEP and SMAP have to be enforced by
    the SPTE; with CR0.WP the hardware does so by the vCPU's CR4.
    """
    neither = negate(any_of(one.write_protect, other.write_protect))
    for name, left, right in (("SMEP", one.smep, other.smep), ("SMAP", one.smap, other.smap)):
        alike = implies(neither, iff(left, right))
        yield _Matter(f"CR4.{name} without CR0.WP", f"{name.lower()}-without-wp", alike).although(
            f"CR4.{name} restricts one and not the other, and CR0.WP neither", f"SDM 5.6.1: CR4.{name}"
        )
    yield _Matter("CR0.WP", "write-protect", iff(one.write_protect, other.write_protect)).although(
        "a supervisor needs R/W for one and not for the other", "SDM 5.6.1: CR0.WP"
    )


THEOREMS = (
    Theorem(
        name="role.root-access",
        claim="The root's access reaches every direct page: pages below are made with it and SPTEs too; a page "
        "inherits the guest's mode from the page above.",
        source="KVM's comment at kvm_calc_tdp_mmu_root_page_role(); APM 15.25.13: a page that a supervisor executes "
        "from has U/S 0",
        assumes=(
            EVERY_REGISTER,
            ROOTS,
            "the root is direct",
            PARENT_VALID,
            "the access has no bit outside ACC_ALL",
            "mmu_alloc_root() is asked for a level from 1 to 5 and a quadrant from 0 to 3",
        ),
        state=several(_access),
        catches=(
            Catch("direct-map-maps-all", "leaf-access"),
            Catch("direct-map-pages-grant-all", "page-access"),
            Catch("tdp-leaf-grants-all", "leaf-access"),
            *showing("child-access", "tdp-child-grants-all", "child-keeps-access"),
            Catch("child-quadrant-lost", "child-quadrant"),
            Catch("root-page-grants-all", "root-access"),
        ),
    ),
    Theorem(
        name="role.page-sharing",
        claim="vCPUs whose pages have equal roles may share them: the guest's entries mean the same for both, in "
        "everything that an SPTE depends on.",
        source="KVM's comment at union kvm_mmu_page_role; SDM 5.3 to 5.6, 31.3.3.2; APM 15.25.13",
        assumes=(
            EVERY_REGISTER,
            "L1 has paging on: VMRUN needs it",
            "the guest's CPUID and VMX capabilities are the same on all vCPUs: KVM's comment at "
            "kvm_mmu_after_set_cpuid()",
        ),
        state=_page_sharing,
        catches=(
            Catch("smep-only-in-long-mode", "smep-without-wp"),
            *showing("execute-control", "mbec-left-out-of-role", "nested-ept-role-kept", "nested-ept-root-role-kept"),
            Catch("smm-not-in-role", "address-space"),
        ),
    ),
)
