"""An MMU set up for free requests of the guest, and what is taken for granted of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mmuproof.model.kvm import Kvm
from mmuproof.model.reserved_bits import CheckedMmu, MmuKind, MmuRequest
from mmuproof.model.statement import Shown
from mmuproof.proofs.given import relations
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bit, bool_var, implies, negate, var
from mmuproof.spec.entry_layout import Control
from mmuproof.spec.reserved import plausible_width

_PG, _PSE, _PAE, _LA57 = 31, 4, 5, 12
_LMA, _NXE = 10, 11
_EPT_2M, _EPT_1G = 16, 17
_EPT_FLAGS = ((_EPT_2M, "2MB"), (_EPT_1G, "1GB"))
_CR4_FLAGS = ((_PSE, "PSE"), (_PAE, "PAE"), (_LA57, "LA57"))
_EFER_FLAGS = ((_LMA, "LMA"), (_NXE, "NX"))
_CR0_FLAGS = ((16, "WP"), (_PG, "PG"))


@dataclass(frozen=True)
class Requested:
    """An MMU that KVM has set up for a request, after it was set up for another."""

    mmu: CheckedMmu
    request: MmuRequest

    @property
    def max_physical_address(self) -> BitVec:
        """The guest's MAXPHYADDR."""
        return self.mmu.guest_cpu.maxphyaddr

    @property
    def long_mode(self) -> Bool:
        """Whether 4- or 5-level paging is on; no processor has EFER.LMA set with CR4.PAE clear, and KVM refuses it."""
        return all_of(bit(self.request.efer, _LMA), bit(self.request.cr4, _PAE))

    @property
    def five_levels(self) -> Bool:
        """Whether long mode's tables have five levels."""
        return bit(self.request.cr4, _LA57)

    @property
    def pae(self) -> Bool:
        """Whether PAE paging is on, outside long mode."""
        return all_of(negate(bit(self.request.efer, _LMA)), bit(self.request.cr4, _PAE))

    @property
    def paging_32bit(self) -> Bool:
        """Whether 32-bit paging is on."""
        return negate(any_of(bit(self.request.efer, _LMA), bit(self.request.cr4, _PAE)))

    @property
    def no_execute(self) -> Bool:
        """EFER.NXE."""
        return bit(self.request.efer, _NXE)

    def controls(self, pse_36: Bool) -> Mapping[Control, Bool]:
        """The manual's controls of ordinary paging; KVM does not ask whether the guest has PSE-36."""
        return {
            Control.NO_EXECUTE: self.no_execute,
            Control.PAGES_1G: self.mmu.guest_cpu.gbpages,
            Control.PAGE_SIZE_EXTENSIONS: bit(self.request.cr4, _PSE),
            Control.PSE_36: pse_36,
        }

    @property
    def ept_controls(self) -> Mapping[Control, Bool]:
        """The manual's controls of EPT by which bits are reserved (SDM A.10)."""
        caps = self.mmu.guest_cpu.ept_caps
        return {Control.PAGES_2M: bit(caps, _EPT_2M), Control.PAGES_1G: bit(caps, _EPT_1G)}

    @property
    def plausible_guest(self) -> Assumption:
        """The address width that the guest is told is one of the architecture's."""
        return Assumption(
            "the guest's MAXPHYADDR is 32 to 52, and it is no SEV guest, whose C-bit KVM takes from the reserved bits",
            plausible_width(self.max_physical_address),
        )

    @property
    def plausible_ept(self) -> Assumption:
        """KVM keeps one number for the largest page."""
        controls = self.ept_controls
        return Assumption(
            "L1 is told of 2-MByte pages of EPT if it is told of 1-GByte pages, as every processor has it",
            implies(controls[Control.PAGES_1G], controls[Control.PAGES_2M]),
        )

    @property
    def paging_on(self) -> Assumption:
        """Tables are walked only while paging is on."""
        return Assumption("paging is on: CR0.PG is 1", bit(self.request.cr0, _PG))

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The registers and the processor, for tables of ordinary paging."""
        guest, request = self.mmu.guest_cpu, self.request
        return (
            Shown("cr0", request.cr0, _CR0_FLAGS),
            Shown("cr4", request.cr4, _CR4_FLAGS),
            Shown("efer", request.efer, _EFER_FLAGS),
            Shown("maxphyaddr", guest.maxphyaddr),
            Shown("GBPAGES", guest.gbpages),
            Shown("AMD", guest.amd_compatible),
        )

    @property
    def ept_shown(self) -> tuple[Shown, ...]:
        """What L1's EPT depends on."""
        return (
            Shown("execonly", self.request.execonly),
            Shown("mbec", self.request.mbec),
            Shown("ept_caps", self.mmu.guest_cpu.ept_caps, _EPT_FLAGS),
            Shown("maxphyaddr", self.mmu.guest_cpu.maxphyaddr),
        )


def requested(kvm: Kvm, kind: MmuKind) -> Requested:
    """An MMU for free requests."""
    request = _request("")
    if not relations.has_mbec(kvm):
        request = _without_mbec(request)
    return Requested(kvm.reserved_bits.set_up(kind, _request("earlier "), request), request)


def _request(when: str) -> MmuRequest:
    return MmuRequest(
        cr0=var(f"{when}cr0", 64),
        cr4=var(f"{when}cr4", 64),
        efer=var(f"{when}efer", 64),
        execonly=bool_var(f"{when}execute-only support"),
        accessed_dirty=bool_var(f"{when}EPTP's A/D bit"),
        mbec=bool_var(f"{when}MBEC for L2"),
        eptp=var(f"{when}new_eptp", 64),
        gmet=bool_var(f"{when}GMET for L2"),
    )


def _without_mbec(request: MmuRequest) -> MmuRequest:
    """The request in a tree that does not offer MBEC."""
    return replace(request, mbec=FALSE)
