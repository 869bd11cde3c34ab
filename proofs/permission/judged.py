"""An access through a guest's tables as KVM judges it, and as the manual does: two sides that share only the inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mmuproof.model.evidence import Evidence
from mmuproof.model.kvm import Kvm
from mmuproof.model.walks import GuestWalk, PermissionFault, WalkKind
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.relations import FaultInputs, flag
from mmuproof.smt.terms import Bool, all_of, extract, ne, negate, var
from mmuproof.spec import ept, npt, paging, protection_keys
from mmuproof.spec.open_choices import GMET_WITHOUT_NXE

CPL = var("CPL", 2)
"""The guest's privilege level."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """An access, free, and what becomes of it.

    Args:
        walk: the MMU with its role, free.
        inputs: the arguments of ``permission_fault()``.
        result: what that says.
        allowed: what the manual says.
    """

    walk: GuestWalk
    inputs: FaultInputs
    result: PermissionFault
    allowed: Bool

    @property
    def fault(self) -> Bool:
        """Whether KVM denies the access."""
        return ne(self.result.error_code, 0)

    @property
    def evidence(self) -> Evidence:
        """How KVM's answer came about."""
        return self.result.evidence


def _asked(kvm: Kvm, walk: GuestWalk, *, ept_tables: bool) -> tuple[FaultInputs, PermissionFault]:
    inputs = relations.fault_inputs(kvm, ept=ept_tables)
    return inputs, kvm.walks.permission_fault(walk, inputs.pte_access, inputs.pte_pkey, inputs.access)


def ept_judged(kvm: Kvm, walk: GuestWalk, mbec: Bool) -> Judged:
    """An access of L2's through L1's EPT."""
    inputs, result = _asked(kvm, walk, ept_tables=True)
    allowed = ept.allows(
        relations.ept_permissions(kvm, inputs.pte_access),
        relations.ept_access(kvm, inputs),
        mbec=mbec,
        user_mode_address=inputs.user,
    )
    return Judged(walk=walk, inputs=inputs, result=result, allowed=allowed)


def npt_allows(kvm: Kvm, inputs: FaultInputs, gmet: Bool, no_execute_enabled: Bool, void_without_nxe: Bool) -> Bool:
    """Whether L1's nested tables allow an access; ``void_without_nxe`` is the open choice `GMET_WITHOUT_NXE`."""
    return npt.allows(
        relations.nested_permissions(kvm, inputs.pte_access),
        relations.data_or_fetch(inputs),
        gmet=gmet,
        cpl=CPL,
        no_execute_enabled=no_execute_enabled,
        gmet_void_without_nxe=void_without_nxe,
    )


def npt_judged(kvm: Kvm, walk: GuestWalk, gmet: Bool, no_execute_enabled: Bool) -> Judged:
    """An access of L2's through L1's nested tables, in the reading of the manual that is spoken of."""
    inputs, result = _asked(kvm, walk, ept_tables=False)
    allowed = npt_allows(kvm, inputs, gmet, no_execute_enabled, GMET_WITHOUT_NXE.reading)
    return Judged(walk=walk, inputs=inputs, result=result, allowed=allowed)


def allowed_by_rights(kvm: Kvm, walk: GuestWalk, inputs: FaultInputs, result: PermissionFault) -> Bool:
    """Whether the access rights of ordinary paging allow an access."""
    controls = paging.PagingControls(
        write_protect=result.cr0_wp,
        smep=flag(walk, "cr4_smep"),
        smap=flag(walk, "cr4_smap"),
        no_execute_enabled=flag(walk, "efer_nx"),
        alignment_check=result.eflags_ac,
    )
    rights = relations.access_rights(kvm, inputs.pte_access)
    return paging.allows(rights, relations.linear_access(inputs), controls)


def denied_by_key(kvm: Kvm, walk: GuestWalk, inputs: FaultInputs, result: PermissionFault) -> Bool:
    """Whether the page's protection key denies an access."""
    access = relations.linear_access(inputs)
    return protection_keys.denied(
        access.access,
        pkru=result.pkru,
        key=extract(inputs.pte_pkey, 3, 0),
        user_address=relations.access_rights(kvm, inputs.pte_access).user_address,
        user_mode_access=access.is_user_mode_access,
        write_protect=result.cr0_wp,
        enabled=flag(walk, "cr4_pke"),
        long_mode=flag(walk, "efer_lma"),
    )


def paging_judged(kvm: Kvm) -> Judged:
    """An access through a guest's own tables, without protection keys."""
    walk = kvm.walks.guest_walk(WalkKind.GUEST)
    inputs, result = _asked(kvm, walk, ept_tables=False)
    return Judged(walk=walk, inputs=inputs, result=result, allowed=allowed_by_rights(kvm, walk, inputs, result))


def keys_judged(kvm: Kvm) -> Judged:
    """The same with protection keys."""
    rights = paging_judged(kvm)
    by_key = denied_by_key(kvm, rights.walk, rights.inputs, rights.result)
    return replace(rights, allowed=all_of(rights.allowed, negate(by_key)))
