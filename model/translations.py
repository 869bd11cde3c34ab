"""Translating an address by the guest's tables for KVM itself, as a proof sees it: what comes of a walk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class Translated:
    """A translation; addresses and frames have 64 bits.

    Attributes:
        caller: the function.
        address: what is to be translated.
        access: how it is accessed, an error code (64).
        walked_address: what the tables are walked for.
        walked_access: the access that is judged (64).
        succeeds: the walk comes to a page that may be accessed so.
        gfn: the frame of the guest to which it comes.
        result: what the function gives.
        wants_exception: whoever asks wants to know of a fault.
        exception_told: what the walk says of the fault is handed on, all of it.
        evidence: how it came about.
    """

    caller: str
    address: BitVec
    access: BitVec
    walked_address: BitVec
    walked_access: BitVec
    succeeds: Bool
    gfn: BitVec = field(metadata=counts_where("succeeds"))
    result: BitVec
    wants_exception: Bool
    exception_told: Bool
    evidence: Evidence


class Translations(ABC):
    """What translates addresses by the guest's tables."""

    @abstractmethod
    def translated(self, gpte_format: GpteFormat) -> Translated:
        """``FNAME(gva_to_gpa)()``."""
