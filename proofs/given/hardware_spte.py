"""An SPTE as the hardware reads it, whatever the vendor: its fields by the manuals' names, and what it allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given import relations
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bool_var, bv, negate, var
from mmuproof.spec import ept, npt, paging
from mmuproof.spec.access import Access
from mmuproof.spec.entry_layout import EntryFormat, field_named
from mmuproof.spec.ept import EptPermissions
from mmuproof.spec.ept_layout import EPT
from mmuproof.spec.npt import NestedPermissions
from mmuproof.spec.npt_layout import NPT_LONG_MODE
from mmuproof.spec.paging import AccessRights, LinearAccess, PagingControls
from mmuproof.spec.paging_layout import INTEL_LONG_MODE

PAGE_OFFSET_BITS = 12
LEVEL_BITS = 9
"""A page-table page has 2**9 entries, so a page of one level has 2**9 of those of the next lower one."""

FORMATS: Mapping[Vendor, EntryFormat] = MappingProxyType(
    {Vendor.INTEL: EPT, Vendor.AMD: NPT_LONG_MODE, Vendor.SHADOW: INTEL_LONG_MODE}
)
"""The format of SPTEs that map a page in a full-size host's tables."""

MANUALS: Mapping[Vendor, str] = MappingProxyType(
    {Vendor.INTEL: "SDM 31.3", Vendor.AMD: "APM 15.25", Vendor.SHADOW: "SDM 5.6"}
)


def field_mask(vendor: Vendor, name: str, *, level: int = 1, maps_page: bool = True) -> int:
    """The bits of a field, by the manual's name, in entries of one kind."""
    return field_named(FORMATS[vendor], level, maps_page, name).mask


def address(spte: BitVec) -> BitVec:
    """The address bits of any entry, 51:12, in their places."""
    return spte & field_mask(Vendor.INTEL, "address")


def page_bytes(level: int) -> int:
    """How much a page of a level (1 is the lowest) maps."""
    return 1 << PAGE_OFFSET_BITS + LEVEL_BITS * (level - 1)


def present(vendor: Vendor, spte: BitVec, *, mbec: Bool) -> Bool:
    """Whether the processor uses the entry."""
    return ept.present(spte, mbec=mbec) if vendor is Vendor.INTEL else paging.present(spte)


def executable(vendor: Vendor, spte: BitVec) -> Bool:
    """Whether the entry lets anything be executed in some mode, MBEC on or off."""
    if vendor is Vendor.INTEL:
        own = ept.permissions_of(spte)
        return any_of(own.execute, own.user_execute)
    return negate(npt.permissions_of(spte).no_execute)


@dataclass(frozen=True, kw_only=True)
class AnyAccess:
    """One access of the guest, free, with the controls on which its outcome depends."""

    access: Access
    user: Bool
    mbec: Bool
    gmet: Bool
    cpl: BitVec
    controls: PagingControls
    assumptions: tuple[Assumption, ...]
    shown: tuple[Shown, ...]


def any_access(kvm: Kvm, vendor: Vendor) -> AnyAccess:
    """Every kind of access under every setting of the tables' controls that the tree knows."""
    read, write, fetch = bool_var("read"), bool_var("write"), bool_var("fetch")
    user = bool_var("user-mode")
    mbec = bool_var("MBEC") if vendor is Vendor.INTEL and relations.has_mbec(kvm) else FALSE
    gmet = bool_var("GMET") if vendor is Vendor.AMD and kvm.has(Feature.GMET) else FALSE
    controls = PagingControls(
        write_protect=TRUE,
        smep=bool_var("CR4.SMEP"),
        smap=bool_var("CR4.SMAP"),
        no_execute_enabled=TRUE,
        alignment_check=bool_var("EFLAGS.AC"),
    )
    shown = [Shown("read", read), Shown("write", write), Shown("fetch", fetch), Shown("user-mode", user)]
    shown += [Shown("MBEC", mbec)] if vendor is Vendor.INTEL else []
    shown += [Shown("GMET", gmet)] if vendor is Vendor.AMD else []
    return AnyAccess(
        access=Access(read, write, fetch),
        user=user,
        mbec=mbec,
        gmet=gmet,
        cpl=var("CPL", 2),
        controls=controls,
        assumptions=(Assumption("the access reads, writes or fetches", any_of(read, write, fetch)),),
        shown=tuple(shown),
    )


def allowed(vendor: Vendor, spte: BitVec, access: AnyAccess) -> Bool:
    """Whether the hardware allows an access through an entry, as far as this one entry is concerned."""
    by_entry: EptPermissions | NestedPermissions | AccessRights
    if vendor is Vendor.INTEL:
        by_entry = ept.permissions_of(spte)
    elif vendor is Vendor.AMD:
        by_entry = npt.permissions_of(spte)
    else:
        by_entry = paging.rights_of(spte)
    return all_of(present(vendor, spte, mbec=access.mbec), allowed_by(by_entry, access))


def allowed_by(granted: EptPermissions | NestedPermissions | AccessRights, access: AnyAccess) -> Bool:
    """Whether permissions allow an access.

    The host has EFER.NXE set and its own CR0.WP, which are what KVM's tables are used with.
    """
    if isinstance(granted, EptPermissions):
        return ept.allows(granted, access.access, mbec=access.mbec, user_mode_address=access.user)
    if isinstance(granted, NestedPermissions):
        return npt.allows(
            granted,
            access.access,
            gmet=access.gmet,
            cpl=access.cpl,
            no_execute_enabled=TRUE,
            gmet_void_without_nxe=FALSE,
        )
    return paging.allows(granted, LinearAccess(access.access, access.user, FALSE), access.controls)


# -- KVM's own bits -----------------------------------------------------------------------------------------


def saved_bits(kvm: Kvm) -> int:
    """The permissions that access tracking puts away, at their own places."""
    return kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_MASK")


def saved_slots(kvm: Kvm) -> int:
    """Where access tracking puts them."""
    return saved_bits(kvm) << kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_SHIFT")


def with_saved(kvm: Kvm, vendor: Vendor, spte: BitVec) -> BitVec:
    """The SPTE with the permissions at their places that it has or has put away; only EPT's can be put away."""
    if vendor is not Vendor.INTEL:
        return spte
    return spte | ((spte >> kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_SHIFT")) & saved_bits(kvm))


def number(value: int) -> BitVec:
    """A constant of 64 bits."""
    return bv(value, 64)
