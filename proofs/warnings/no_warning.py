"""KVM's own assertions: no WARN and no BUG of the lifted functions fires.

`mmuproof.proofs.warnings.runs` runs the functions, under the conditions that their assertions need.  A condition is an
obligation on the callers that are lifted: where a caller runs its callee it meets the assertion itself, and the
obligations below are those of callers whose callee is not followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from mmuproof.model.evidence import Check, CheckKind
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.asked_mapping import AskedMapping, prefetched, synchronized
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.proofs.warnings.conditions import CONDITIONS
from mmuproof.proofs.warnings.runs import Run, asks_for_levels, runs
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, eq, ne, negate, zext

_ASSERTIONS: Mapping[CheckKind, str] = MappingProxyType({CheckKind.WARN: "WARN", CheckKind.BUG: "BUG"})
_EVERYWHERE = (Vendor.INTEL, Vendor.AMD, Vendor.SHADOW)
_KVM_RULE = "KVM's own assertion: it never does"


def _assertions(run: Run) -> list[Claim]:
    """One claim for each function that asserts something, so that no finding hides another."""
    stated: dict[str, dict[Check, None]] = {}
    for check in run.evidence.checks:
        if check.kind in _ASSERTIONS:
            stated.setdefault(check.function, {})[check] = None
    return [
        always(
            all_of(*(check.holds for check in checks)),
            given(
                *run.conditions,
                shown=run.shown,
                evidence=run.evidence,
                part=run.name if run.name == f"{function}()" else f"{run.name}: {function}()",
            ),
            *(
                Wrong(
                    "fires",
                    negate(check.holds),
                    f"The {_ASSERTIONS[check.kind]} in {check.function}() at {check.at} fires.",
                ).told(f"the {_ASSERTIONS[check.kind]} fires", _KVM_RULE, place=check.place)
                for check in checks
            ),
        )
        for function, checks in stated.items()
    ]


# -- what callers have to guarantee ---------------------------------------------------------------------------


def _grants_something(kvm: Kvm, found: AskedMapping) -> Claim:
    """What is handed on to make_spte() makes a present SPTE."""
    asked = found.asked
    nothing = kvm.constant("SHADOW_NONPRESENT_VALUE") if kvm.has(Feature.NONPRESENT_VALUE) else 0
    empty = all_of(asked.when, eq(zext(asked.pte_access, 64) | found.masks.present, nothing))
    file = asked.at.partition(":")[0]
    return never(
        given(*found.assumptions, shown=found.shown, evidence=asked.evidence, part=f"{asked.caller}() for make_spte()"),
        Wrong(
            "grants-nothing",
            empty,
            f"{asked.caller}() at {asked.at} asks for an SPTE that grants nothing; the WARN in make_spte() fires.",
        ).told("the WARN fires", _KVM_RULE, place=f"{file}:{asked.caller}"),
    )


def _prefetch_grants_something(kvm: Kvm, vendor: Vendor) -> Claim:
    return _grants_something(kvm, prefetched(kvm))


def _sync_grants_something(kvm: Kvm, vendor: Vendor) -> Claim:
    return _grants_something(kvm, synchronized(kvm))


def _walk_grants_something(kvm: Kvm, vendor: Vendor) -> Claim:
    """FNAME(fetch)() maps what a walk has found: then the access was allowed, and so something is."""
    walk = kvm.walks.guest_walk(relations.WALKS[vendor])
    inputs = relations.fault_inputs(kvm)
    result = kvm.walks.permission_fault(walk, inputs.pte_access, inputs.pte_pkey, inputs.access)
    access = relations.ept_access(kvm, inputs)
    wrong = all_of(eq(inputs.pte_access, 0), eq(result.error_code, 0))
    return never(
        given(
            *inputs.assumptions,
            relations.paging_on(walk),
            Assumption("an access reads, writes or fetches", any_of(access.read, access.write, access.fetch)),
            shown=inputs.shown,
            evidence=result.evidence,
            part="a walk that succeeds, for make_spte()",
        ),
        Wrong(
            "grants-nothing",
            wrong,
            "A walk succeeds although the entries grant nothing, and FNAME(fetch)() asks "
            "for an SPTE that grants nothing.",
        ).told("permission_fault() is 0", _KVM_RULE),
    )


def _logging_keeps_pages_small(kvm: Kvm, vendor: Vendor) -> Claim:
    adjusted = kvm.mappings.hugepage_adjust()
    huge = all_of(adjusted.dirty_tracked, ne(adjusted.goal_level, 1))
    return never(
        given(
            shown=(Shown("fault->goal_level", adjusted.goal_level),),
            evidence=adjusted.evidence,
            part="kvm_mmu_hugepage_adjust() for make_spte()",
        ),
        Wrong(
            "huge-when-logged",
            huge,
            "kvm_mmu_hugepage_adjust() allows a huge page where writes are logged, and the WARN in make_spte() fires.",
        ).told(
            "fault->goal_level is above 1", _KVM_RULE, place=f"{adjusted.at.partition(':')[0]}:kvm_mmu_hugepage_adjust"
        ),
    )


def _eptp_has_levels(kvm: Kvm, _vendor: Vendor) -> Claim:
    """What nested_vmx_check_eptp() lets through asks for 4 or 5 levels."""
    checked = kvm.mappings.check_eptp()
    wrong = all_of(checked.accepted, negate(asks_for_levels(checked.eptp)))
    return never(
        given(
            shown=(Shown("new_eptp", checked.eptp),),
            evidence=checked.evidence,
            part="nested_vmx_check_eptp() for vmx_eptp_page_walk_level()",
        ),
        Wrong(
            "level-accepted",
            wrong,
            f"nested_vmx_check_eptp() at {checked.at} accepts an EPTP of neither 4 nor "
            "5 levels, and the WARN in vmx_eptp_page_walk_level() fires.",
        ).told("the EPTP is accepted", _KVM_RULE, place=f"{checked.at.partition(':')[0]}:nested_vmx_check_eptp"),
    )


_OBLIGATIONS: tuple[tuple[Callable[[Kvm, Vendor], Claim], tuple[Vendor, ...]], ...] = (
    (_prefetch_grants_something, (Vendor.INTEL,)),
    (_sync_grants_something, (Vendor.INTEL,)),
    (_walk_grants_something, (Vendor.INTEL,)),
    (_logging_keeps_pages_small, _EVERYWHERE),
    (_eptp_has_levels, (Vendor.INTEL,)),
)


def _no_warning(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for run, vendors in runs():
        if vendor in vendors:
            try:
                yield from _assertions(run(kvm, vendor))
            except NotThere:
                # A function that a tree lacks asserts nothing.
                continue
    for obligation, vendors in _OBLIGATIONS:
        if vendor in vendors:
            try:
                yield obligation(kvm, vendor)
            except NotThere:
                continue


THEOREMS = (
    Theorem(
        name="spte.no-warning",
        claim="No WARN and no BUG in the lifted functions fires under what their callers guarantee, and the callers "
        "that are lifted do guarantee it.",
        source="KVM's own assertions; docs/warnings.md lists what they need",
        assumes=tuple(f"{each.label}: {each.guaranteed}" for each in CONDITIONS),
        state=several(_no_warning),
        catches=(
            Catch("hugepage-adjust-ignores-logging", "huge-when-logged"),
            Catch("sync-spte-keeps-empty", "grants-nothing"),
            Catch("check-eptp-accepts-any-level", "level-accepted"),
            Catch("ept-read-ignored", "grants-nothing"),
            *showing(
                "fires",
                "write-for-host-readonly",
                "mmu-writable-in-saved-slot",
                "frame-off-by-one",
                "clear-dirty-ignores-type",
                "clear-dirty-without-ad-bits",
            ),
            *showing("undefined-behaviour", "fetch-index-not-halved", "permissions-one-short"),
        ),
    ),
)
