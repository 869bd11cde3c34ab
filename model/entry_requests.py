"""What a vCPU is asked to do for the MMU before its guest runs, or another guest does, as a proof sees it."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.model.named import vcpu_requests
from mmuproof.smt.terms import BitVec, Bool

_FIRST_OF_ARCH = 8
"""The bit of KVM_ARCH_REQ(0)."""


class EntryRequest(enum.Enum):
    """What a vCPU may be asked, by its bit among the vCPU's requests."""

    FLUSH = vcpu_requests.TLB_FLUSH
    SYNC = _FIRST_OF_ARCH + vcpu_requests.MMU_SYNC
    LOAD = _FIRST_OF_ARCH + vcpu_requests.LOAD_MMU_PGD
    FLUSH_CURRENT = _FIRST_OF_ARCH + vcpu_requests.TLB_FLUSH_CURRENT
    FLUSH_GUEST = _FIRST_OF_ARCH + vcpu_requests.TLB_FLUSH_GUEST
    FREE_ROOTS = _FIRST_OF_ARCH + vcpu_requests.MMU_FREE_OBSOLETE_ROOTS
    FLUSH_LISTED = _FIRST_OF_ARCH + vcpu_requests.HV_TLB_FLUSH


@dataclass(frozen=True, kw_only=True)
class RequestsServed:
    """What is done of what is asked before the guest runs.

    Attributes:
        function: what lets the guest run.
        asked: the requests when it begins (64).
        missed: by request, whether the guest runs though that is asked and not done.
        flushed_early: the guest runs after roots are synchronized or loaded behind the flush that is asked for.
        rootless: it runs without that the MMU was asked for a root and gave one.
        unasked: it runs without that it was asked in the end whether there is more to do.
        unseen: that is asked before others can see that they have to interrupt the vCPU.
        evidence: how it came about.
    """

    function: str
    asked: BitVec
    missed: Mapping[EntryRequest, Bool]
    flushed_early: Bool
    rootless: Bool
    unasked: Bool
    unseen: Bool
    evidence: Evidence


class GuestSwitch(enum.Enum):
    """When a vCPU of Intel's changes between its guests."""

    ENTRY = "nested_vmx_enter_non_root_mode"
    EXIT = "nested_vmx_vmexit"


@dataclass(frozen=True, kw_only=True)
class SwitchServed:
    """What is flushed before a vCPU changes between L1 and L2.

    Attributes:
        function: what changes.
        unserved: it changes before the flushes are made that were asked for the guest that has run.
        evidence: how it came about.
    """

    function: str
    unserved: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class HostStateLoaded:
    """What is flushed when L2 exits and L1's state is loaded.

    Attributes:
        function: what loads it.
        flushes: what flushes between L1 and L2 is called, for an exit.
        evidence: how it came about.
    """

    function: str
    flushes: Bool
    evidence: Evidence


class EntryRequests(ABC):
    """What is done of what a vCPU is asked."""

    @abstractmethod
    def host_state(self) -> HostStateLoaded:
        """``load_vmcs12_host_state()``."""

    @abstractmethod
    def served(self) -> RequestsServed:
        """``vcpu_enter_guest()``, up to where the guest runs for the first time."""

    @abstractmethod
    def switched(self, switch: GuestSwitch) -> SwitchServed:
        """``nested_vmx_enter_non_root_mode()`` and ``nested_vmx_vmexit()``, up to where the guest is another."""
