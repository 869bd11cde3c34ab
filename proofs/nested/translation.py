"""How KVM's own accesses for L2 are put to L1's EPT or nested page tables: which stage, which user-ness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mmuproof.model.evidence import Evidence
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.nested import WALKED_FORMATS, LinearWalk, NestedTranslation, entries_read
from mmuproof.model.statement import Case, Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, several, showing
from mmuproof.smt.graph import substitute
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, eq, iff, implies, ne, negate, var
from mmuproof.spec import ept
from mmuproof.spec.entry_layout import Control, EntryFormat
from mmuproof.spec.linear_walk import entries_used
from mmuproof.spec.paging import rights_of
from mmuproof.spec.paging_layout import INTEL_LONG_MODE, PAE, PAGING_32BIT

_GPA, _ACCESS, _PTE_ACCESS = var("gpa", 64), var("access", 64), var("pte_access", 64)

NO_STAGE = (
    "the access to a linear address names no stage: KVM's callers of gva_to_gpa() pass W, U, F and the mark of an "
    "implicit access, as nested.linear-access has it"
)
_WELL_FORMED = "bit 7 of a PML5E or PML4E is clear: it is reserved, and a walk ends at reserved bits"

Handed = Callable[[NestedTranslation], BitVec]


def handed_on(kvm: Kvm, vendor: Vendor) -> tuple[Handed, Evidence]:
    """What a translation asks of the walk of L1's tables once it has gone through ``translate_nested_gpa()``."""
    handed = kvm.nested.translate_nested_gpa(vendor, _GPA, _ACCESS, _PTE_ACCESS)

    def through(asked: NestedTranslation) -> BitVec:
        return substitute(handed.access, {_ACCESS: asked.access, _PTE_ACCESS: asked.pte_access})

    return through, handed.evidence


def access_shown(kvm: Kvm, name: str, access: BitVec) -> Shown:
    """An access for a counterexample, its stage among the flags."""
    stages = (("GUEST_FINAL_MASK", "FINAL"), ("GUEST_PAGE_MASK", "PAGE"))
    flags = tuple((kvm.constant(f"PFERR_{mask}").bit_length() - 1, word) for mask, word in stages)
    return Shown(name, access, (*relations.pferr_flags(kvm), *flags))


def no_stage(kvm: Kvm, access: BitVec) -> Assumption:
    """See `NO_STAGE`."""
    final, structure = _stages(kvm)
    return Assumption(NO_STAGE, eq(access & (final | structure), 0))


def _stages(kvm: Kvm) -> tuple[int, int]:
    return kvm.constant("PFERR_GUEST_FINAL_MASK"), kvm.constant("PFERR_GUEST_PAGE_MASK")


# -- walks of L2's own tables -----------------------------------------------------------------------------------


def linear_walks(kvm: Kvm) -> Iterator[tuple[int, tuple[BitVec, ...], LinearWalk]]:
    """A walk of each paging mode, with the entries that it reads."""
    for levels, entry_format in WALKED_FORMATS.items():
        width = 32 if entry_format is GpteFormat.PAGING32 else 64
        entries = tuple(var(f"entry of level {level}", width) for level in range(entries_read(levels), 0, -1))
        yield levels, entries, kvm.nested.linear_walk(levels, entries, _ACCESS)


def _format(levels: int) -> EntryFormat:
    return {3: PAE, 2: PAGING_32BIT}.get(levels, INTEL_LONG_MODE)


def _user_bits(levels: int, entries: Sequence[BitVec], cr4_pse: Bool) -> tuple[Bool, ...]:
    """The U/S flags of the entries that translate the address; true for one that does not."""
    controls = {Control.PAGES_1G: TRUE, Control.PAGES_2M: TRUE, Control.PAGE_SIZE_EXTENSIONS: cr4_pse}
    used = entries_used(_format(levels), entries, controls)
    return tuple(implies(on, rights_of(entry).user_address) for on, entry in zip(used, entries, strict=True))


def _well_formed(levels: int, entries: Sequence[BitVec]) -> tuple[Assumption, ...]:
    upper = entries[: max(levels - 3, 0)]
    if not upper:
        return ()
    return (Assumption(_WELL_FORMED, all_of(*(eq(entry & (1 << 7), 0) for entry in upper))),)


# -- the stage ------------------------------------------------------------------------------------------------------


def _one_stage_bit(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    through, evidence = handed_on(kvm, vendor)
    claims = [
        _stage_claim(kvm, walk.structures, (walk.final,), through, walk.evidence + evidence, f"{levels} levels")
        for levels, _, walk in linear_walks(kvm)
    ]
    unpaged, pdptrs = kvm.nested.nonpaging_gva_to_gpa(_GPA, _ACCESS), kvm.nested.load_pdptrs(var("cr3", 64))
    return [
        *claims,
        _stage_claim(kvm, (), (unpaged.translation,), through, unpaged.evidence + evidence, "paging off"),
        _stage_claim(kvm, (pdptrs.translation,), (), through, pdptrs.evidence + evidence, "PDPTEs"),
        _stage_ignored(kvm, vendor),
    ]


def _stage_claim(
    kvm: Kvm,
    structures: Sequence[NestedTranslation],
    finals: Sequence[NestedTranslation],
    through: Handed,
    evidence: Evidence,
    part: str,
) -> Claim:
    """Each translation names its own stage, and no other."""
    final, structure = _stages(kvm)
    none: list[Bool] = []
    other: list[Bool] = []
    for asked, own, foreign in (
        *((each, structure, final) for each in structures),
        *((each, final, structure) for each in finals),
    ):
        access = through(asked)
        none.append(all_of(asked.guard, eq(access & (own | foreign), 0)))
        other.append(all_of(asked.guard, has(access, foreign)))
    lacking, wrong = any_of(*none), any_of(*other)
    says = "one of bits 32 and 33 is set: APM 15.25.6; bit 8 of the exit qualification: SDM Table 30-7"
    return never(
        given(no_stage(kvm, _ACCESS), shown=(access_shown(kvm, "access", _ACCESS),), evidence=evidence, part=part),
        Wrong(
            "no-stage",
            lacking,
            "A nested translation does not say whether it is for a paging structure or for a final address.",
        ).told("neither stage", says),
        Wrong(
            "wrong-stage",
            wrong,
            "A nested translation for a paging structure says that it is for a final address, or the other way round.",
        ).told("the other stage", says),
    )


def _stage_ignored(kvm: Kvm, vendor: Vendor) -> Claim:
    """Which stage an access is of changes nothing about whether it faults."""
    walk, inputs = kvm.walks.guest_walk(relations.WALKS[vendor]), relations.fault_inputs(kvm)
    final, structure = _stages(kvm)
    plain = inputs.access & ~(final | structure)
    with_stage, without = (
        kvm.walks.permission_fault(walk, inputs.pte_access, inputs.pte_pkey, access)
        for access in (inputs.access, plain)
    )
    differs = ne(with_stage.error_code, without.error_code)
    return never(
        given(
            *inputs.assumptions,
            shown=inputs.shown,
            evidence=with_stage.evidence + without.evidence,
            part="permission_fault()",
        ),
        Wrong("stage-changes-permission", differs, "Whether an access faults depends on its stage.").told(
            "another result", "APM 15.25: the stage is told to L1, and permits nothing"
        ),
    )


# -- user-ness for MBEC -----------------------------------------------------------------------------------------------


def _user_address(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    if not relations.has_mbec(kvm):
        raise NotThere(["ACC_USER_EXEC_MASK"])
    through, evidence = handed_on(kvm, vendor)
    for levels, entries, walk in linear_walks(kvm):
        wanted = ept.user_mode_linear_address(TRUE, _user_bits(levels, entries, walk.cr4_pse))
        case = given(
            no_stage(kvm, _ACCESS),
            *_well_formed(levels, entries),
            shown=(access_shown(kvm, "access", _ACCESS), *(Shown(each.name, each) for each in entries)),
            evidence=walk.evidence + evidence,
            part=f"{levels} levels",
        )
        yield _user_claim(kvm, walk.structures, walk.final, wanted, through, case)
    unpaged, pdptrs = kvm.nested.nonpaging_gva_to_gpa(_GPA, _ACCESS), kvm.nested.load_pdptrs(var("cr3", 64))
    wanted = ept.user_mode_linear_address(FALSE, ())
    case = given(
        no_stage(kvm, _ACCESS),
        shown=(access_shown(kvm, "access", _ACCESS),),
        evidence=unpaged.evidence + pdptrs.evidence + evidence,
        part="paging off, and PDPTEs",
    )
    yield _user_claim(kvm, (pdptrs.translation,), unpaged.translation, wanted, through, case)
    yield _rest_unchanged(kvm, vendor)


def _user_claim(
    kvm: Kvm,
    structures: Sequence[NestedTranslation],
    final: NestedTranslation,
    wanted: Bool,
    through: Handed,
    case: Case,
) -> Claim:
    """Final accesses are of user-mode addresses where the manual says so, accesses to structures never are."""
    user_mask = kvm.constant("PFERR_USER_MASK")
    told = has(through(final), user_mask)
    at_structure = any_of(*(all_of(each.guard, has(through(each), user_mask)) for each in structures))
    invented, missed = (
        all_of(final.guard, each) for each in (all_of(told, negate(wanted)), all_of(wanted, negate(told)))
    )
    rule = "SDM 31.3.3.2: U/S is 1 in all entries that translate the address, or paging is off"
    return never(
        case,
        Wrong(
            "supervisor-address-as-user",
            invented,
            "A supervisor-mode linear address is put to L1's EPT as a user-mode one.",
        ).told("a user access", rule),
        Wrong(
            "user-address-as-supervisor",
            missed,
            "A user-mode linear address is put to L1's EPT as a supervisor-mode one.",
        ).told("a supervisor access", rule),
        Wrong(
            "structure-as-user",
            at_structure,
            "An access to a paging structure is put to L1's EPT as one to a user-mode address.",
        ).told("a user access", "SDM 31.3.3.2: it is to no linear address"),
    )


def _rest_unchanged(kvm: Kvm, vendor: Vendor) -> Claim:
    """Address, operation and stage go on as they came."""
    handed = kvm.nested.translate_nested_gpa(vendor, _GPA, _ACCESS, _PTE_ACCESS)
    user = kvm.constant("PFERR_USER_MASK")
    differs = any_of(ne(handed.gpa, _GPA), ne(handed.access & ~user, _ACCESS & ~user))
    return never(
        given(
            shown=(access_shown(kvm, "access", _ACCESS), access_shown(kvm, "handed on", handed.access)),
            evidence=handed.evidence,
            part="the rest",
        ),
        Wrong("access-changed", differs, "The walk of L1's tables is asked for another access than L2's.").told(
            "another address or operation", "the access that L2 makes"
        ),
    )


# -- user-ness for nested paging ----------------------------------------------------------------------------------


def _gmet(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    if not kvm.has(Feature.GMET):
        raise NotThere(["GMET: update_permission_bitmask(tdp)"])
    handed = kvm.nested.translate_nested_gpa(vendor, _GPA, _ACCESS, _PTE_ACCESS)
    user, before = (has(access, kvm.constant("PFERR_USER_MASK")) for access in (handed.access, _ACCESS))
    invented, lost = all_of(user, negate(before)), all_of(before, negate(user))
    rule = "APM 15.25.13: it is CPL that counts"
    yield always(
        iff(user, before),
        given(
            Assumption("GMET is on in the cached VMCB of L2", handed.gmet),
            shown=(access_shown(kvm, "access", _ACCESS),),
            evidence=handed.evidence,
            part="user-ness",
        ),
        Wrong(
            "cpl-as-user", invented, "With GMET, an access at CPL 0 to 2 is put to L1's tables as one at CPL 3."
        ).told("a user access", rule),
        Wrong("cpl-3-lost", lost, "With GMET, an access at CPL 3 is put to L1's tables as one at CPL 0 to 2.").told(
            "a supervisor access", rule
        ),
    )
    yield _rest_unchanged(kvm, vendor)


def _non_gmet_user(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    handed = kvm.nested.translate_nested_gpa(vendor, _GPA, _ACCESS, _PTE_ACCESS)
    user = has(handed.access, kvm.constant("PFERR_USER_MASK"))
    yield never(
        given(
            Assumption("GMET is off in the cached VMCB of L2", negate(handed.gmet)),
            shown=(access_shown(kvm, "access", _ACCESS),),
            evidence=handed.evidence,
            part="user-ness",
        ),
        Wrong(
            "no-user-access", negate(user), "Without GMET, an access is put to L1's tables as a supervisor access."
        ).told("a supervisor access", "APM 15.25: a nested access is a user access"),
    )
    yield _rest_unchanged(kvm, vendor)


THEOREMS = (
    Theorem(
        name="nested.one-stage-bit",
        claim="Whatever KVM translates for L2 through L1's tables names exactly one stage, and the right one: a "
        "paging structure or a final address.  Which one it is changes nothing about what is permitted.",
        source="APM 15.25.6: EXITINFO1 bits 32 and 33; SDM Table 30-7: exit qualification bit 8",
        assumes=(NO_STAGE, "the error code's low half has only P, W, U and F, for permission_fault()"),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=_one_stage_bit,
        catches=(
            Catch("structure-access-without-stage", "no-stage"),
            Catch("final-access-as-structure", "wrong-stage"),
            *showing("no-stage", "unpaged-access-without-stage", "pdptes-without-stage"),
            Catch("fetch-index-not-halved", "undefined-behaviour"),
        ),
    ),
    Theorem(
        name="nested.user-address",
        claim="What KVM puts to L1's EPT is an access to a user-mode address in exactly two cases, and never "
        "for a paging structure. Either U/S is 1 in all entries of L2's tables that translate the "
        "address, or L2's paging is off.",
        source="SDM 31.3.3.2",
        assumes=(NO_STAGE, _WELL_FORMED),
        vendors=(Vendor.INTEL,),
        needs=(Need(Feature.MBEC),),
        state=several(_user_address),
        catches=(
            *showing("supervisor-address-as-user", "nested-user-by-cpl", "nested-user-of-last-entry"),
            Catch("nested-user-at-structures", "structure-as-user"),
            *showing(
                "user-address-as-supervisor",
                "unpaged-address-as-supervisor",
                "unpaged-access-without-stage",
                "final-access-as-structure",
            ),
        ),
    ),
    Theorem(
        name="nested.gmet",
        claim="With GMET, KVM puts an access to L1's nested page tables with the user-ness that it came with, which "
        "is that of CPL 3.",
        source="APM 15.25.13",
        assumes=("PFERR_USER_MASK of a linear access says that CPL is 3: nested.linear-access",),
        vendors=(Vendor.AMD,),
        needs=(Need(Feature.GMET),),
        state=several(_gmet),
        catches=(Catch("nested-npt-always-user", "cpl-as-user"),),
    ),
    Theorem(
        name="nested.non-gmet-user",
        claim="Without GMET, whatever KVM puts to L1's nested page tables is a user access.",
        source="APM 15.25",
        vendors=(Vendor.AMD,),
        state=several(_non_gmet_user),
        catches=(Catch("nested-npt-user-dropped", "no-user-access"),),
    ),
)
