"""The calls that a handler of page faults makes and that are not followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, faults
from mmuproof.model.fault_handlers import FaultHandler
from mmuproof.model.named import functions, kvm_mmu_page
from mmuproof.model.walks import GpteFormat


def _maps(*functions: str) -> tuple[Cut, ...]:
    return tuple(
        Cut(
            function=each,
            reason="maps the fault's page; what it is told of the fault is looked at",
            watched=True,
            elsewhere=("*", kvm_mmu_page.STRUCT),
        )
        for each in functions
    )


MAPS: Mapping[FaultHandler, tuple[Cut, ...]] = MappingProxyType(
    {
        FaultHandler.TDP_MMU: _maps(functions.KVM_TDP_MMU_MAP),
        FaultHandler.DIRECT: _maps(functions.DIRECT_MAP, functions.INNER_DIRECT_MAP),
        FaultHandler.PAGING64: (faults.FILLS[GpteFormat.PAGING64],),
        FaultHandler.PAGING32: (faults.FILLS[GpteFormat.PAGING32],),
        FaultHandler.EPT: (faults.FILLS[GpteFormat.EPT],),
    }
)
"""What maps the page for each handler, by its names over time."""
CUTS: tuple[Cut, ...] = (
    *(each if each.function != faults.STALE.function else replace(each, watched=True) for each in faults.WALKED),
    *(each for handler in (FaultHandler.TDP_MMU, FaultHandler.DIRECT) for each in MAPS[handler]),
    Cut(function=functions.FAST_PAGE_FAULT, reason="answers the fault without a lock, or does not: spte.fast-fault"),
    Cut(function=functions.IS_TDP_MMU, reason="whether the TDP MMU has the tables: any answer; reads only"),
    *common.READ_LOCK,
)
