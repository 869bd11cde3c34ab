"""The calls of where walks of the guest's tables begin that are not followed."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, roots
from mmuproof.model.cuts.set_ups import REGISTER_CACHED
from mmuproof.model.named import kvm_mmu
from mmuproof.smt.terms import bv

NESTED: tuple[Cut, ...] = roots.NESTED_TABLES
OTHER = tuple(
    Cut(function=f"{part}{kvm_mmu.GET_GUEST_PGD}", reason="where other tables begin, any address; reads only")
    for part in ("", *(f"{each}." for each in kvm_mmu.WALKED_BY))
)
"""A function that is not known, as it is called through the pointer."""
CACHED = replace(REGISTER_CACHED, gives=bv(1, 8))
OWN: tuple[Cut, ...] = (*common.CUTS, CACHED, *OTHER)
