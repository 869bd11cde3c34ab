"""What KVM precomputes depends on the CPU role, and on nothing else."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GuestWalk, PagingMetadata, WalkKind
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.graph import substitute
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, Term, any_of, ne, var


def _premises(walk: GuestWalk) -> tuple[Assumption, ...]:
    return () if walk.kind is WalkKind.NESTED_EPT else (relations.paging_on(walk),)


def _differ(left: PagingMetadata, right: PagingMetadata) -> tuple[Bool, Bool]:
    permissions = any_of(*(ne(a, b) for a, b in zip(left.permissions, right.permissions, strict=True)))
    return permissions, ne(left.pkru_mask, right.pkru_mask)


def _claim(walk: GuestWalk, other: PagingMetadata, what: str, shown: tuple[Shown, ...]) -> Claim:
    permissions, keys = _differ(walk.metadata, other)
    return never(
        given(*_premises(walk), shown=shown, evidence=walk.evidence),
        Wrong("permissions-differ", permissions, f"permissions[] {what}.").told(
            "different permissions", "equal roles give equal permissions"
        ),
        Wrong("pkru-mask-differs", keys, f"pkru_mask {what}.").told(
            "a different pkru_mask", "equal roles give an equal pkru_mask"
        ),
    )


def _history_free(kvm: Kvm, vendor: Vendor) -> Claim:
    walk = kvm.walks.guest_walk(relations.WALKS[vendor])
    earlier: dict[Term, Term] = {
        old: var(f"another permissions[{index}]", old.width) for index, old in enumerate(walk.before.permissions)
    }
    earlier[walk.before.pkru_mask] = var("another pkru_mask", walk.before.pkru_mask.width)
    other = PagingMetadata(
        tuple(substitute(each, earlier) for each in walk.metadata.permissions),
        substitute(walk.metadata.pkru_mask, earlier),
    )
    shown = (
        *relations.role_shown(walk, "cr4_pke", "cr4_smep", "level"),
        Shown("pkru_mask before", walk.before.pkru_mask),
        Shown("another pkru_mask before", earlier[walk.before.pkru_mask]),
    )
    return _claim(walk, other, "depends on what it held before the role was set", shown)


def _role_decides(kvm: Kvm, vendor: Vendor) -> Claim:
    walk = kvm.walks.guest_walk(relations.WALKS[vendor])
    other = kvm.walks.guest_walk(relations.WALKS[vendor], world="another vCPU", role=walk.role)
    # What the two held before is the subject of permission.history-free, so it is the same here.
    same_history: dict[Term, Term] = dict(zip(other.before.permissions, walk.before.permissions, strict=True))
    same_history[other.before.pkru_mask] = walk.before.pkru_mask
    metadata = PagingMetadata(
        tuple(substitute(each, same_history) for each in other.metadata.permissions),
        substitute(other.metadata.pkru_mask, same_history),
    )
    shown = relations.role_shown(walk, "cr0_wp", "cr4_smep", "cr4_smap", "efer_nx", "cr4_pke")
    return _claim(walk, metadata, "depends on something outside the role", shown)


THEOREMS = (
    Theorem(
        name="permission.history-free",
        claim="Recomputing permissions[] and pkru_mask gives the same whatever they held before.",
        source="KVM: the metadata is a function of the CPU role, which is compared to skip recomputing it",
        assumes=("paging is on: without, KVM does not consult the metadata",),
        state=alone(_history_free),
        catches=(Catch("pkru-mask-left-over", "pkru-mask-differs"),),
    ),
    Theorem(
        name="permission.role-decides",
        claim="MMUs with equal roles have equal permissions[] and pkru_mask; nothing outside the role matters.",
        source="KVM: the metadata is a function of the CPU role, which is compared to skip recomputing it",
        assumes=("paging is on: without, KVM does not consult the metadata",),
        state=alone(_role_decides),
        catches=(Catch("permissions-read-root-role", "permissions-differ"),),
    ),
)
