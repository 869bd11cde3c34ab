"""What the callers of make_spte() ask it for on a nested EPT, with what the walk before them has found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mmuproof.model.kvm import Kvm
from mmuproof.model.mappings import MappingAsked
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GuestWalk
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.nested_set_up import asked_for, new_role
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, eq, implies, negate


@dataclass(frozen=True)
class AskedMapping:
    """What a caller asks for, and what is assumed of the entries above the one that it reads."""

    asked: MappingAsked
    masks: ShadowMasks
    assumptions: tuple[Assumption, ...]
    shown: tuple[Shown, ...]


def prefetched(kvm: Kvm) -> AskedMapping:
    """What ept_prefetch_gpte() asks for."""
    return _asked(kvm, kvm.mappings.prefetch_gpte)


def synchronized(kvm: Kvm) -> AskedMapping:
    """What ept_sync_spte() asks for."""
    return _asked(kvm, kvm.mappings.sync_spte)


def _asked(kvm: Kvm, ask: Callable[[GuestWalk, ShadowMasks], MappingAsked]) -> AskedMapping:
    """What a caller asks for on a nested EPT that KVM has set up for whatever L1 wants."""
    masks, controls = kvm.masks.shadow_masks(Vendor.INTEL), asked_for()
    done = kvm.walks.nested_set_up(relations.WALKS[Vendor.INTEL], controls)
    asked = ask(done.walk, masks)
    parents = relations.ept_permissions(kvm, asked.parents_access)
    usable = any_of(parents.read, parents.execute, all_of(controls.mbec, parents.user_execute))
    assumptions = (
        *plausible_host(masks),
        new_role(done),
        Assumption(
            "the host has execute-only translations if it offers them to L1",
            implies(controls.execonly, masks.host.has_exec_only),
        ),
        Assumption("the entries above grant something: a walk through them has succeeded", usable),
        Assumption(
            "the entries above are not misconfigured: without R there is no W, nor anything without "
            "execute-only translations",
            implies(negate(parents.read), all_of(negate(parents.write), controls.execonly)),
        ),
        Assumption("role.access has no bit outside ACC_ALL", eq(asked.parents_access & ~kvm.constant("ACC_ALL"), 0)),
    )
    flags = relations.acc_flags(kvm, ept=True)
    shown = (
        Shown("execute-only support", controls.execonly),
        Shown("sp->role.access", asked.parents_access, flags),
        Shown("gpte", asked.gpte, kind=NumberKind.GUEST_ENTRY),
        Shown("pte_access", asked.pte_access, flags),
    )
    return AskedMapping(asked, masks, assumptions, shown)
