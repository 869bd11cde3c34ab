"""Devices that read memory past the caches and come or go, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class DeviceCounted:
    """What is done when such a device comes to a VM or goes.

    Attributes:
        comes: it comes.
        function: what does it.
        devices: how many there are afterwards (32).
        counted: it is counted.
        ignores_pat: the guest's PAT is ignored where there is none.
        zaps: all SPTEs of the VM are zapped.
        evidence: how it came about.
    """

    comes: bool
    function: str
    devices: BitVec
    counted: Bool
    ignores_pat: Bool
    zaps: Bool
    evidence: Evidence


class DeviceChanges(ABC):
    """What is done when devices come and go."""

    @abstractmethod
    def counted(self, comes: bool) -> DeviceCounted:
        """``kvm_arch_register_noncoherent_dma()`` and ``kvm_arch_unregister_noncoherent_dma()``."""
