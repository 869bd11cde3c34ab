"""The MMUs of a vCPU that has just been made, as a proof sees them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool

INVALID_PAGE = (1 << 64) - 1
"""The address that is no page's."""


@dataclass(frozen=True, kw_only=True)
class MmusCreated:
    """What is there when a vCPU has been made.

    Attributes:
        tdp: the VM runs on tables of two-dimensional paging.
        done: the MMUs could be made.
        walks: the MMU in use is the one for the guest's own tables, and each MMU walks those that are meant for it.
        roots: the addresses of all roots, in use, kept and mirrored, of both MMUs (64 each).
        zeroed: new tables are zeroed.
        fill: what each entry of a new table is filled with (64); if that is zero, nothing fills it.
        has_table: the MMU for the guest's own tables has a table of four entries.
        entries: what this table holds (64 each).
        evidence: how it came about.
    """

    tdp: Bool
    done: Bool
    walks: Bool = field(metadata=counts_where("done"))
    roots: tuple[BitVec, ...] = field(metadata=counts_where("done"))
    zeroed: Bool
    fill: BitVec
    has_table: Bool = field(metadata=counts_where("done"))
    entries: tuple[BitVec, ...] = field(metadata=counts_where("has_table"))
    evidence: Evidence


class CreatedMmus(ABC):
    """MMUs of new vCPUs."""

    @abstractmethod
    def created(self) -> MmusCreated:
        """``kvm_mmu_create()``."""
