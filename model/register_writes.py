"""A guest's writes to control registers, as a proof sees them: what is flushed for it."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.model.invalidations import CachedRoot
from mmuproof.smt.terms import BitVec, Bool


class WrittenRegister(enum.Enum):
    """A control register, by what KVM does when it has been written, or to write it."""

    CR0 = "kvm_post_set_cr0"
    CR3 = "kvm_set_cr3"
    CR4 = "kvm_post_set_cr4"


@dataclass(frozen=True, kw_only=True)
class RegisterWritten:
    """What follows from a write to a control register.

    Attributes:
        function: what KVM does then.
        old: the register before (64).
        new: what is written (64).
        done: the write is no fault.
        has_pcid: the vCPU has CR4.PCIDE; of a write to CR4 anything.
        tdp: nothing shadows the guest's tables.
        no_root: the address that is no root's (64).
        kept: the roots that the vCPU had before, of a write to CR3.
        flushes_current: what is cached with the tag in use is forgotten before the guest runs.
        flushes_guest: that, and all that the guest can see of cached translations.
        evidence: how it came about.
    """

    function: str
    old: BitVec
    new: BitVec
    done: Bool
    has_pcid: Bool
    tdp: Bool
    no_root: BitVec
    kept: Sequence[CachedRoot]
    flushes_current: Bool
    flushes_guest: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class VcpuReset:
    """What follows from a reset of a vCPU.

    Attributes:
        cr0: CR0 before (64).
        by_init: it is an INIT.
        flushes_guest: all that the guest can see of cached translations is forgotten before it runs.
        remakes: the MMU is made anew for the registers that a reset leaves, after all of these are set.
        evidence: how it came about.
    """

    cr0: BitVec
    by_init: Bool
    flushes_guest: Bool
    remakes: Bool
    evidence: Evidence


class RegisterWrites(ABC):
    """What follows from writes to control registers."""

    @abstractmethod
    def reset(self) -> VcpuReset:
        """``kvm_vcpu_reset()``."""

    @abstractmethod
    def written(self, register: WrittenRegister) -> RegisterWritten:
        """``kvm_post_set_cr0()``, ``kvm_set_cr3()`` and ``kvm_post_set_cr4()``."""
